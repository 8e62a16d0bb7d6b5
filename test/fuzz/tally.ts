/** Counts of outcomes by target and by class of message, and the findings among them. */
import { type FindingKind, isFinding, messageClass, type Outcome } from './target.js';

/** An input that was not handled as promised. */
export interface Finding {
  target: string;
  seed: number;
  index: number;
  kind: FindingKind;
  message: string;
}

/** Counts of a stretch of inputs, as the child sends them. */
export interface Counts {
  accepted: number;
  /** Refused inputs by the class of their message. */
  refused: Record<string, number>;
  findings: Finding[];
}

export function emptyCounts(): Counts {
  return { accepted: 0, refused: Object.create(null) as Record<string, number>, findings: [] };
}

/** Adds the outcome of one input. */
export function countOutcome(
  counts: Counts,
  outcome: Outcome,
  input: Pick<Finding, 'target' | 'seed' | 'index'>,
) {
  if (isFinding(outcome)) counts.findings.push({ ...input, ...outcome });
  else if (outcome.kind === 'accepted') counts.accepted++;
  else {
    const words = messageClass(outcome.message);
    counts.refused[words] = (counts.refused[words] ?? 0) + 1;
  }
}

/** All counts of one target. */
export class Tally {
  inputs = 0;
  accepted = 0;
  refused = 0;
  /** Processor time of the target, in all children together. */
  cpuMs = 0;
  readonly classes = new Map<string, number>();
  /** The first finding of each signature, and how many there were. */
  readonly findings = new Map<string, { first: Finding; count: number }>();

  add(counts: Counts): void {
    this.accepted += counts.accepted;
    this.inputs += counts.accepted;
    for (const [words, count] of Object.entries(counts.refused)) {
      this.refused += count;
      this.inputs += count;
      this.classes.set(words, (this.classes.get(words) ?? 0) + count);
    }
    for (const finding of counts.findings) this.addFinding(finding);
  }

  addFinding(finding: Finding): void {
    // An input that leaves files open has its own outcome, too.
    if (finding.kind !== 'files') this.inputs++;
    const known = this.findings.get(signature(finding));
    if (known) known.count++;
    else this.findings.set(signature(finding), { first: finding, count: 1 });
  }

  /** Number of findings, repetitions included. */
  get found(): number {
    return [...this.findings.values()].reduce((sum, { count }) => sum + count, 0);
  }
}

/** Findings of one signature have, most likely, one cause. */
export function signature({ kind, message }: Pick<Finding, 'kind' | 'message'>): string {
  // A process that was killed tells nothing of the cause.
  return kind === 'hang' || kind === 'memory' || kind === 'crash'
    ? kind
    : `${kind}: ${messageClass(message)}`;
}

/** The counts as a table in Markdown. */
export function tallyTable(
  tallies: ReadonlyMap<string, Tally>,
  describe: (target: string) => string,
): string {
  const number = (value: number) => value.toLocaleString('en-US');
  const rows = [...tallies]
    .filter(([, { inputs }]) => inputs > 0)
    .map(([name, tally]) => [
      name,
      describe(name),
      number(tally.inputs),
      number(tally.accepted),
      number(tally.refused),
      number(tally.classes.size),
      number(tally.found),
    ]);
  const all = [...tallies.values()];
  const sum = (of: (tally: Tally) => number) => number(all.reduce((total, tally) => total + of(tally), 0));
  rows.push([
    '**all**',
    '',
    sum((tally) => tally.inputs),
    sum((tally) => tally.accepted),
    sum((tally) => tally.refused),
    sum((tally) => tally.classes.size),
    sum((tally) => tally.found),
  ]);
  const head = ['target', 'under test', 'inputs', 'accepted', 'refused', 'kinds of refusal', 'findings'];
  const widths = head.map((text, column) => Math.max(text.length, ...rows.map((row) => row[column].length)));
  const line = (cells: string[]) =>
    `| ${cells.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join(' | ')} |`;
  const rule = widths.map((width, column) => (column < 2 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}
