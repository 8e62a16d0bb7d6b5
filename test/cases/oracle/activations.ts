/**
 * sigmoid and tanh over all magnitudes: every 4,099th of the 2³² float32 values, both signs of a dense range, and the
 * special ones. The stated bound, which kernels/activation.h and docs/mathematics.md repeat: 4 units in the last place
 * of the true value, and results below the smallest normal number may be flushed (absolute error below 1.18e-38).
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GuardedMemory } from '../memory.js';
import type { Verbs } from '../verbs.js';
import { assertSameBits } from './comparison.js';

type Kind = 'sigmoid' | 'tanh';
const KINDS: readonly Kind[] = ['sigmoid', 'tanh'];
const BOUND_ULP = 4;
const SMALLEST_NORMAL = 2 ** -126;

const truth = {
  sigmoid: (x: number) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
};

/** The gap between float32 numbers at the size of `value`. */
function ulp(value: number): number {
  const exponent = Math.max(-126, Math.floor(Math.log2(Math.abs(value))));
  return 2 ** (exponent - 23);
}

async function activated(backend: Verbs, kind: Kind, inputs: Float32Array): Promise<Float32Array> {
  const memory = new GuardedMemory(backend);
  const outputs = memory.output(inputs.length);
  await backend.activate!(kind, memory.input(inputs), outputs);
  memory.check('activate');
  const copy = outputs.slice();
  memory.release();
  return copy;
}

/** Every 4,099th bit pattern (a prime, so that all low bits occur), NaN left out. */
function allMagnitudes(): Float32Array {
  const bits = Uint32Array.from({ length: Math.floor(2 ** 32 / 4099) }, (_, n) => n * 4099);
  return new Float32Array(bits.buffer).filter((value) => !Number.isNaN(value));
}

/** The curved range of the functions: from -20 to 20, at distances that are no multiple of the range reduction's. */
function bend(): Float32Array {
  return Float32Array.from({ length: 400_001 }, (_, n) => (n - 200_000) / 10_007);
}

function specials(): Float32Array {
  const inf = Number.POSITIVE_INFINITY;
  const positive = [0, 2 ** -149, 2 ** -140, 2 ** -127, SMALLEST_NORMAL, 1e-20, 2 ** -24, 2 ** -12, 0.5, 1];
  // Arguments at which exponentials over- or underflow or results saturate, and the largest numbers.
  const large = [8.3, 8.32, 9, 9.01, 9.011, 16.6, 17.3, 18, 44, 87.3, 87.34, 88.37, 88.72, 88.73, 89, 103.97];
  const all = [...positive, ...large, 104, 128, 1e3, 1e10, 3.4028234663852886e38, inf];
  return Float32Array.from([...all, ...all.map((value) => -value)]);
}

export function activationTests(backend: Verbs): void {
  const dense = allMagnitudes();
  for (const kind of KINDS) {
    test(`${kind}: at most ${BOUND_ULP} ulp off over all magnitudes`, async () => {
      let worst = 0;
      for (const inputs of [dense, bend(), specials()]) {
        const outputs = await activated(backend, kind, inputs);
        for (let n = 0; n < inputs.length; n++) {
          const want = truth[kind](inputs[n]);
          const error = Math.abs(outputs[n] - want);
          // This comparison fails for NaN.
          const flushed = Math.abs(want) < SMALLEST_NORMAL && error <= SMALLEST_NORMAL;
          if (!(flushed || error <= BOUND_ULP * ulp(want))) {
            assert.fail(
              `${kind}(${inputs[n]}) is ${outputs[n]}, expected ${want}: ${error / ulp(want)} ulp off`,
            );
          }
          if (!flushed) worst = Math.max(worst, error / ulp(want));
        }
      }
      if (process.env.SCANSTROKE_MARGINS) console.log(`${kind}: at most ${worst.toFixed(2)} ulp off`);
    });

    test(`${kind}: stays in its range, saturates exactly and passes NaN through`, async () => {
      const least = kind === 'tanh' ? -1 : 0;
      for (const inputs of [dense, specials()]) {
        assert.ok((await activated(backend, kind, inputs)).every((value) => value >= least && value <= 1));
      }
      const inf = Number.POSITIVE_INFINITY;
      const [low, high, none, nan] = await activated(
        backend,
        kind,
        Float32Array.of(-inf, inf, 0, Number.NaN),
      );
      assert.deepEqual([low, high, none], [least, 1, kind === 'tanh' ? 0 : 0.5]);
      assert.ok(Number.isNaN(nan));
      // Every NaN: quiet and signalling, both signs, any payload.
      const bits = Uint32Array.of(0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001, 0x7fffffff, 0xffabcdef);
      const passed = await activated(backend, kind, new Float32Array(bits.buffer));
      assert.ok(passed.every((value) => Number.isNaN(value)));
    });

    test(`${kind}: is monotonic up to rounding`, async () => {
      const outputs = await activated(backend, kind, bend());
      for (let n = 1; n < outputs.length; n++) {
        if (outputs[n] < outputs[n - 1] - 2 * ulp(outputs[n])) {
          assert.fail(`${kind} falls from ${outputs[n - 1]} to ${outputs[n]} at value ${n}`);
        }
      }
    });

    test(`${kind}: an element's result does not depend on its index or on the length`, async () => {
      const inputs = bend().filter((_, n) => n % 5003 === 0);
      const together = await activated(backend, kind, inputs);
      for (let length = 1; length <= inputs.length; length++) {
        const from = (length * 7) % (inputs.length - length + 1);
        const part = await activated(backend, kind, inputs.slice(from, from + length));
        assertSameBits(part, together.slice(from, from + length), `${length} from ${from}`);
      }
    });
  }

  test('tanh is odd to the bit', async () => {
    const positive = await activated(backend, 'tanh', dense);
    const negative = await activated(
      backend,
      'tanh',
      dense.map((value) => -value),
    );
    for (let n = 0; n < dense.length; n++) {
      if (negative[n] !== -positive[n]) {
        assert.fail(`tanh(${-dense[n]}) is ${negative[n]}, but tanh(${dense[n]}) is ${positive[n]}`);
      }
    }
  });
}
