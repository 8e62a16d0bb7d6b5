/** Models for the tests of ONNX files, and the logits that the files must give. */
import type { ClassifierConfig, Head, ImagePreprocessing, Preprocessing } from 'scanstroke';
import { SequenceClassifier } from 'scanstroke';
import { openReference } from '#src/backends/reference/reference.js';
import { IMAGE_KIND } from '#src/data/images/image-kind.js';
import { ImageSequences } from '#src/data/images/image-sequences.js';
import type { ExportableModel } from '#src/exchange/exportable-model.js';
import { HEADS } from '#src/model/classifier-config.js';

/** T of the batches below, and of every sequence with head 'flatten'. */
export const STEPS = 9;
export const INPUT_SIZE = 4;
const NUM_CLASSES = 5;

/**
 * Largest difference of a logit from ours: the bound that users are promised. Logits here are below 10, and sums of
 * float32 terms, which runtimes add in another order; that makes about 1e-6.
 */
export const TOLERANCE = 1e-5;

export interface Example {
  model: ExportableModel;
  /** On the reference backend. */
  classifier: SequenceClassifier;
}

const backend = openReference();

/** A model with random parameters, larger than initial ones, so that every gate matters. */
export async function exampleOf(
  config: Partial<ClassifierConfig>,
  preprocessing: Preprocessing | null = null,
  temperature?: number,
): Promise<Example> {
  const whole = { inputSize: INPUT_SIZE, hiddenSize: 6, numClasses: NUM_CLASSES, sequenceLength: STEPS };
  const classifier = new SequenceClassifier({ ...whole, ...config }, backend, { seed: 7 });
  const parameters = await classifier.stateDict();
  for (const { data } of parameters.values()) {
    for (let n = 0; n < data.length; n++) data[n] *= 1.5;
  }
  await classifier.loadStateDict(parameters);
  const classes = Array.from({ length: classifier.config.numClasses }, (_, k) => `class ${k}`);
  const { config: resolved } = classifier;
  return {
    model: {
      config: resolved,
      parameters,
      preprocessing,
      classes,
      temperature,
      name: nameOf(config),
      training: null,
    },
    classifier,
  };
}

function nameOf({ head, numLayers, bidirectional }: Partial<ClassifierConfig>): string {
  return `${head}-${numLayers}-${bidirectional ? 'bidirectional' : 'forward'}`;
}

/** Every head, 1 to 6 layers, one direction and both. */
export function everyConfig(): (Partial<ClassifierConfig> & { head: Head })[] {
  return HEADS.flatMap((head) =>
    [1, 2, 3, 4, 5, 6].flatMap((numLayers) =>
      [false, true].map((bidirectional) => ({ head, numLayers, bidirectional })),
    ),
  );
}

/** Sequences [B, T, I], the values past each length as wild as those before. */
export interface Batch {
  inputs: Float32Array;
  lengths: Int32Array;
  batchSize: number;
  steps: number;
}

/** @param lengths of the sequences, 0 to `steps` */
export function batchOf(lengths: readonly number[], steps = STEPS, inputSize = INPUT_SIZE): Batch {
  const count = lengths.length * steps * inputSize;
  const inputs = Float32Array.from({ length: count }, (_, n) => 2 * Math.sin(n * n + lengths.length));
  return { inputs, lengths: Int32Array.from(lengths), batchSize: lengths.length, steps };
}

/** One sequence; ragged sequences of all lengths; sequences of one length; empty ones among others, and alone. */
export const BATCHES: readonly Batch[] = [
  ...Array.from({ length: STEPS + 1 }, (_, length) => batchOf([length], length)),
  batchOf([STEPS, 1, 4, 0, STEPS - 1, 4, 2]),
  batchOf([STEPS, STEPS, STEPS]),
  batchOf([1, 3, 2], STEPS),
  batchOf([0, 0], 2),
];

/** Our logits [B, K]. Our classifier takes no empty sequence; its features would be zero, so its logits are the biases. */
export async function ourLogits({ classifier }: Example, batch: Batch): Promise<Float32Array> {
  const { inputs, lengths, batchSize, steps } = batch;
  const { numClasses: K, head } = classifier.config;
  const { data: bias } = (await classifier.stateDict()).get('fc.bias')!;
  const logits = Float32Array.from({ length: batchSize * K }, (_, n) => bias[n % K]);
  if (steps === 0) return logits;
  const served = lengths.map((length) => Math.max(length, 1));
  const forward =
    head === 'flatten' ? { inputs, batchSize, steps } : { inputs, batchSize, steps, lengths: served };
  const { logits: found } = await classifier.forward(forward);
  for (let n = 0; n < found.length; n++) {
    if (head === 'flatten' || lengths[Math.floor(n / K)] > 0) logits[n] = found[n];
  }
  return logits;
}

/** Softmax of each row [B, K] of logits divided by the temperature. */
export function probabilitiesOf(logits: Float32Array, classes: number, temperature = 1): number[] {
  return Array.from(logits, (logit, n) => {
    const start = n - (n % classes);
    const row = logits.subarray(start, start + classes);
    return Math.exp(logit / temperature) / row.reduce((sum, other) => sum + Math.exp(other / temperature), 0);
  });
}

/** The largest difference between two lists of numbers, NaN if one holds a NaN or they differ in length. */
export function furthest(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Number.NaN;
  let largest = 0;
  for (let n = 0; n < found.length; n++) {
    largest = Math.max(largest, Math.abs(found[n] - expected[n])); // Math.max keeps a NaN
  }
  return largest;
}

/** Pictures that hold every pixel value, in the layout of ONNX and as our sequences. */
export interface Pictures {
  count: number;
  /** [count, channels, height, width] */
  images: Uint8Array;
  /** [count, T, I] */
  sequences: Float32Array;
}

export function picturesFor(preprocessing: ImagePreprocessing, count = 3): Pictures {
  const { channels, height, width } = preprocessing;
  const size = channels * height * width;
  const images = Uint8Array.from({ length: count * size }, (_, n) => (n * 37 + Math.floor(n / 256)) % 256);
  // Examples are [count, height, channels, width].
  const pixels = Uint8Array.from(images, (_, n) => {
    const [x, rest] = [n % width, Math.floor(n / width)];
    const [channel, above] = [rest % channels, Math.floor(rest / channels)];
    const [y, image] = [above % height, Math.floor(above / height)];
    return images[((image * channels + channel) * height + y) * width + x];
  });
  const examples = { count, channels, height, width, pixels, labels: new Uint8Array(count) };
  const source = new ImageSequences(IMAGE_KIND.sequencesOf('pictures', examples, preprocessing));
  const read = preprocessing.sequenceLength * preprocessing.inputSize;
  const sequences = new Float32Array(count * read);
  const rowStarts = Int32Array.from({ length: preprocessing.sequenceLength }, (_, t) => t);
  for (let i = 0; i < count; i++) {
    source.read(i, sequences.subarray(i * read, (i + 1) * read), rowStarts, 0);
  }
  return { count, images, sequences };
}

/** 16 × 16 pixels, and statistics (MNIST's) with which every rounding matters. */
export const PICTURE: ImagePreprocessing = {
  kind: 'images',
  sequenceLength: 16,
  inputSize: 16,
  channels: 1,
  height: 16,
  width: 16,
  mean: 0.1307,
  std: 0.3081,
  permutationSeed: null,
};

/** Grey, permuted, in colour, in colour and permuted, read by columns, read by rows and columns, with edges. */
export const PICTURES: readonly ImagePreprocessing[] = [
  PICTURE,
  { ...PICTURE, permutationSeed: 3, sequenceLength: 32, inputSize: 8 },
  { ...PICTURE, channels: 3, inputSize: 48 },
  { ...PICTURE, channels: 3, height: 8, sequenceLength: 8, inputSize: 48, permutationSeed: 4 },
  { ...PICTURE, scan: 'columns' },
  { ...PICTURE, deslant: true },
  { ...PICTURE, channels: 3, height: 8, sequenceLength: 8, inputSize: 96, scan: 'both' },
  { ...PICTURE, sequenceLength: 8, inputSize: 96, edges: true },
  { ...PICTURE, width: 12, sequenceLength: 2, inputSize: 576, edges: true, deslant: true, scan: 'both' },
];
