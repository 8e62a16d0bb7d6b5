/** Judges how a disturbed command ended: exit code, signal and every line that it printed. */
import { basename } from 'node:path';
import type { Ran } from './disturbed-command.js';
import type { Disturbance } from './trial-plan.js';

/** How commands end. `interrupted`: with a checkpoint, by a signal. `refused`: by a mistake of the user, it says. */
export const RESULTS = ['killed', 'interrupted', 'ended', 'fault reported', 'refused'] as const;
export type Result = (typeof RESULTS)[number];

export interface Verdict {
  result: Result;
  /** What should not be, a line each. */
  findings: string[];
}

const INTERRUPTED = 130;
const MISTAKE = 2;

/** The line of a resume whose run has ended. */
const ALL_DONE = /^all epochs are done /m;
/** The last line of an interrupted training. */
const CONTINUE = /^continue with: npx scanstroke train --load-cp /;
const NOTHING_WRITTEN = /^stopped before the first update; nothing was written$/;
/** The lines on standard error that a training may print. */
const EXPECTED_LINES = [
  /^[a-z-]+, seed [0-9]+, on (cpu|wasm) \([^)]+\), [0-9]+ threads?$/,
  /^[0-9,]+ parameters; samples: [0-9,]+ for training, [0-9,]+ for validation, [0-9,]+ for the test$/,
  /^[0-9]+ epochs? of [0-9]+ updates?, saved in /,
  /^[0-9]+ updates? an epoch, [0-9]+ in all, are few to learn from; for [0-9]+ training samples try /,
  /^the training loss has the weights of the classes \(--class-weights balanced\), /,
  /^continues (in|with) epoch [0-9]+(, after update [0-9]+)?$/,
  /^epoch +[0-9]+\/[0-9]+ /,
  /^stopped after epoch [0-9]+: validation (accuracy did not improve|reached the target) /,
  /^(stopping|writing)\b.*; press Ctrl-C again to exit at once$/,
  /^interrupted ((in|after) epoch [0-9]+(, after update [0-9]+)?|before the first update)$/,
  CONTINUE,
  NOTHING_WRITTEN,
  /^the training loss of the last epoch, [0-9.]+, is above that of guessing, /,
  / was killed as it began; it begins again from /,
  ALL_DONE,
];
const ERROR_LINE = /^scanstroke: /;

export function judge(ran: Ran, disturbance: Disturbance | null): Verdict {
  const { outcome, disturbed } = ran;
  const findings: string[] = [];
  if (ran.hung) return { result: 'killed', findings: ['hangs'] };
  if (ran.otherSizes !== null) {
    return { result: 'killed', findings: [`trains with other settings: ${ran.otherSizes}`] };
  }
  const lines = outcome.stderr.split('\n').filter((line) => line !== '');
  const errors = lines.filter((line) => ERROR_LINE.test(line));
  const fault = disturbance?.how === 'fault' && disturbed ? disturbance.fault : null;
  const isExpected = (line: string) =>
    EXPECTED_LINES.some((each) => each.test(line)) ||
    (outcome.code === MISTAKE && ERROR_LINE.test(line)) ||
    (fault !== null && line.includes(fault)); // a notice: the cache of strokes cannot be written
  findings.push(...lines.filter((line) => !isExpected(line)).map((line) => `prints ${JSON.stringify(line)}`));

  if (outcome.signal !== null) {
    if (!disturbed) findings.push(`ends by ${outcome.signal} without a signal from the harness`);
    const signal = disturbance && 'signal' in disturbance ? disturbance.signal : null;
    if (signal !== 'SIGKILL' && signal !== 'SIGINT twice' && isTraining(outcome)) {
      findings.push(`${outcome.signal} ends the training without a last checkpoint`);
    }
    return { result: 'killed', findings };
  }
  switch (outcome.code) {
    case 0: {
      const hit = ran.operations.find((operation) => operation.hit);
      // The cache of strokes may fail.
      if (fault && hit && !/[/]strokes-[0-9a-f]+\.safetensors|[/]cache$/.test(hit.path)) {
        findings.push(`exit code 0, although ${hit.operation} of ${hit.path} failed with ${fault}`);
      }
      return { result: 'ended', findings };
    }
    case INTERRUPTED:
      if (!disturbed) findings.push('exit code 130 without a signal');
      if (![CONTINUE, NOTHING_WRITTEN].some((each) => each.test(lines.at(-1) ?? '')))
        findings.push('does not say how to continue');
      return { result: 'interrupted', findings };
    case MISTAKE:
      if (errors.length !== 1 || lines.at(-1) !== errors[0])
        findings.push('exit code 2 without one last line');
      if (fault && errors[0]?.includes(`(${fault})`)) return { result: 'fault reported', findings };
      return { result: 'refused', findings };
    default:
      return { result: 'refused', findings: [...findings, `exit code ${outcome.code}`] };
  }
}

/** Whether the training had begun, and had not ended. */
const isTraining = ({ stderr, stdout }: Ran['outcome']) => /, saved in /.test(stderr) && stdout === '';

/** Where a command says it goes on: `[epoch, updates in it]`; `[1, 0]` for a new run, null if it did not begin. */
export function beganAt({ outcome }: Ran): [number, number] | null {
  if (!/, saved in /.test(outcome.stderr)) return null;
  if (ALL_DONE.test(outcome.stderr)) return [Number.POSITIVE_INFINITY, 0];
  const found = /^continues (?:in|with) epoch ([0-9]+)(?:, after update ([0-9]+))?$/m.exec(outcome.stderr);
  return found ? [Number(found[1]), Number(found[2] ?? 0)] : [1, 0];
}

/** What is wrong with two commands that wanted one run folder at once: exactly one may go on. */
export function judgeRivals(first: Ran, second: Ran, folder: string): string[] {
  const verdicts = [first, second].map((ran) => judge(ran, null));
  const findings = verdicts.flatMap((verdict) => verdict.findings);
  const ended = verdicts.filter(({ result }) => result === 'ended').length;
  if (ended === 0) findings.push(`neither goes on: ${lastLine(first)}; ${lastLine(second)}`);
  if (ended === 2 && overlap(first, second, folder)) findings.push('both write the run folder at once');
  if (ended === 1) {
    const [winner, loser] = verdicts[0].result === 'ended' ? [first, second] : [second, first];
    const line = lastLine(loser);
    const names = new RegExp(`\\b${winner.pid}\\b`).test(line);
    // The other had not begun yet, or both began a new run.
    const tooEarly = /does not exist|holds no run/.test(line);
    const bothNew = /holds a run already/.test(line) && !loser.arguments.includes('--load-cp');
    if (!names && !tooEarly && !bothNew) findings.push(`the refusal names no process: ${line}`);
  }
  return findings;
}

export const lastLine = ({ outcome }: Ran) => outcome.stderr.trimEnd().split('\n').at(-1) ?? '';

/** Whether two commands wrote files of a run in turns, and not one after the other. The lock is no such file. */
function overlap(first: Ran, second: Ran, folder: string): boolean {
  const [a, b] = [first, second].map((ran) => {
    const times = ran.operations
      .filter(({ path }) => path.startsWith(`${folder}/`) && !basename(path).startsWith('.lock'))
      .map(({ ms }) => ms);
    return { from: Math.min(...times), to: Math.max(...times) };
  });
  return Math.max(a.from, b.from) < Math.min(a.to, b.to);
}
