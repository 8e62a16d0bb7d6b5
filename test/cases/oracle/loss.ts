/** Softmax cross-entropy against the oracle: huge, equal and infinite logits, label smoothing, weights, 1 to 1000 classes. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '#src/random.js';
import { uniform } from '../draw.js';
import { GuardedMemory } from '../memory.js';
import type { Verbs } from '../verbs.js';
import { assertSameBits, type Case } from './comparison.js';

const KINDS = {
  ordinary: (random: Random, length: number) => uniform(random, length, 5),
  huge: (random: Random, length: number) => uniform(random, length, 1e4),
  'one far above': (random: Random, length: number) =>
    uniform(random, length).map((logit, n) => (n % 3 === 0 ? 1e4 : logit)),
  'all far below': (random: Random, length: number) => uniform(random, length).map((logit) => logit - 1e4),
  equal: (_random: Random, length: number) => new Float32Array(length).fill(-3.25),
  tiny: (random: Random, length: number) => uniform(random, length, 1e-30),
};

/** Label smoothing, and whether the classes have weights. */
const SETTINGS: [number, boolean][] = [
  [0, false],
  [0.1, false],
  [1, false],
  [0, true],
  [0.1, true],
];

export function lossCases(): Case[] {
  const cases: Case[] = [];
  const classCounts = [1, 2, 3, 4, 5, 7, 8, 9, 10, 16, 17, 26, 31, 33, 47, 1000];
  for (const [kind, draw] of Object.entries(KINDS)) {
    for (const classes of classCounts) {
      for (const [labelSmoothing, weighted] of SETTINGS) {
        const random = new Random(classes, labelSmoothing * 10, kind.length);
        const rows = 1 + random.below(8);
        const logits = draw(random, rows * classes);
        const labels = Int32Array.from({ length: rows }, () => random.below(classes));
        labels[0] = classes - 1;
        // From 0 to 3; the label of the first row has one.
        const weights = weighted ? uniform(random, classes, 1.5).map((weight) => weight + 1.5) : null;
        if (weights) weights[0] = classes > 1 ? 0 : 2;
        const gradientScale = 1 / rows;
        const want = `${rows} rows, K ${classes}, smoothing ${labelSmoothing}${weights ? ', weights' : ''}`;
        cases.push({
          name: `crossEntropy: ${kind} logits, ${want}`,
          async run(backend, memory) {
            const classWeights = weights && memory.input(weights);
            const shape = { rows, classes, labelSmoothing, classWeights, gradientScale };
            const inputs = { logits: memory.input(logits), labels: memory.ints(labels) };
            const losses = memory.output(rows);
            const dLogits = memory.output(rows * classes);
            await backend.crossEntropy({ ...shape, ...inputs, losses, dLogits });
            memory.check('crossEntropy');
            const only = memory.output(rows);
            await backend.crossEntropy({ ...shape, ...inputs, losses: only, dLogits: null });
            memory.check('crossEntropy');
            assertSameBits(only, losses, 'losses without dLogits');
            return { losses, dLogits };
          },
          tolerances: {
            losses: { units: 8, floor: 1e-6, why: 'an exponential, a logarithm and K sums near 1' },
            dLogits: { units: 8, floor: gradientScale, why: 'differences of probabilities' },
          },
        });
      }
    }
  }
  return cases;
}

/** Properties of cross-entropy beyond its definition. */
export function lossTests(backend: Verbs): void {
  const run = async (logits: number[], label: number, labelSmoothing = 0, weights?: number[]) => {
    const memory = new GuardedMemory(backend);
    const losses = memory.output(1);
    const dLogits = memory.output(logits.length);
    await backend.crossEntropy({
      rows: 1,
      classes: logits.length,
      logits: memory.input(logits),
      labels: memory.ints([label]),
      labelSmoothing,
      classWeights: weights && memory.input(Float32Array.from(weights)),
      losses,
      dLogits,
      gradientScale: 1,
    });
    const result = { loss: losses[0], dLogits: [...dLogits] };
    memory.release();
    return result;
  };
  const inf = Number.POSITIVE_INFINITY;

  test('crossEntropy: a logit of -∞ does not change the loss unless it is the label', async () => {
    const { loss, dLogits } = await run([0, -inf, 0], 0);
    assert.ok(Math.abs(loss - Math.LN2) < 1e-6, `loss ${loss}`);
    assert.deepEqual(dLogits, [-0.5, 0, 0.5]);
    assert.equal((await run([0, -inf, 0], 1)).loss, inf);
  });

  test('crossEntropy: a logit of -∞ whose target is 0 does not change the loss', async () => {
    for (const [label, smoothing, wanted] of [
      [0, 0.25, 0.875 * Math.LN2],
      [1, 0.25, 0.125 * Math.LN2],
      [1, 0, 0],
    ]) {
      const { loss, dLogits } = await run([0, -inf, 0, -inf], label, smoothing, [1, 0, 1, 0]);
      assert.ok(Math.abs(loss - wanted) < 1e-6, `loss ${loss}, not ${wanted}`);
      assert.ok(dLogits.every(Number.isFinite), `${dLogits}`);
    }
  });

  test('crossEntropy: NaN in, NaN out', async () => {
    const { loss, dLogits } = await run([1, Number.NaN, 2], 0);
    assert.ok(Number.isNaN(loss));
    assert.ok(dLogits.every((value) => Number.isNaN(value)));
  });

  test('crossEntropy: a small loss is accurate', async () => {
    // ln(1 + e⁻¹⁵) = 3.059e-7. The float32 logarithm of 1.0000003 would be wrong by a fifth.
    const { loss } = await run([15, 0], 0);
    assert.ok(Math.abs(loss / Math.log1p(Math.exp(-15)) - 1) < 1e-6, `loss ${loss}`);
  });
}
