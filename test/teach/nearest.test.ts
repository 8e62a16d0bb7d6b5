/** Protects the answers at once: features, the regression's equations, examples that come and go, leave-one-out. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { Backend } from '#src/backends/backend.js';
import { openBackend } from '#src/backends/open-node.js';
import { Random } from '#src/random.js';
import { type Features, openFeatures } from '#src/teach/features.js';
import { Nearest } from '#src/teach/nearest.js';
import { RidgeSums, scoresOf } from '#src/teach/ridge.js';
import { letter } from './hands.js';

const NETWORK = new URL('../../../models/digit-strokes/best.safetensors', import.meta.url);

const random = new Random(1);
const vector = (size: number) => Float32Array.from({ length: size }, () => random.uniform() - 0.5);

describe('ridge regression', () => {
  const examples = Array.from({ length: 30 }, (_, n) => ({ x: vector(7), k: n % 3 }));
  const sumsOf = (of: typeof examples) => {
    const sums = new RidgeSums(7);
    for (const { x, k } of of) sums.add(x, k);
    return sums;
  };

  test('the gradient of its loss is zero at the solution', () => {
    const layer = sumsOf(examples).solve(0.3);
    const mean = Array.from({ length: 7 }, (_, i) => examples.reduce((sum, { x }) => sum + x[i], 0) / 30);
    const spread = examples.reduce((sum, { x }) => sum + x.reduce((s, v, i) => s + (v - mean[i]) ** 2, 0), 0);
    const lambda = (0.3 * spread) / 30;
    for (let k = 0; k < 3; k++) {
      for (let i = 0; i < 7; i++) {
        const slope = examples.reduce(
          (sum, example) => {
            const target = (example.k === k ? 1 : 0) - 1 / 3;
            return sum + (scoresOf(layer, example.x)[k] - target) * (example.x[i] - mean[i]);
          },
          lambda * layer.weights[k * 7 + i],
        );
        // λ is larger by 1e-9, which keeps equal examples solvable.
        assert.ok(Math.abs(slope) < 1e-8, `class ${k}, feature ${i}: ${slope}`);
      }
    }
  });

  test('an example that was added and removed leaves no trace', () => {
    const sums = sumsOf(examples);
    const extra = vector(7);
    sums.add(extra, 1);
    sums.add(extra, 1, -1);
    const [now, then] = [sums.solve(0.3).weights, sumsOf(examples).solve(0.3).weights];
    assert.ok(now.every((value, i) => Math.abs(value - then[i]) < 1e-12));
  });
});

describe('symbols from a few examples', () => {
  const NAMES = ['A', 'E', 'W', 'π', '&'];
  let backend: Backend;
  let features: Features;
  const known = new Map<string, Float32Array>();
  before(async () => {
    backend = await openBackend('auto', () => {});
    features = openFeatures(readFileSync(NETWORK), backend);
    for (const name of NAMES) {
      const found = await features.ofAll(Array.from({ length: 50 }, (_, n) => letter(name, n)));
      for (const [n, feature] of found.entries()) known.set(`${name}${n}`, feature as Float32Array);
    }
  });
  after(() => {
    features.close();
    backend.close();
  });
  const taughtWith = (perClass: number) => {
    const nearest = new Nearest();
    for (const name of NAMES) {
      for (let n = 0; n < perClass; n++)
        nearest.add(`${name}${n}`, name, known.get(`${name}${n}`) as Float32Array);
    }
    return nearest;
  };
  const answerTo = (nearest: Nearest, feature: Float32Array) => {
    const { classes, probabilities } = nearest.answer(feature) as NonNullable<ReturnType<Nearest['answer']>>;
    return classes[probabilities.indexOf(Math.max(...probabilities))];
  };

  test('a feature has length 1, one by one as in a batch, and none for a dot', async () => {
    const feature = (await features.of(letter('A', 3))) as Float32Array;
    assert.equal(feature.length, features.size);
    assert.ok(Math.abs(feature.reduce((sum, value) => sum + value * value, 0) - 1) < 1e-5);
    const inBatch = known.get('A3') as Float32Array;
    // Products of other row counts are added in another order.
    assert.ok(feature.every((value, i) => Math.abs(value - inBatch[i]) < 1e-4));
    assert.equal(await features.of({ strokes: [{ xs: [5], ys: [5] }] }), null);
    assert.equal(await features.of({ strokes: [] }), null);
  });

  for (const [perClass, least] of [
    [2, 0.8],
    [5, 0.9],
    [10, 0.96],
  ]) {
    test(`${perClass} examples a class: at least ${100 * least} % of fresh drawings`, () => {
      const nearest = taughtWith(perClass);
      let right = 0;
      for (const name of NAMES) {
        for (let n = 10; n < 50; n++) {
          if (answerTo(nearest, known.get(`${name}${n}`) as Float32Array) === name) right++;
        }
      }
      assert.ok(right >= least * 200, `${right} of 200`);
    });
  }

  test('other symbols are likelier none than symbols of the classes', async () => {
    const nearest = taughtWith(8);
    const none = (feature: Float32Array) => nearest.answer(feature)?.none ?? 1;
    const own = NAMES.flatMap((name) =>
      [10, 11, 12, 13].map((n) => none(known.get(`${name}${n}`) as Float32Array)),
    );
    const others = await features.ofAll(
      ['Q', 'T', '#', '∞'].flatMap((name) => [0, 1, 2, 3, 4].map((n) => letter(name, n))),
    );
    const foreign = others.map((feature) => none(feature as Float32Array));
    const share = (values: number[]) => values.filter((value) => value > 0.5).length / values.length;
    assert.ok(share(own) <= 0.15, `refused of the classes: ${share(own)}`);
    assert.ok(share(foreign) >= 0.5, `refused of others: ${share(foreign)}`);
  });

  test('leave-one-out answers as if the example had never been added', () => {
    const nearest = taughtWith(3);
    const { correct, count, confusions } = nearest.leaveOneOut();
    assert.equal(count, 15);
    assert.equal(correct + confusions.reduce((sum, { examples }) => sum + examples.length, 0), 15);
    const wrong = new Map(
      confusions.flatMap(({ answered, examples }) => examples.map((id) => [id, answered] as const)),
    );
    let same = 0;
    for (const name of NAMES) {
      for (let n = 0; n < 3; n++) {
        const id = `${name}${n}`;
        const feature = known.get(id) as Float32Array;
        nearest.remove(id);
        if (answerTo(nearest, feature) === (wrong.get(id) ?? name)) same++;
        nearest.add(id, name, feature);
      }
    }
    // The strength of the regularisation depends a little on the examples.
    assert.ok(same >= 14, `${same} of 15`);
  });

  test('examples come, are replaced and go', () => {
    const nearest = new Nearest();
    const a = known.get('A0') as Float32Array;
    assert.equal(nearest.answer(a), null);
    nearest.add('1', 'A', a);
    assert.deepEqual(nearest.answer(a)?.probabilities, Float32Array.of(1));
    nearest.add('1', 'E', known.get('E0') as Float32Array);
    assert.deepEqual([nearest.count, nearest.answer(a)?.classes], [1, ['E']]);
    assert.deepEqual(nearest.leaveOneOut(), { correct: 0, count: 0, confusions: [] });
    assert.throws(() => nearest.add('2', 'A', a.subarray(1)), /use the features of one network/);
    assert.equal(nearest.remove('1'), true);
    assert.equal(nearest.remove('1'), false);
    assert.equal(nearest.answer(a), null);
  });
});
