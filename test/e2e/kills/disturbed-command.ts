/** Runs a command and disturbs it: by a signal from outside, or by file-hook.ts inside of the process. */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Outcome, scanstroke } from '../command.js';
import {
  FAILING,
  type Fault,
  type HookOrder,
  hookOrderText,
  OPERATIONS,
  type Operation,
  type Signal,
} from './disturbance.js';
import type { Disturbance } from './trial-plan.js';

const HOOK = fileURLToPath(new URL('./file-hook.js', import.meta.url));
/** A command that takes longer hangs: the longest of the recipes takes two seconds on an idle machine. */
const HANG_MS = 120_000;
/** The line in which a training names its parameters and samples. */
const SIZES = /^.* parameters; samples: .*$/m;

/** A file operation of a process, from the log of file-hook.ts. */
export interface LoggedOperation {
  operation: Operation;
  path: string;
  /** Of the machine's clock. */
  ms: number;
  /** It was disturbed. */
  hit: boolean;
}

/** A command that has ended. */
export interface Ran {
  arguments: string[];
  /** How it was to be disturbed, in words. */
  order: string;
  outcome: Outcome;
  pid: number;
  durationMs: number;
  hung: boolean;
  /** It began a training of another size than the undisturbed run, and was ended for that: the sizes; or null. */
  otherSizes: string | null;
  /** A signal or a fault has reached the process. */
  disturbed: boolean;
  operations: LoggedOperation[];
}

/** What is known of the undisturbed run, by which shares become milliseconds and operations. */
export interface Measured {
  durationMs: number;
  operations: readonly LoggedOperation[];
  /** The line with the sizes; null before the undisturbed run. */
  sizes: string | null;
}

/** @param surroundings.cache folder for SCANSTROKE_CACHE; surroundings.log a path that no file has */
export async function runDisturbed(
  words: string[],
  disturbance: Disturbance | null,
  measured: Measured,
  surroundings: { cache: string; log: string },
): Promise<Ran> {
  const order = disturbance && hookOrderOf(disturbance, measured.operations);
  const moment = disturbance?.how === 'moment' ? disturbance : null;
  const ended = new AbortController();
  let pid = 0;
  let hung = false;
  let sent = false;
  let otherSizes: string | null = null;
  const began = performance.now();
  const outcome = await scanstroke(words, {
    node: ['--import', HOOK],
    env: {
      SCANSTROKE_CACHE: surroundings.cache,
      KILLS_LOG: surroundings.log,
      ...(order && { KILLS_ORDER: hookOrderText(order) }),
    },
    onError: (text, child) => {
      const sizes = sizesIn(text);
      if (sizes === null || measured.sizes === null || sizes === measured.sizes) return;
      otherSizes = sizes;
      child.kill('SIGKILL');
    },
    onStart: (child) => {
      pid = child.pid ?? 0;
      const after = (ms: number, act: () => void) =>
        wait(ms, undefined, { signal: ended.signal }).then(act, () => {});
      after(HANG_MS, () => {
        hung = true;
        child.kill('SIGKILL');
      });
      if (!moment) return;
      const atMs = moment.share * measured.durationMs;
      const first = moment.signal === 'SIGINT twice' ? 'SIGINT' : moment.signal;
      after(atMs, () => {
        sent = child.kill(first);
      });
      if (moment.signal === 'SIGINT twice') after(atMs + moment.gapMs, () => child.kill('SIGINT'));
    },
  });
  ended.abort();
  const operations = readLog(surroundings.log);
  return {
    arguments: words,
    order: momentText(moment, measured) ?? (order ? hookOrderText(order) : 'undisturbed'),
    outcome,
    pid,
    durationMs: performance.now() - began,
    hung,
    otherSizes,
    disturbed: sent || operations.some(({ hit }) => hit),
    operations,
  };
}

/** The sizes of a training, from what it printed. */
export const sizesIn = (stderr: string) => SIZES.exec(stderr)?.[0] ?? null;

function momentText(
  moment: { share: number; signal: Signal; gapMs: number } | null,
  { durationMs }: Measured,
) {
  if (!moment) return null;
  const again = moment.signal === 'SIGINT twice' ? `, again ${moment.gapMs} ms later` : '';
  return `${moment.signal} after ${Math.round(moment.share * durationMs)} ms${again}`;
}

function hookOrderOf(disturbance: Disturbance, operations: readonly LoggedOperation[]): HookOrder | null {
  const numberIn = (count: number) => 1 + Math.floor(disturbance.share * count);
  switch (disturbance.how) {
    case 'operation': {
      const { side, signal } = disturbance;
      return { what: 'signal', at: numberIn(operations.length), side, signal };
    }
    case 'fault': {
      const { fault, forever } = disturbance;
      return { what: 'fault', at: numberIn(thatCanFail(operations, fault)), fault, forever };
    }
    default:
      return null;
  }
}

const thatCanFail = (operations: readonly LoggedOperation[], fault: Fault) =>
  operations.filter(({ operation }) => FAILING[fault].includes(operation)).length;

const LOG_LINE = /^[0-9]+ ([a-z]+) ("(?:[^"\\]|\\.)*") ([0-9.]+)( hit)?$/;

function readLog(path: string): LoggedOperation[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => {
    const [, name, path, ms, hit] = LOG_LINE.exec(line) ?? [];
    const operation = OPERATIONS.find((each) => each === name);
    if (!operation) throw new Error(`not a line of the kill harness's log: ${line}`);
    return { operation, path: JSON.parse(path), ms: Number(ms), hit: hit !== undefined };
  });
}
