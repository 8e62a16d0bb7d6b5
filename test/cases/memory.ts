/**
 * The buffers of a case. On the backend under test, every buffer is between guard words at an odd offset. Outputs begin
 * as NaN. Inputs must be bit-identical afterwards. On the oracle, buffers are plain arrays.
 */

import assert from 'node:assert/strict';
import type { Stored } from '#src/backends/backend.js';
import { numberToBfloat } from '#src/backends/bfloat.js';
import { type Precision, precisionOf, viewIn } from '#src/backends/stored.js';
import { numberToHalf } from '#src/half.js';
import type { Verbs } from './verbs.js';

/** Allocates the buffers of a case. */
export interface Memory {
  /** Floats that verbs may only read. */
  input(values: ArrayLike<number>): Float32Array;
  /** Integers that verbs may only read. */
  ints(values: ArrayLike<number>): Int32Array;
  /** Floats that a verb changes, e.g. adds to. */
  changed(values: ArrayLike<number>): Float32Array;
  /** Floats that a verb overwrites without reading (also scratch). */
  output(length: number): Float32Array;
  /** Numbers of a precision that a verb changes or overwrites. */
  stored(precision: Precision, values: ArrayLike<number>): Stored;
  /** Marks a buffer as an input: verbs may only read it from now on. */
  freeze(buffer: Stored): void;
  /** Fails with the verb's name if guard words or inputs have changed. */
  check(verb: string): void;
}

/** Guard words on each side: an odd number, and more than the widest vector and a tile's row of gates have. */
const GUARD = 67;
/** A quiet NaN with a payload that no arithmetic produces. A verb that reads it gives NaN; overwriting removes it. */
const PATTERN = 0x7fc0dead;
/** The same for 16-bit floats. */
const PATTERNS = { float16: 0x7e5a, bfloat16: 0x7fea } as const;

interface Region {
  whole: Int32Array;
  length: number;
  /** Content that must not change. */
  frozen: Int32Array | null;
}

/** The bytes of words; comparing them costs little. */
function bytesOf(words: Int32Array): Buffer {
  return Buffer.from(words.buffer, words.byteOffset, words.byteLength);
}
const GUARD_BYTES = bytesOf(new Int32Array(GUARD).fill(PATTERN));

export class GuardedMemory implements Memory {
  readonly #backend: Verbs;
  readonly #regions = new Map<Stored | Int32Array, Region>();
  readonly #allocated: (Float32Array | Int32Array)[] = [];

  constructor(backend: Verbs) {
    this.#backend = backend;
  }

  #floats(length: number): Float32Array {
    const whole = this.#backend.allocate(length + 2 * GUARD);
    const bits = new Int32Array(whole.buffer, whole.byteOffset, whole.length).fill(PATTERN);
    const buffer = whole.subarray(GUARD, GUARD + length);
    this.#regions.set(buffer, { whole: bits, length, frozen: null });
    this.#allocated.push(whole);
    return buffer;
  }

  input(values: ArrayLike<number>): Float32Array {
    const buffer = this.changed(values);
    this.freeze(buffer);
    return buffer;
  }

  ints(values: ArrayLike<number>): Int32Array {
    const whole = this.#backend.allocateInts(values.length + 2 * GUARD).fill(PATTERN);
    const buffer = whole.subarray(GUARD, GUARD + values.length);
    buffer.set(values);
    this.#regions.set(buffer, { whole, length: values.length, frozen: buffer.slice() });
    this.#allocated.push(whole);
    return buffer;
  }

  changed(values: ArrayLike<number>): Float32Array {
    const buffer = this.#floats(values.length);
    buffer.set(values);
    return buffer;
  }

  output(length: number): Float32Array {
    return this.#floats(length);
  }

  stored(precision: Precision, values: ArrayLike<number>): Stored {
    if (precision === 'float32') return this.changed(values);
    const floats = this.#floats(Math.ceil(values.length / 2));
    const buffer = viewIn(precision, floats).subarray(0, values.length);
    write(buffer, values);
    this.#regions.set(buffer, this.#regions.get(floats)!);
    this.#regions.delete(floats);
    return buffer;
  }

  freeze(buffer: Stored): void {
    const region = this.#regions.get(buffer)!;
    region.frozen = region.whole.slice(GUARD, GUARD + region.length);
  }

  check(verb: string): void {
    for (const { whole, length, frozen } of this.#regions.values()) {
      const end = GUARD + length;
      for (const begin of [0, end]) {
        const guard = whole.subarray(begin, begin + GUARD);
        if (bytesOf(guard).equals(GUARD_BYTES)) continue;
        const at = begin + guard.findIndex((word) => word !== PATTERN) - GUARD;
        assert.fail(`${verb} wrote at ${at} of a buffer of ${length}`);
      }
      const now = whole.subarray(GUARD, end);
      if (frozen === null || bytesOf(now).equals(bytesOf(frozen))) continue;
      const at = now.findIndex((bits, n) => bits !== frozen[n]);
      assert.fail(`${verb} changed element ${at} of a buffer of ${length} that it may only read`);
    }
  }

  release(): void {
    for (const array of this.#allocated) this.#backend.release(array);
  }
}

/** Buffers for the oracle: only the values. */
export class PlainMemory implements Memory {
  readonly #backend: Verbs;

  constructor(backend: Verbs) {
    this.#backend = backend;
  }

  input(values: ArrayLike<number>): Float32Array {
    const buffer = this.#backend.allocate(values.length);
    buffer.set(values);
    return buffer;
  }

  ints(values: ArrayLike<number>): Int32Array {
    return Int32Array.from(values);
  }

  changed(values: ArrayLike<number>): Float32Array {
    return this.input(values);
  }

  output(length: number): Float32Array {
    return this.#backend.allocate(length).fill(Number.NaN);
  }

  stored(precision: Precision, values: ArrayLike<number>): Stored {
    if (precision === 'float32') return this.changed(values);
    const floats = new Float32Array(Math.ceil(values.length / 2));
    const buffer = viewIn(precision, floats).subarray(0, values.length);
    write(buffer, values);
    return buffer;
  }

  freeze(): void {}

  check(): void {}
}

/** Writes numbers as 16-bit floats; NaN as the pattern. */
function write(buffer: Stored, values: ArrayLike<number>): void {
  const [pattern, narrow] =
    buffer instanceof Uint16Array
      ? [PATTERNS.float16, numberToHalf]
      : ([PATTERNS.bfloat16, numberToBfloat] as const);
  for (let n = 0; n < values.length; n++) buffer[n] = Number.isNaN(values[n]) ? pattern : narrow(values[n]);
}

/** Fails unless the elements of `buffer` at `keep` still have the bits that `output` wrote. */
export function assertUntouched(buffer: Stored, keep: (index: number) => boolean, what: string): void {
  if (buffer instanceof Float64Array) return;
  const precision = precisionOf(buffer);
  if (precision !== 'float32') {
    const at = Array.from(buffer).findIndex((bits, n) => keep(n) && bits !== PATTERNS[precision]);
    assert.equal(at, -1, `${what}: element ${at} must stay untouched`);
    return;
  }
  const bits = new Int32Array(buffer.buffer, buffer.byteOffset, buffer.length);
  const at = bits.findIndex((word, n) => keep(n) && word !== PATTERN);
  assert.equal(at, -1, `${what}: element ${at} must stay untouched`);
}
