/** Protects that files of images are read for recognition as a training reads them. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadImages } from '#src/data/images/image-datasets.js';
import { IMAGE_KIND } from '#src/data/images/image-kind.js';
import { readInputs } from '#src/recognize/input-files.js';
import { UserError } from '#src/user-error.js';
import { countingImages, labelBytes } from '../data/images/idx-bytes.js';
import { temporaryFolder } from '../train/small-mnist.js';

/** A data set of two images in each part. @returns the path of the test images */
function write(prefix: string, shape: number[]): { folder: string; images: string } {
  const folder = temporaryFolder();
  const path = (name: string) => join(folder, `${prefix}${name}-ubyte`);
  const dimensions = `idx${shape.length + 1}`;
  for (const part of ['train', 'test']) {
    writeFileSync(path(`${part}-images-${dimensions}`), countingImages([2, ...shape]));
    writeFileSync(path(`${part}-labels-idx1`), labelBytes([0, 1]));
  }
  return { folder, images: path(`test-images-${dimensions}`) };
}

test('grey, transposed and coloured images are arranged as for a training', async () => {
  for (const [prefix, shape, channels] of [
    ['', [3, 2], 1],
    ['emnist-digits-', [3, 2], 1],
    ['', [3, 4, 5], 3],
    ['', [4, 5, 3], 3],
    ['emnist-letters-', [3, 4, 5], 3],
    ['', [1, 4, 5], 1],
  ] as const) {
    const { folder, images } = write(prefix, [...shape]);
    const inputs = await readInputs(images, channels);
    const { test: examples } = await loadImages(folder, { channelsImg: channels });
    assert.deepEqual(
      inputs.map(({ input }) => input),
      [0, 1].map((i) => IMAGE_KIND.exampleAt(examples, i)),
      `${prefix}${shape.join()}`,
    );
  }
});

test('images with other channels than the network reads are refused', async () => {
  const { images } = write('', [3, 4, 5]);
  await assert.rejects(
    readInputs(images, 1),
    (error) =>
      error instanceof UserError &&
      /expected pictures, 3 dimensions of uint8, or 4 with 1 channel .*found 2 × 3 × 4 × 5/.test(
        error.message,
      ),
  );
});
