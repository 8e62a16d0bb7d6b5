/**
 * Compares a backend's results with the oracle: the reference backend with float64 buffers, on the same float32 inputs.
 * A tolerance is in units of 2⁻²⁴ times the size of the values. 2⁻²⁴ is half of float32's relative spacing, the error of
 * one rounding. Every tolerance states the reason for its units.
 */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import { GuardedMemory, type Memory, PlainMemory } from '../memory.js';
import type { Verbs } from '../verbs.js';

/** Largest difference between a result and the oracle's. */
export interface Tolerance {
  /** |got - want| ≤ units · 2⁻²⁴ · max(floor, the largest |want| of this result). 0: exactly the float32 value. */
  units: number;
  /** The size of the summands, if they can cancel to a small result. */
  floor?: number;
  why: string;
}

/** Named results of a case. */
export type Results = Record<string, ArrayLike<number>>;

export interface Case {
  name: string;
  /** Calls verbs on buffers from `memory`; also makes the checks that need no oracle. */
  run(backend: Verbs, memory: Memory): Promise<Results>;
  /** The tolerance of every result. */
  tolerances: Record<string, Tolerance>;
}

/** The oracle: the reference backend with float64 buffers. */
export const oracle = new ReferenceBackend({ storage: 'float64' });

const ROUNDING = 2 ** -24;

/** Rounding errors of a float32 sum of `terms` products: one per term in the worst case, usually their square root. */
export function accumulated(terms: number): number {
  return 4 + 2 * Math.sqrt(terms);
}

/** The largest share of its tolerance that each result used, over all cases; printed with SCANSTROKE_MARGINS=1. */
const used = new Map<string, { share: number; name: string }>();
if (process.env.SCANSTROKE_MARGINS) {
  after(() => {
    for (const [result, { share, name }] of used) {
      console.log(`${(100 * share).toFixed(1).padStart(6)} % of the tolerance of ${result} (${name})`);
    }
  });
}

/** Fails, naming the worst element, if a result is not within its tolerance. NaN equals NaN only. */
export function assertWithin(
  result: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  tolerance: Tolerance,
  name = '',
): void {
  assert.equal(got.length, want.length, `${result}: length`);
  let size = tolerance.floor ?? 0;
  for (let n = 0; n < want.length; n++)
    size = Math.max(size, Number.isFinite(want[n]) ? Math.abs(want[n]) : 0);
  const allowed = tolerance.units * ROUNDING * size;
  let worst = -1;
  let worstError = 0;
  for (let n = 0; n < want.length; n++) {
    const expected = tolerance.units === 0 ? Math.fround(want[n]) : want[n];
    if (Object.is(got[n], expected) || got[n] === expected) continue;
    const error = Math.abs(got[n] - expected);
    if (!(error <= worstError)) {
      worst = n;
      worstError = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
    }
  }
  const share = worst < 0 ? 0 : worstError / allowed;
  if (share >= (used.get(result)?.share ?? 0)) used.set(result, { share, name });
  if (worst < 0 || worstError <= allowed) return;
  assert.fail(
    `${result}[${worst}] is ${got[worst]}, expected ${want[worst]}: off by ${worstError}, allowed ${allowed} (${tolerance.units} units of 2^-24 of ${size}: ${tolerance.why})`,
  );
}

/** The oracle's results of each case, computed once for all backends of the process. */
const expectations = new Map<string, Results>();

/** Registers a test for every case. */
export function compareAll(backend: Verbs, cases: Case[]): void {
  for (const { name, run, tolerances } of cases) {
    test(name, async () => {
      let expected = expectations.get(name);
      if (expected === undefined) {
        expected = await run(oracle, new PlainMemory(oracle));
        expectations.set(name, expected);
      }
      const memory = new GuardedMemory(backend);
      try {
        const results = await run(backend, memory);
        assert.deepEqual(Object.keys(results), Object.keys(expected));
        for (const [result, got] of Object.entries(results)) {
          assertWithin(result, got, expected[result], tolerances[result], name);
        }
      } finally {
        memory.release();
      }
    });
  }
}

/** Fails unless both hold the same bits. */
export function assertSameBits(got: Float32Array, want: Float32Array, what: string): void {
  const gotBits = new Int32Array(got.buffer, got.byteOffset, got.length);
  const wantBits = new Int32Array(want.buffer, want.byteOffset, want.length);
  assert.equal(gotBits.length, wantBits.length, `${what}: length`);
  const at = gotBits.findIndex((bits, n) => bits !== wantBits[n]);
  if (at >= 0) assert.fail(`${what}: element ${at} is ${got[at]}, expected the bits of ${want[at]}`);
}
