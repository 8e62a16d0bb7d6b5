/** Counts the results of many trials, as Markdown tables: by recipe, and by disturbance. */
import type { TrialEnd } from './trial.js';
import type { Trial } from './trial-plan.js';
import { RESULTS, type Result } from './verdict.js';

export class Tally {
  readonly #byRecipe = new Map<string, Map<string, number>>();
  readonly #byDisturbance = new Map<string, Map<string, number>>();
  trials = 0;
  /** Processes that were killed or interrupted. */
  kills = 0;
  /** Signals, faults and rivals that reached a process. */
  disturbed = 0;
  findings = 0;

  add({ settings }: Trial, end: TrialEnd): void {
    this.trials++;
    this.kills += end.kills;
    this.disturbed += end.disturbed;
    const found = end.findings.length > 0;
    this.findings += Number(found);
    const recipe = countersOf(this.#byRecipe, settings.recipe);
    count(recipe, 'trials');
    count(recipe, 'kills', end.kills);
    count(recipe, 'begun anew', Number(end.begunAnew));
    count(recipe, found ? 'findings' : 'same bits');
    for (const { disturbance, result, ran } of end.commands) {
      if (disturbance === null) continue;
      const counters = countersOf(this.#byDisturbance, disturbance);
      count(counters, 'commands');
      count(counters, result);
      if (result === 'ended' && !ran.disturbed) count(counters, 'of these untouched');
    }
    const last = end.commands.findLast(({ disturbance }) => disturbance !== null);
    if (found && last?.disturbance) count(countersOf(this.#byDisturbance, last.disturbance), 'findings');
  }

  toMarkdown(): string {
    const results: readonly (Result | 'of these untouched')[] = [...RESULTS, 'of these untouched'];
    return [
      table('run', ['trials', 'kills', 'begun anew', 'same bits', 'findings'], this.#byRecipe),
      table('disturbance', ['commands', ...results, 'findings'], this.#byDisturbance),
    ].join('\n');
  }
}

function countersOf(table: Map<string, Map<string, number>>, name: string): Map<string, number> {
  const known = table.get(name) ?? new Map<string, number>();
  table.set(name, known);
  return known;
}

function count(counters: Map<string, number>, name: string, by = 1): void {
  counters.set(name, (counters.get(name) ?? 0) + by);
}

function table(title: string, columns: string[], lines: Map<string, Map<string, number>>): string {
  const total = new Map<string, number>();
  for (const counters of lines.values()) for (const [name, value] of counters) count(total, name, value);
  const cells = [...[...lines].sort(([a], [b]) => (a < b ? -1 : 1)), ['all', total] as const].map(
    ([name, counters]) => [name, ...columns.map((column) => String(counters.get(column) ?? 0))],
  );
  const widths = [title, ...columns].map((text, i) =>
    Math.max(text.length, ...cells.map((c) => c[i].length)),
  );
  const lineOf = (texts: string[]) =>
    `| ${texts.map((text, i) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i]))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return `${[lineOf([title, ...columns]), rule, ...cells.map(lineOf)].join('\n')}\n`;
}
