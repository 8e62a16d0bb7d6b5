/** Runs an opened sweep, lists its trials, and writes and prints its results. Loaded only when the command runs. */
import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { makeFolder, writeFileAtomically } from '../../formats/files.js';
import { formatJson } from '../../formats/json.js';
import { snakeCaseKeys } from '../../formats/key-case.js';
import { drawableFormats } from '../../report/charts/chart-packages.js';
import { printable } from '../../report/recall.js';
import { bestCommands } from '../../report/sweep-commands.js';
import { formatShare, plural } from '../../report/text.js';
import { lockRun } from '../../runs/run-lock.js';
import { removeUnusedFolder } from '../../runs/run-path.js';
import { isTrialFolder, SWEEP_FILES, type Sweep, writeSweep } from '../../runs/sweep/sweep-folder.js';
import { bestFinished, byAccuracy, type TrialResult } from '../../runs/sweep/sweep-results.js';
import { flagName } from '../../train/config/option.js';
import type { TrainConfig } from '../../train/config/options.js';
import { UserError } from '../../user-error.js';
import { dataTitle } from '../commands/train/train-parts.js';
import {
  colorsFor,
  formatTable,
  indent,
  printJson,
  shellQuote,
  type Terminal,
} from '../terminal/terminal.js';
import { type OpenedSweep, sharedConfig } from './open-sweep.js';
import { runSweep } from './run-sweep.js';
import { describeSettings, settingText } from './search-space.js';
import { sweepTable } from './sweep-table.js';
import { SweepView } from './sweep-view.js';

export { openSweep } from './open-sweep.js';

/** Prints the trials: number and settings, or the flags that train one. */
/** @param only numbers of trials; null for all */
export function listTrials(
  { sweep }: OpenedSweep,
  { only, json }: { only: readonly number[] | null; json: boolean },
  terminal: Terminal,
): void {
  if (sweep.study !== null) {
    throw new UserError(
      'sweep: --list needs trials that are known from the start; Optuna chooses them one by one',
    );
  }
  const trials = sweep.trials.filter(({ trial }) => only?.includes(trial) ?? true);
  if (json) {
    const values = trials.map(({ trial, settings }) => ({ trial, settings }));
    printJson(terminal, snakeCaseKeys(values, 'the trials'));
    return;
  }
  const names = ['trial', ...sweep.axes.map(({ option }) => flagName(option))];
  const rows = trials.map(({ trial, settings }) => [
    String(trial),
    ...sweep.axes.map(({ option }) => settingText(settings[option])),
  ]);
  terminal.out.write(
    `${formatTable(
      [names, ...rows],
      names.map(() => true),
    )}\n`,
  );
}

export interface SweepEnd {
  sweep: Sweep;
  folder: string;
  /** The best first. */
  results: TrialResult[];
  best: TrialResult | null;
  /** What --json prints, and results.json holds. */
  value: Record<string, unknown>;
  /** Whether all trials were trained; else some, by --only. */
  isWhole: boolean;
}

/** @returns null after an interruption */
export async function runOpened(
  opened: OpenedSweep,
  { jobs, only, stop }: { jobs: number; only: readonly number[] | null; stop: AbortSignal },
  terminal: Terminal,
): Promise<SweepEnd | null> {
  const { folder, isNew } = opened;
  const notice = (line: string) => terminal.err.write(`${line}\n`);
  // Parts of a sweep run beside each other: each locks the folders of its trials.
  const lock = only === null ? await lockRun(folder, { notice, stop }) : null;
  const view = new SweepView(terminal.err, opened.sweep, only?.length ?? opened.sweep.count);
  try {
    if (isNew) {
      await makeFolder(folder);
      await writeSweep(folder, opened.sweep);
    }
    const config = sharedConfig(opened.sweep);
    const { sweep: planned } = opened;
    const title = `${config.preset} on ${dataTitle(config.data)}`;
    view.line(
      `${plural(only?.length ?? planned.count, 'trial')} of ${title}${jobs > 1 ? `, ${jobs} at a time` : ''}, saved in ${printable(folder)}`,
    );
    const shared = jobs > 1 ? Math.max(1, Math.floor(availableParallelism() / jobs)) : null;
    const threads = opened.threads ?? (config.threads === null ? shared : null);
    const outcome = await runSweep(planned, { folder, jobs, threads, only, stop, view });
    if (outcome === null) return null;
    return await written(outcome.sweep, outcome.results, { folder, title, only, config });
  } finally {
    view.clear();
    if (isNew && only === null) await removeUnbegunSweep(folder);
    await lock?.release();
    removeUnusedFolder(folder);
  }
}

/** Removes sweep.json where no trial could begin, so that the folder can be used again. */
async function removeUnbegunSweep(folder: string): Promise<void> {
  const names = readdirSync(folder);
  if (!names.some(isTrialFolder)) await rm(join(folder, SWEEP_FILES.sweep), { force: true });
}

async function written(
  sweep: Sweep,
  unsorted: readonly TrialResult[],
  place: { folder: string; title: string; only: readonly number[] | null; config: TrainConfig },
): Promise<SweepEnd> {
  const { folder, title, only, config } = place;
  const results = unsorted.filter(({ trial }) => only?.includes(trial) ?? true).sort(byAccuracy);
  const best = bestFinished(results);
  const value = {
    folder,
    best: best?.trial ?? null,
    trials: results.map(({ asked: _, ...result }) => result),
  };
  if (only !== null) return { sweep, folder, results, best, value, isWhole: false };
  await writeFileAtomically(
    join(folder, SWEEP_FILES.results),
    `${formatJson(snakeCaseKeys(value, SWEEP_FILES.results), SWEEP_FILES.results, 2)}\n`,
  );
  const { writeSweepReport } = await import('../../report/sweep-report.js');
  const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string };
  const input = { sweep, results, folder, title, version, nameOf: flagName, textOf: settingText };
  await writeSweepReport(input, { formats: drawableFormats(config.chartFormat) });
  return { sweep, folder, results, best, value, isWhole: true };
}

/** Prints the table, the best first, and the commands for the best. */
export function printResults({ sweep, folder, results, best, isWhole }: SweepEnd, { out }: Terminal): void {
  const { bold, dim } = colorsFor(out);
  const lines = ['', indent(sweepTable(results, sweep.axes)), ''];
  if (isWhole && best !== null) {
    const { trial, settings, bestValAccuracy, testAccuracy } = best;
    lines.push(
      bold(`Best: trial ${trial}`) + dim(` of ${results.length}, by the validation samples`),
      `  ${describeSettings(settings)}`,
      `  validation ${formatShare(bestValAccuracy ?? 0)}, test ${formatShare(testAccuracy ?? 0)}`,
      '',
      bold('Look at'),
      `  ${printable(join(folder, SWEEP_FILES.report))}`,
      '',
      bold('Try next'),
      ...bestCommands(folder, best).map(({ line }) => `  ${line}`),
      '',
    );
  }
  if (!isWhole) {
    lines.push(`When all parts have ended: npx scanstroke sweep --load-cp ${shellQuote(folder)}`, '');
  }
  out.write(lines.join('\n'));
}
