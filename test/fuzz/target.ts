/**
 * What a fuzzing target is, and which outcomes are allowed: a result, or a UserError or HttpError whose message is one
 * short line without control characters. Anything else is a finding.
 */

import type { Random } from '#src/random.js';
import { HttpError } from '#src/serve/http-error.js';
import { postableError, UserError } from '#src/user-error.js';

/** An input is bytes: the file under test itself, or a JSON text that describes files, flags or a request. */
export type Input = Uint8Array;

/** A target that is ready for inputs. */
export interface OpenTarget {
  /** An input: a valid one after mutations, or one from a grammar. It depends on the random numbers alone. */
  make(random: Random): Input;
  /**
   * Runs the function under test on one input. Returns if it accepts the input; throws what the function throws, or an
   * AssertionError if a result is wrong.
   */
  run(input: Input): Promise<void> | void;
  close?(): Promise<void>;
}

export interface Target {
  name: string;
  /** What is under test, for the table. */
  what: string;
  /** How findings are made smaller: byte by byte, or as a JSON value. */
  shape: 'bytes' | 'json';
  /** Share of all inputs, relative to the other targets. */
  share: number;
  /** Processor time and extra memory that an input may take; default LIMITS. */
  limits?: Partial<Limits>;
}

/** Opens targets, by their names; the argument is an empty folder for the target's files. */
export type Openers = Readonly<Record<string, (folder: string) => Promise<OpenTarget>>>;

export interface Limits {
  /** Processor time of an input. */
  cpuMs: number;
  /** Time of an input in which the process does nothing, or the machine is busy. */
  wallMs: number;
  /** Growth of the process's largest memory by one input. */
  memoryBytes: number;
}
export const LIMITS: Limits = { cpuMs: 2000, wallMs: 20_000, memoryBytes: 256 * 2 ** 20 };

/** Longer messages do not fit in a terminal, and come from quoting too much of a file. */
const MAX_MESSAGE_LETTERS = 1500;

export type FindingKind = 'error' | 'message' | 'noise' | 'rejection' | 'hang' | 'crash' | 'memory' | 'files';

/** What happened to an input. */
export type Outcome =
  | { kind: 'accepted' }
  | { kind: 'refused'; message: string }
  | { kind: FindingKind; message: string };

/** Whether an outcome is a defect. */
export function isFinding(outcome: Outcome): outcome is { kind: FindingKind; message: string } {
  return outcome.kind !== 'accepted' && outcome.kind !== 'refused';
}

/** The outcome of an input whose run threw. */
export function outcomeOf(error: unknown): Outcome {
  const { name, message, stack = '' } = postableError(error);
  if (!(error instanceof UserError || error instanceof HttpError)) {
    return { kind: 'error', message: stack.startsWith(name) ? stack : `${name}: ${message}\n${stack}` };
  }
  return judgeMessage(message) ?? { kind: 'refused', message };
}

/** A finding if a message is not one short line of printable text. */
export function judgeMessage(message: string): Outcome | null {
  const control = /[\p{Cc}\u2028\u2029]/u.exec(message);
  if (control) {
    const found = `U+${(control[0].codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
    return {
      kind: 'message',
      message: `the message contains ${found}: ${JSON.stringify(message.slice(0, 300))}`,
    };
  }
  if (message.length > MAX_MESSAGE_LETTERS) {
    return {
      kind: 'message',
      message: `the message has ${message.length} letters: ${message.slice(0, 200)}`,
    };
  }
  return message === '' ? { kind: 'message', message: 'the message is empty' } : null;
}

/**
 * The class of a message: without quotations, numbers and paths, so that messages of one cause are equal. Of an error
 * with a stack, the first line and the first frame in scanstroke's own code.
 */
export function messageClass(message: string): string {
  const [first, ...frames] = message.split('\n');
  const frame = frames.find((line) => /\/dist\//.test(line) && !line.includes('/vendor/')) ?? '';
  const place = /\/dist\/([^):]+)/.exec(frame)?.[1] ?? '';
  const words = first
    .slice(0, 600)
    .replace(/"(?:[^"\\]|\\.)*"?/g, '"…"')
    .replace(/(?:\/[^\s:,;()]+)+/g, '/…')
    .replace(/[-+]?(?:\d[\d.]*(?:e[-+]?\d+)?|\bInfinity|\bNaN\b)/gi, '#')
    .replace(/#(?:[^\p{L}]+#)+/gu, '#')
    .slice(0, 160);
  return place === '' ? words : `${words} @ ${place}`;
}
