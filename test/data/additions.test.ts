/**
 * Protects what is added to MNIST's training samples: they do not change how recognition prepares pictures, which the
 * data set's own samples alone decide.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { IMAGE_KIND } from '#src/data/images/image-kind.js';
import type { KindName } from '#src/data/input-kind.js';
import { kindOf } from '#src/data/kinds.js';
import { loadDataset } from '#src/data/open-dataset.js';
import { resolveConfig } from '#src/train/config/run-config.js';
import { temporaryFolder, writeSmallMnist } from '../train/small-mnist.js';

test('with negatives, drawn digits and changed copies, recognition prepares pictures as for MNIST', async () => {
  const adding = { share: 0.02, seed: 0 };
  const loading = { channelsImg: 1, order: 'tour' } as const;
  const plain = await loadDataset('mnist', loading);
  const made = await loadDataset('mnist', { ...loading, negatives: adding, drawn: adding, changed: adding });
  assert.ok(plain.kind === 'images' && made.kind === 'images');
  assert.equal(made.own, 60_000);
  assert.equal(made.train.count, Math.round(60_000 * 1.04 * 1.02));
  const settings = resolveConfig({ flags: {} });
  const { fitted } = IMAGE_KIND.preprocessingFor(made, settings);
  assert.equal(fitted, undefined, 'left out for yes');

  // Samples that are not in place count only among the own ones.
  const pixels = made.train.pixels.slice();
  pixels.fill(100, 60_000 * 784);
  const { fitted: still } = IMAGE_KIND.preprocessingFor(
    { ...made, train: { ...made.train, pixels } },
    settings,
  );
  assert.equal(still, undefined);
  const other = {
    ...made,
    own: undefined,
    train: { ...made.train, count: 4000, pixels: pixels.subarray(58_000 * 784) },
  };
  assert.equal(IMAGE_KIND.preprocessingFor(other, settings).fitted, false);
});

test('a second set has other examples of the same classes, and the first stays as it is', async () => {
  const data = temporaryFolder();
  writeSmallMnist(data, 200, 20);
  const adding = { share: 0.5, seed: 3 };
  for (const [spec, kind] of [
    [data, 'images'],
    [`strokes:${data}`, 'strokes'],
  ] as const) {
    const loading = {
      channelsImg: 1,
      order: 'tour',
      threads: 1,
      negatives: adding,
      changed: adding,
    } as const;
    const [one, two] = [
      await loadDataset(spec, loading),
      await loadDataset(spec, { ...loading, madeSets: 2 }),
    ];
    assert.ok(one.kind === kind && two.kind === kind);
    const made = one.train.count - 200;
    assert.equal(two.train.count, 200 + 2 * made);
    assert.deepEqual(two.sets, [200, 200 + made]);
    assert.deepEqual(two.originals?.subarray(0, one.originals?.length), one.originals);
    assert.ok(two.originals);
    const originals = two.originals.subarray(-made);
    assert.ok(
      originals.subarray(0, 100).every((original) => original === -1),
      'negatives',
    );
    assert.ok(
      originals.subarray(100).some((original) => original >= 0),
      'copies of own examples',
    );
    assert.ok(originals.every((original) => original < 200));
    const exampleAt = (i: number) => kindOf<KindName>(two).exampleAt(two.train, i);
    for (const i of [0, 199, 200, 250])
      assert.deepEqual(exampleAt(i), kindOf<KindName>(one).exampleAt(one.train, i));
    const labels = [...two.train.labels];
    assert.deepEqual(labels.slice(200, 300), labels.slice(200 + made, 300 + made), 'none');
    originals.forEach((original, n) => {
      if (original >= 0) assert.equal(labels[200 + made + n], labels[original]);
    });
    const same = Array.from({ length: 100 }, (_, n) => n).filter((n) => {
      return isDeepStrictEqual(exampleAt(200 + n), exampleAt(200 + made + n));
    });
    // A few, such as empty pictures, are always the same.
    assert.ok(same.length < 20, `${same.length} of 100 negatives are the same in both sets`);
  }
});

test('sets of nothing are refused', async () => {
  await assert.rejects(loadDataset('mnist', { channelsImg: 1, order: 'tour', madeSets: 2 }), {
    message: /2 sets of made samples, but none are made; add a share/,
  });
});
