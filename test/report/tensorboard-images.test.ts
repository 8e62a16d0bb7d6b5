/** Protects the pictures that a finished run shows in TensorBoard. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { decode } from 'fast-png';
import { logImages } from '#src/report/tensorboard-images.js';
import { readEvents } from '../runs/event-reader.js';
import { temporaryFolder } from '../train/small-mnist.js';
import { sampleInput } from './sample.js';

test('the charts that are no curves are PNG pictures at the last update, with their sizes', async () => {
  const folder = temporaryFolder();
  const input = sampleInput();
  await logImages(folder, input);
  const values = readEvents(join(folder, 'tensorboard'));
  const step = input.metrics.at(-1)?.curve.at(-1)?.step;
  assert.ok(step);
  const names = ['test/confusion-matrix', 'test/confusion-rates', 'test/mistakes'];
  assert.deepEqual(
    values.slice(0, 3).map((value) => [value.tag, value.step]),
    names.map((name) => [name, step]),
  );
  for (const { png, size } of values) {
    const { width, height } = decode(png!);
    assert.deepEqual(size, [width, height]);
  }
});
