/**
 * The child process: makes inputs, runs them, judges outcomes. It may hang, run out of memory or crash; watchdog.ts
 * watches it from outside. Notes its current input in a file before it runs it.
 *
 *   node fuzz-child.js FOLDER
 */
import { mkdirSync, openSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '#src/random.js';
import { encodeNote, NOTE_BYTES, type Order, type Report } from './child-protocol.js';
import { countOutcome, emptyCounts } from './tally.js';
import { type Input, LIMITS, type OpenTarget, type Outcome, outcomeOf } from './target.js';
import { openTarget, targetNamed } from './targets.js';

/** Counts are sent this often, so that few inputs run again after a hang. */
const REPORT_MS = 200;
/** Open files that libraries and the event loop may keep. */
const SPARE_FILES = 8;
const collect = globalThis.gc;

const folder = process.argv[2];
const note = openSync(join(folder, 'note'), 'w');
const noted = new Float64Array(NOTE_BYTES / 8);
let turn = 0;
/** What happened beside the result of the current input. */
let aside: Outcome | null = null;

for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => {
    const outcome = outcomeOf(error);
    const message = 'message' in outcome ? outcome.message : '';
    aside ??= { kind: 'rejection', message: `${event}: ${message}` };
  });
}
process.on('warning', (warning) => {
  aside ??= { kind: 'noise', message: `warning: ${warning.name}: ${warning.message}` };
});
for (const stream of [process.stdout, process.stderr]) {
  stream.write = (text: string | Uint8Array) => {
    aside ??= { kind: 'noise', message: `output: ${Buffer.from(text).toString().slice(0, 300)}` };
    return true;
  };
}

const open = new Map<string, Promise<OpenTarget>>();

/** Opens a target at its first input. */
function opened(name: string): Promise<OpenTarget> {
  let target = open.get(name);
  if (target === undefined) {
    const own = join(folder, name);
    mkdirSync(own, { recursive: true });
    target = openTarget(name, own);
    open.set(name, target);
  }
  return target;
}

/** The same seed and index always give the same input. */
function inputAt(target: OpenTarget, name: string, seed: number, index: number): Input {
  const words = [...name].map((letter) => letter.charCodeAt(0));
  return target.make(new Random(seed, ...words, index));
}

function noteInput(index: number): void {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  encodeNote(
    { turn: ++turn, index, cpuMs: (userCPUTime + systemCPUTime) / 1000, peakBytes: maxRSS * 1024 },
    noted,
  );
  writeSync(note, new Uint8Array(noted.buffer), 0, NOTE_BYTES, 0);
}

async function runInput(name: string, target: OpenTarget, input: Input, index: number): Promise<Outcome> {
  const { memoryBytes } = { ...LIMITS, ...targetNamed(name).limits };
  aside = null;
  noteInput(index);
  const peakBefore = noted[3];
  let outcome: Outcome = { kind: 'accepted' };
  try {
    await target.run(input);
  } catch (error) {
    outcome = outcomeOf(error);
  }
  // Read through a function: the handlers above have set it in the meantime.
  const beside = asideNow();
  if (beside !== null && (outcome.kind === 'accepted' || outcome.kind === 'refused')) outcome = beside;
  const grown = process.resourceUsage().maxRSS * 1024 - peakBefore;
  if (grown > memoryBytes) {
    // Garbage of many inputs adds up to as much, too: the watchdog tries the input alone.
    outcome = { kind: 'memory', message: `${Math.round(grown / 2 ** 20)} MiB more memory` };
  }
  return outcome;
}

function asideNow(): Outcome | null {
  return aside;
}

const openFiles = () => readdirSync('/proc/self/fd').length;
/** Files and connections that close in the background have this time. */
const CLOSE_MS = 2000;

/** Whether more files are open than before, even after a while. */
async function leavesFiles(before: number): Promise<boolean> {
  const until = performance.now() + CLOSE_MS;
  while (openFiles() > before && performance.now() < until) await sleep(10);
  return openFiles() > before;
}
const turnOfLoop = () => new Promise<void>((resolve) => setImmediate(resolve));

async function runBatch({ target: name, seed, from, end }: Order & { kind: 'batch' }): Promise<void> {
  const target = await opened(name);
  let counts = emptyCounts();
  let began = performance.now();
  let cpuBefore = process.cpuUsage();
  const report = (upTo: number, done: boolean) => {
    const { user, system } = process.cpuUsage(cpuBefore);
    send({ kind: 'counts', upTo, counts, done, cpuMs: (user + system) / 1000 });
    counts = emptyCounts();
    began = performance.now();
    cpuBefore = process.cpuUsage();
  };
  const filesBefore = openFiles();
  for (let index = from; index < end; index++) {
    const input = inputAt(target, name, seed, index);
    const outcome = await runInput(name, target, input, index);
    countOutcome(counts, outcome, { target: name, seed, index });
    if (outcome.kind === 'memory') {
      // The largest memory never shrinks: a new process continues.
      report(index + 1, false);
      return;
    }
    if (performance.now() - began > REPORT_MS) {
      await turnOfLoop();
      report(index + 1, false);
    }
  }
  await turnOfLoop();
  noteInput(-1);
  if (await leavesFiles(filesBefore + SPARE_FILES)) {
    const found = await firstThatLeavesFiles(name, target, seed, from, end);
    if (found >= 0) {
      const message = 'files stay open after the input';
      counts.findings.push({ target: name, seed, index: found, kind: 'files', message });
    }
  }
  noteInput(-1);
  collect?.();
  report(end, true);
}

/** Runs a batch again and looks at the open files after each input; -1 if none leaves any open. */
async function firstThatLeavesFiles(
  name: string,
  target: OpenTarget,
  seed: number,
  from: number,
  end: number,
) {
  for (let index = from; index < end; index++) {
    const before = openFiles();
    const input = inputAt(target, name, seed, index);
    await runInput(name, target, input, index);
    noteInput(-1);
    if (openFiles() > before && (await leavesFilesAgain(name, target, input, index))) return index;
  }
  return -1;
}

/** Whether an input leaves more files open each time. What is opened once, such as a worker thread, does not count. */
async function leavesFilesAgain(name: string, target: OpenTarget, input: Input, index: number) {
  for (let time = 0; time < 2; time++) {
    const before = openFiles();
    await runInput(name, target, input, index);
    noteInput(-1);
    if (!(await leavesFiles(before))) return false;
  }
  return true;
}

async function obey(order: Order): Promise<void> {
  if (order.kind === 'batch') return runBatch(order);
  const target = await opened(order.target);
  if (order.kind === 'make') {
    send({ kind: 'input', input: inputAt(target, order.target, order.seed, order.index) });
    return;
  }
  let outcome = await runInput(order.target, target, order.input, 0);
  await turnOfLoop();
  await turnOfLoop();
  const late = asideNow();
  if (late !== null && (outcome.kind === 'accepted' || outcome.kind === 'refused')) outcome = late;
  noteInput(-1);
  const quiet = outcome.kind === 'accepted' || outcome.kind === 'refused';
  if (order.again && quiet && (await leavesFilesAgain(order.target, target, order.input, 0))) {
    outcome = { kind: 'files', message: 'files stay open after the input' };
  }
  send({ kind: 'outcome', outcome });
}

function send(report: Report): void {
  process.send?.(report);
}

process.on('message', (order: Order) => {
  obey(order).catch((error: unknown) => {
    send({
      kind: 'failed',
      message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  });
});
process.on('disconnect', () => process.exit());
noteInput(-1);
send({ kind: 'ready' });
