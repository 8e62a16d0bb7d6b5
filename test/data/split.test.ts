/** Protects the split and the order of examples: both depend only on the seed; every example is in exactly one part. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  epochOrder,
  epochOrderByBlocks,
  splitExamples,
  splitIndices,
  splitIntoEpochs,
  trainCountOf,
} from '#src/data/split.js';
import { UserError } from '#src/user-error.js';

const ascending = (array: Int32Array) => [...array].sort((a, b) => a - b);

test('5/6 of 60,000 is 50,000', () => {
  assert.equal(trainCountOf(60_000, 5 / 6), 50_000);
  assert.equal(trainCountOf(60_000, 0.8333333), 50_000);
  assert.equal(trainCountOf(3, 0.5), 2);
});

test('a fraction that leaves a part empty is refused with the counts', () => {
  for (const fraction of [0, 1, -0.5, 1.5, Number.NaN]) {
    assert.throws(() => trainCountOf(10, fraction), /expected a share between 0 and 1/);
  }
  assert.throws(() => trainCountOf(10, 0.99), /of 10 examples, 10 are for training and 0 for validation/);
  assert.throws(() => trainCountOf(10, 0.01), /of 10 examples, 0 are for training and 10 for validation/);
  assert.throws(() => splitIndices(10, 10, 0), UserError);
  assert.throws(() => splitIndices(10, 0, 0), UserError);
});

test('every example is in exactly one part', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 300 }), fc.nat(), fc.nat(), (count, share, seed) => {
      const trainCount = 1 + (share % (count - 1));
      const { train, validation } = splitIndices(count, trainCount, seed);
      assert.equal(train.length, trainCount);
      assert.deepEqual(ascending(Int32Array.of(...train, ...validation)), [...Array(count).keys()]);
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('a rare class is in both parts, also of many examples', () => {
  const count = 300_000;
  const labels = new Uint8Array(count);
  labels.set([1, 1], 1000);
  for (const seed of [1, 2, 3, 4]) {
    const { train, validation } = splitExamples({ train: { count, labels } }, 0.8, seed);
    assert.equal(train.length + validation.length, count);
    for (const part of [train, validation]) assert.ok(part.some((index) => labels[index] === 1));
  }
});

test('copies follow their originals into training, and are left out of validation', () => {
  const originals = Int32Array.from({ length: 60 }, (_, n) => (n * 7) % 50);
  const { train, validation } = splitExamples(
    { train: { count: 110, labels: new Uint8Array(110) }, originals },
    0.8,
    3,
  );
  const plain = splitIndices(50, 40, 3);
  assert.deepEqual(validation, plain.validation);
  assert.deepEqual(train.subarray(0, 40), plain.train);
  const copies = [...train.subarray(40)];
  const trained = new Set(plain.train);
  assert.deepEqual(
    copies,
    [...originals.keys()].filter((n) => trained.has(originals[n])).map((n) => 50 + n),
  );
  assert.ok(copies.length > 30 && copies.length < 60);
  assert.deepEqual(splitExamples({ train: { count: 50, labels: new Uint8Array(50) } }, 0.8, 3), plain);
});

test('a class with two examples or more is in both parts, and nothing else moves', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 8 }), { minLength: 12, maxLength: 60 }),
      fc.nat({ max: 1000 }),
      (labels, seed) => {
        const count = labels.length;
        const { train, validation } = splitExamples({ train: { count, labels } }, 5 / 6, seed);
        const plain = splitIndices(count, trainCountOf(count, 5 / 6), seed);
        const classesOf = (part: Int32Array) => new Set(Array.from(part, (index) => labels[index]));
        const before = [classesOf(plain.train), classesOf(plain.validation)];
        const [trained, validated] = [classesOf(train), classesOf(validation)];
        for (const label of new Set(labels)) {
          const isRare = labels.filter((each) => each === label).length === 1;
          assert.ok(isRare || (trained.has(label) && validated.has(label)), `class ${label}`);
          // A class that chance had put into both parts stays where it was.
          if (!before.every((classes) => classes.has(label))) continue;
          const of = (part: Int32Array) => part.filter((index) => labels[index] === label);
          assert.deepEqual([of(train), of(validation)], [of(plain.train), of(plain.validation)]);
        }
        assert.deepEqual(ascending(Int32Array.of(...train, ...validation)), [...labels.keys()]);
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});

test('the split of many examples is that of the permutation alone', () => {
  const labels = Uint8Array.from({ length: 60_000 }, (_, n) => n % 10);
  const split = splitExamples({ train: { count: 60_000, labels } }, 5 / 6, 0);
  assert.deepEqual(split, splitIndices(60_000, 50_000, 0));
});

test('the split depends only on the seed', () => {
  assert.deepEqual(splitIndices(1000, 800, 3), splitIndices(1000, 800, 3));
  assert.notDeepEqual(splitIndices(1000, 800, 3).train, splitIndices(1000, 800, 4).train);
  // Must never change: a resumed run must not train on its validation examples.
  assert.deepEqual(
    [...splitIndices(60_000, 50_000, 0).train.subarray(0, 5)],
    [11510, 18627, 12021, 45557, 42132],
  );
});

test('an epoch has every training example once, in another order than other epochs', () => {
  const { train } = splitIndices(1000, 800, 0);
  const before = train.slice();
  const first = epochOrder(train, 0, 1);
  assert.deepEqual(train, before);
  assert.deepEqual(ascending(first), ascending(train));
  assert.deepEqual(epochOrder(train, 0, 1), first);
  for (const other of [epochOrder(train, 0, 2), epochOrder(train, 1, 1), train])
    assert.notDeepEqual(other, first);
  assert.deepEqual([...epochOrder(train, 0, 1).subarray(0, 5)], [300, 450, 756, 81, 119]);
});

test('examples in blocks: each once; batches of similar length from few blocks; a function of seed and epoch', () => {
  const count = 300 * 64 + 17;
  const lengthOf = (i: number) => 1 + ((i * 7919) % 50);
  // Every third example is left out, and the indices come in any order.
  const indices = Int32Array.from({ length: count }, (_, i) => i)
    .filter((i) => i % 3 > 0)
    .reverse();
  const orderIn = (epoch: number, seed = 4) => epochOrderByBlocks(indices, lengthOf, 32, 64, seed, epoch);
  const order = orderIn(2);
  assert.deepEqual(ascending(order), ascending(indices));
  assert.deepEqual(orderIn(2), order);
  assert.notDeepEqual(orderIn(3), order);
  assert.notDeepEqual(orderIn(2, 5), order);
  // The first pool has 256 of 301 blocks.
  const pool = order.subarray(0, Math.floor((256 * 42) / 32) * 32);
  assert.ok(new Set(pool.map((i) => Math.floor(i / 64))).size <= 256);
  assert.ok(
    new Set(order.subarray(0, 32).map((i) => Math.floor(i / 64))).size > 16,
    'a batch of many blocks',
  );
  const spread = (batch: Int32Array) => Math.max(...batch.map(lengthOf)) - Math.min(...batch.map(lengthOf));
  const whole = Array.from({ length: Math.floor(order.length / 32) }, (_, b) =>
    order.subarray(32 * b, 32 * b + 32),
  );
  assert.ok(whole.reduce((sum, batch) => sum + spread(batch), 0) / whole.length < 8);
});

test('epochs read the own examples and one set of made ones; validation has only some of the first set', () => {
  // 100 own ones; sets of 20 made ones and copies of all 120.
  const [own, made] = [100, 20];
  const copies = Array.from({ length: own + made }, (_, i) => i);
  const later = [...new Array(made).fill(-1), ...copies.map((i) => (i < own ? i : -1))];
  const originals = Int32Array.from([...copies, ...later, ...later]);
  const size = made + copies.length;
  const sets = [own, own + size, own + 2 * size];
  const count = own + 3 * size;
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
  const examples = { train: { count, labels }, originals, sets };
  const { train, validation } = splitIntoEpochs(examples, 0.75, 5);
  const alone = splitExamples(
    { train: { count: own + size, labels }, originals: originals.slice(0, 120) },
    0.75,
    5,
  );
  assert.deepEqual({ train: train[0], validation }, alone, 'the first set is as without others');
  const held = new Set(validation);
  const originalOf = (i: number) => (i < own + made ? i : originals[i - own - made]);
  train.forEach((epoch, set) => {
    assert.equal(epoch.length, train[0].length);
    assert.equal(new Set(epoch).size, epoch.length);
    assert.deepEqual(epoch.filter((i) => i < own).sort(), train[0].filter((i) => i < own).sort());
    for (const i of epoch) {
      assert.ok(i < own || (i >= sets[set] && i < sets[set] + size), `${i} in set ${set}`);
      assert.ok(!held.has(originalOf(i)), `${i} is, or is a copy of, a validation example`);
    }
  });
  assert.equal(train.length, 3);
});

test('validation examples that the data set names are not trained on', () => {
  const validation = Int32Array.of(0, 3, 4);
  assert.deepEqual(splitExamples({ train: { count: 6, labels: [0, 0, 0, 0, 0, 0] }, validation }, 0.5, 1), {
    train: Int32Array.of(1, 2, 5),
    validation,
  });
});
