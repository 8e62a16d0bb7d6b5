/** Protects images as sequences: bit-identical to PyTorch's normalisation, with all values in the documented order. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ImageExamples } from '#src/data/images/image-examples.js';
import {
  checkSequenceShape,
  type ImagePreprocessing,
  normalisation,
  pixelOrder,
  readImagePreprocessing,
} from '#src/data/images/image-preprocessing.js';
import { ImageSequences } from '#src/data/images/image-sequences.js';
import { UserError } from '#src/user-error.js';

/** Images whose values count up from 0, over all images. */
function counting(count: number, channels: number, height: number, width: number): ImageExamples {
  const pixels = new Uint8Array(new SharedArrayBuffer(count * channels * height * width));
  pixels.forEach((_, i) => {
    pixels[i] = i;
  });
  const labels = new Uint8Array(new SharedArrayBuffer(count));
  labels.set(Array.from({ length: count }, (_, i) => 10 + i));
  return { count, channels, height, width, pixels, labels };
}

const identity: ImagePreprocessing = {
  kind: 'images',
  sequenceLength: 2,
  inputSize: 3,
  channels: 1,
  height: 2,
  width: 3,
  mean: 0,
  std: 1,
  permutationSeed: null,
};
const mnist: ImagePreprocessing = {
  ...identity,
  sequenceLength: 28,
  inputSize: 28,
  height: 28,
  width: 28,
  mean: 0.5,
  std: 0.5,
};

/** The values of sequence i, converted back to pixels. */
function valuesOf(sequences: ImageSequences, i: number): number[] {
  const { maxSteps, inputSize } = sequences;
  const target = new Float32Array(maxSteps * inputSize);
  sequences.read(
    i,
    target,
    Int32Array.from({ length: maxSteps }, (_, t) => t),
    0,
  );
  return [...target].map((value) => Math.round(value * 255));
}

test('an image is read value by value into the given rows', () => {
  const sequences = new ImageSequences({
    name: 'x',
    examples: counting(4, 1, 2, 3),
    preprocessing: identity,
  });
  assert.deepEqual(
    [sequences.count, sequences.inputSize, sequences.maxSteps, sequences.lengthOf()],
    [4, 3, 2, 2],
  );
  assert.equal(sequences.labelOf(3), 13);
  assert.deepEqual(valuesOf(sequences, 2), [12, 13, 14, 15, 16, 17]);

  const target = new Float32Array(7 * 3).fill(-1);
  sequences.read(1, target, Int32Array.of(0, 4), 2);
  const rows = Array.from({ length: 7 }, (_, row) => [...target.subarray(3 * row, 3 * row + 3)]);
  const written = (row: number) => rows[row].map((value) => Math.round(value * 255));
  assert.deepEqual(
    [written(2), written(6)],
    [
      [6, 7, 8],
      [9, 10, 11],
    ],
  );
  for (const row of [0, 1, 3, 4, 5]) assert.deepEqual(rows[row], [-1, -1, -1]);
});

test('any reshape reads the same values in the same order', () => {
  for (const [sequenceLength, inputSize] of [
    [6, 1],
    [1, 6],
    [3, 2],
  ]) {
    const preprocessing = { ...identity, sequenceLength, inputSize };
    const sequences = new ImageSequences({ name: 'x', examples: counting(2, 1, 2, 3), preprocessing });
    assert.deepEqual(valuesOf(sequences, 1), [6, 7, 8, 9, 10, 11]);
  }
});

test("normalisation is PyTorch's ToTensor and Normalize, to the bit", () => {
  const table = normalisation(0.5, 0.5);
  assert.equal(table.length, 256);
  assert.equal(table[0], -1);
  assert.equal(table[255], 1);
  // Three float32 roundings: x / 255, minus the mean, divided by the deviation.
  const [mean, std] = [Math.fround(0.1307), Math.fround(0.3081)];
  normalisation(0.1307, 0.3081).forEach((value, x) => {
    assert.equal(value, Math.fround(Math.fround(Math.fround(x / 255) - mean) / std));
  });
  // With a single rounding, after float64 arithmetic, some values differ: so the test sees the roundings.
  assert.ok(
    normalisation(0.1307, 0.3081).some((value, x) => value !== Math.fround((x / 255 - 0.1307) / 0.3081)),
  );
});

test('the permutation contains every position once and depends only on its seed', () => {
  const permuted = { ...mnist, permutationSeed: 92 };
  const order = pixelOrder(permuted) as Int32Array;
  assert.deepEqual(
    [...order].sort((a, b) => a - b),
    [...Array(784).keys()],
  );
  assert.deepEqual(pixelOrder(permuted), order);
  assert.notDeepEqual(pixelOrder({ ...permuted, permutationSeed: 93 }), order);
  // The order of pixels does not depend on the division into steps.
  assert.deepEqual(pixelOrder({ ...permuted, sequenceLength: 784, inputSize: 1 }), order);
  assert.equal(pixelOrder(mnist), null);
  // Must never change: models store only the seed.
  assert.deepEqual([...order.subarray(0, 6)], [557, 556, 357, 559, 194, 234]);

  const sequences = new ImageSequences({
    name: 'x',
    examples: counting(2, 1, 2, 3),
    preprocessing: { ...identity, permutationSeed: 5 },
  });
  const small = pixelOrder({ ...identity, permutationSeed: 5 }) as Int32Array;
  assert.deepEqual(
    valuesOf(sequences, 1),
    [...small].map((position) => 6 + position),
  );
});

test('an image is read by rows, by columns, or by both side by side', () => {
  const read = (shape: Partial<ImagePreprocessing>) =>
    valuesOf(
      new ImageSequences({
        name: 'x',
        examples: counting(2, 1, 2, 3),
        preprocessing: { ...identity, ...shape },
      }),
      1,
    );
  assert.deepEqual(read({ scan: 'rows' }), [6, 7, 8, 9, 10, 11]);
  assert.deepEqual(read({ scan: 'columns', sequenceLength: 3, inputSize: 2 }), [6, 9, 7, 10, 8, 11]);
  assert.deepEqual(read({ scan: 'both', inputSize: 6 }), [6, 7, 8, 6, 9, 7, 9, 10, 11, 10, 8, 11]);
  // Pixels are permuted before they are scanned.
  const permuted = read({ permutationSeed: 5 });
  assert.deepEqual(
    read({ permutationSeed: 5, scan: 'columns' }),
    [0, 3, 1, 4, 2, 5].map((k) => permuted[k]),
  );
  // A column holds its pixels of one channel after the other, as a row does.
  const colours = { ...identity, channels: 2, sequenceLength: 3, inputSize: 4, scan: 'columns' } as const;
  assert.deepEqual([...(pixelOrder(colours) as Int32Array)], [0, 6, 3, 9, 1, 7, 4, 10, 2, 8, 5, 11]);
});

test('a stored order of reading is read back; an unknown one is refused', () => {
  const both = { ...mnist, inputSize: 56, scan: 'both' } as const;
  assert.deepEqual(readImagePreprocessing({ ...both }, 'x'), both);
  assert.deepEqual(readImagePreprocessing({ ...mnist }, 'x'), mnist);
  assert.throws(
    () => readImagePreprocessing({ ...both, scan: 'diagonal' }, 'x'),
    /scan.*rows, columns, both/,
  );
  assert.throws(
    () => readImagePreprocessing({ ...both, inputSize: 28 }, 'x'),
    /each read by rows and by columns; use 28 × 56, or 784 × 2/,
  );
});

test('sequences can be posted to a thread and opened there, on the same memory', () => {
  const data = {
    name: 'x',
    examples: counting(2, 1, 2, 3),
    preprocessing: { ...identity, permutationSeed: 5 },
  };
  const posted = structuredClone(data);
  assert.deepEqual(valuesOf(new ImageSequences(posted), 1), valuesOf(new ImageSequences(data), 1));
  data.examples.pixels[6] = 200;
  assert.ok(valuesOf(new ImageSequences(posted), 1).includes(200));
});

test('a sequence of another size than the image is refused, with settings that fit', () => {
  assert.throws(
    () => checkSequenceShape('train', 'MNIST', { ...mnist, sequenceLength: 30 }),
    new UserError(
      'train: sequence length 30 × input size 28 = 840, but MNIST images have 784 pixels; ' +
        'use 28 × 28, or 784 × 1',
      { settings: ['sequenceLength', 'inputSize'] },
    ),
  );
  assert.throws(
    () =>
      checkSequenceShape('train', 'colours', {
        sequenceLength: 32,
        inputSize: 32,
        channels: 3,
        height: 32,
        width: 16,
      }),
    new UserError(
      'train: sequence length 32 × input size 32 = 1024, but colours images have 3 channels × 512 pixels = 1536 values; ' +
        'use 32 × 48, or 1536 × 1',
      { settings: ['sequenceLength', 'inputSize'] },
    ),
  );
  const data = { name: 'x', examples: counting(1, 1, 2, 3) };
  assert.throws(
    () => new ImageSequences({ ...data, preprocessing: { ...identity, inputSize: 4 } }),
    UserError,
  );
  assert.throws(
    () => new ImageSequences({ ...data, preprocessing: { ...identity, height: 3, width: 2 } }),
    /data set "x": its images are 1 × 2 × 3 .* but the model was made for 1 × 3 × 2/,
  );
  checkSequenceShape('train', 'MNIST', mnist);
});

test('with edges, steps of whole rows or columns of cells are accepted, and others refused with the most steps that fit', () => {
  const shape = (change: object) => ({ ...mnist, edges: true, height: 8, width: 12, ...change });
  const accepted = [
    { sequenceLength: 4, inputSize: 72 },
    { sequenceLength: 2, inputSize: 144 },
    { sequenceLength: 6, inputSize: 48, scan: 'columns' },
    { sequenceLength: 3, inputSize: 96, scan: 'columns' },
    { sequenceLength: 2, inputSize: 288, scan: 'both' },
    { sequenceLength: 1, inputSize: 576, scan: 'both' },
  ];
  for (const change of accepted) checkSequenceShape('train', 'my', shape(change));
  const refused: [object, string][] = [
    [
      { sequenceLength: 8, inputSize: 12 },
      '8 × input size 12 = 96, but my images have 96 pixels and 192 edges; use 4 × 72',
    ],
    [
      { sequenceLength: 8, inputSize: 36 },
      '8 × input size 36 = 288, but my images have 96 pixels and 192 edges; use 4 × 72',
    ],
    [
      { sequenceLength: 4, inputSize: 72, scan: 'columns' },
      '4 × input size 72 = 288, but my images have 96 pixels and 192 edges; use 6 × 48',
    ],
    [
      { sequenceLength: 4, inputSize: 144, scan: 'both' },
      '4 × input size 144 = 576, but my images have 96 pixels and 192 edges, each read by rows and by columns; use 2 × 288',
    ],
  ];
  for (const [change, message] of refused) {
    assert.throws(
      () => checkSequenceShape('train', 'my', shape(change)),
      new UserError(`train: sequence length ${message}`, { settings: ['sequenceLength', 'inputSize'] }),
    );
  }
});

test('stored preprocessing is read back; invalid preprocessing is refused', () => {
  for (const each of [mnist, { ...mnist, permutationSeed: 7 }]) {
    assert.deepEqual(readImagePreprocessing({ ...each, unknown: 1 }, 'x'), each);
  }
  const refuse = (change: object, message: RegExp) =>
    assert.throws(
      () => readImagePreprocessing({ ...mnist, ...change }, 'last.safetensors'),
      (error) => error instanceof UserError && message.test(error.message),
      JSON.stringify(change),
    );
  refuse({ mean: undefined }, /^last\.safetensors: preprocessing: "mean": expected a number, found nothing$/);
  refuse({ std: 0 }, /"std" 0: expected .* finite in float32, std above 0$/);
  for (const std of [-1, 1e-300, 1e-44]) refuse({ std }, /"std" .*: expected .* finite in float32/);
  for (const mean of [1e39, -1e300]) refuse({ mean }, /"mean" .* finite in float32/);
  refuse({ std: '1' }, /"std": expected a number, found "1"$/);
  refuse({ std: { toString: 1, valueOf: 1 } }, /"std": expected a number, found an object$/);
  refuse(
    { sequenceLength: 28.5 },
    /"sequence_length": expected a whole number from 1 to 1048576, found 28.5$/,
  );
  refuse({ sequenceLength: '28' }, /"sequence_length": expected a whole number .* found "28"$/);
  refuse({ inputSize: -28 }, /"input_size": expected a whole number from 1 to 16777216, found -28$/);
  refuse({ permutationSeed: -1 }, /"permutation_seed": expected a whole number from 0, found -1$/);
  refuse({ permutationSeed: undefined }, /"permutation_seed": expected .* found nothing$/);
  refuse(
    { sequenceLength: 27 },
    /sequence length 27 × input size 28 = 756, but the model's images have 784 pixels/,
  );
  const huge = { sequenceLength: 2 ** 20, inputSize: 2 ** 5, height: 2 ** 20, width: 2 ** 5 };
  refuse(huge, /images have 1 × 1048576 × 32 values .*; at most 16777216 are accepted$/);
});
