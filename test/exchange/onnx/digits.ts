/** MNIST's 10,000 test digits, and a network of the preset quick's size, whose logits for them must be ours. */
import { openBackend, SequenceClassifier } from 'scanstroke';
import type { ImagePreprocessing } from '#src/data/images/image-preprocessing.js';
import { ImageSequences } from '#src/data/images/image-sequences.js';
import { loadDataset } from '#src/data/open-dataset.js';
import type { ExportableModel } from '#src/exchange/exportable-model.js';
import { FASTEST } from '../../train/small-mnist.js';

export const SIDE = 28;
const NUM_CLASSES = 10;
/** Digits a call. */
const BATCH_SIZE = 500;

const PREPROCESSING: ImagePreprocessing = {
  kind: 'images',
  sequenceLength: SIDE,
  inputSize: SIDE,
  channels: 1,
  height: SIDE,
  width: SIDE,
  mean: 0.5,
  std: 0.5,
  permutationSeed: null,
};

/** Digits that go through a network in one call. */
export interface DigitBatch {
  count: number;
  /** [count, 1, 28, 28] */
  images: Uint8Array;
  /** [count, 28, 28] */
  inputs: Float32Array;
  /** [count, 10] ours */
  logits: Float32Array;
}

export interface Digits {
  model: ExportableModel;
  batches: DigitBatch[];
}

/** All test digits, with the logits of a network with random parameters. */
export async function testDigits(hiddenSize: number): Promise<Digits> {
  const dataset = await loadDataset('mnist', { channelsImg: 1, order: 'tour' });
  if (dataset.kind !== 'images') throw new Error('MNIST holds images');
  const examples = dataset.test;
  const source = new ImageSequences({ name: 'mnist', examples, preprocessing: PREPROCESSING });
  const backend = await openBackend(FASTEST);
  const sizes = { inputSize: SIDE, hiddenSize, bidirectional: true, numClasses: NUM_CLASSES };
  const classifier = new SequenceClassifier({ ...sizes, head: 'flatten', sequenceLength: SIDE }, backend, {
    closeBackend: true,
  });
  const rowStarts = Int32Array.from({ length: SIDE }, (_, t) => t);
  const size = SIDE * SIDE;
  const batches: DigitBatch[] = [];
  for (let start = 0; start < examples.count; start += BATCH_SIZE) {
    const count = Math.min(BATCH_SIZE, examples.count - start);
    const inputs = new Float32Array(count * size);
    for (let i = 0; i < count; i++) {
      source.read(start + i, inputs.subarray(i * size, (i + 1) * size), rowStarts, 0);
    }
    const { logits } = await classifier.forward({ inputs, batchSize: count, steps: SIDE });
    const images = examples.pixels.slice(start * size, (start + count) * size);
    batches.push({ count, images, inputs, logits });
  }
  const model = {
    config: classifier.config,
    parameters: await classifier.stateDict(),
    preprocessing: PREPROCESSING,
    classes: dataset.classes,
    name: 'digits',
    training: null,
  };
  classifier.close();
  return { model, batches };
}
