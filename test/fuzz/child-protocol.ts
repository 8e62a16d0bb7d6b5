/** Messages between the watchdog and its child process, and the file in which the child notes its current input. */
import type { Counts } from './tally.js';
import type { Input, Outcome } from './target.js';

export type Order =
  /** Run the inputs `from` … `end` - 1 of a target. */
  | { kind: 'batch'; target: string; seed: number; from: number; end: number }
  /** Run one input; `again`: twice more, to see whether each time leaves files open. */
  | { kind: 'try'; target: string; input: Input; again: boolean }
  /** Make one input, and do not run it. */
  | { kind: 'make'; target: string; seed: number; index: number };

export type Report =
  | { kind: 'ready' }
  /** Counts of the inputs up to, and not including, `upTo`, and their processor time; sent several times in a batch. */
  | { kind: 'counts'; upTo: number; counts: Counts; done: boolean; cpuMs: number }
  | { kind: 'outcome'; outcome: Outcome }
  | { kind: 'input'; input: Input }
  /** The child itself failed: a target that cannot open, for example. */
  | { kind: 'failed'; message: string };

/**
 * The note: four 64-bit floats. Written before and after every input; the parent reads it, since a child that hangs or
 * dies can say nothing.
 */
export interface Note {
  /** Changes with every input. */
  turn: number;
  /** Of the input; -1 while none runs. */
  index: number;
  /** Processor time of the child when the input began, in ms. */
  cpuMs: number;
  /** Largest memory of the child when the input began, in bytes. */
  peakBytes: number;
}
export const NOTE_BYTES = 32;

export function encodeNote({ turn, index, cpuMs, peakBytes }: Note, into: Float64Array): void {
  into[0] = turn;
  into[1] = index;
  into[2] = cpuMs;
  into[3] = peakBytes;
}

export function decodeNote(values: Float64Array): Note {
  return { turn: values[0], index: values[1], cpuMs: values[2], peakBytes: values[3] };
}
