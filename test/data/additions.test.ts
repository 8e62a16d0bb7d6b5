/**
 * Protects what is added to MNIST's training samples: they do not change how recognition prepares pictures, which the
 * data set's own samples alone decide.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IMAGE_KIND } from '#src/data/images/image-kind.js';
import { loadDataset } from '#src/data/open-dataset.js';
import { resolveConfig } from '#src/train/config/run-config.js';

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
