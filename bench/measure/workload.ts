/** The models whose speed is measured. Their data are random images and strokes of realistic shapes. */
import type { ImagePreprocessing } from '#src/data/images/image-preprocessing.js';
import { openSequences, type SequencesData } from '#src/data/sources.js';
import { firstIndices } from '#src/data/split.js';
import { concatenateStrokes, type StrokeExamples } from '#src/data/strokes/stroke-examples.js';
import { DEFAULT_STROKE_PREPROCESSING } from '#src/data/strokes/stroke-preprocessing.js';
import {
  flopsPerStep,
  type ResolvedClassifierConfig,
  resolveClassifierConfig,
} from '#src/model/classifier-config.js';
import { Random } from '#src/random.js';
import type { OptimizerConfig } from '#src/train/optimizer.js';

export interface Workload {
  name: string;
  model: ResolvedClassifierConfig;
  batchSize: number;
  /** The kind of input. */
  kind: 'images' | 'strokes';
  /** Steps of an image's sequence, and of the single sample whose latency is measured. */
  steps: number;
  optimizer: OptimizerConfig;
  /** Maximum gradient norm; null: no clipping. */
  maxNorm: number | null;
  /** Default number of rounds. */
  rounds: number;
  /** Smaller batches for slow implementations: a full batch would take a minute or more. */
  smallBatch?: { wasm: number; tfjs: number };
}

/** Bidirectional layers on images of one pixel row per step, trained with Adam: the presets `mnist-lstm` and `quick`. */
export function imagesWorkload(size: {
  name: string;
  hiddenSize: number;
  numLayers: number;
  batchSize: number;
  steps?: number;
  rounds?: number;
  maxNorm?: number;
  smallBatch?: Workload['smallBatch'];
}): Workload {
  const { name, hiddenSize, numLayers, batchSize, steps = 28, rounds = 7, maxNorm = null, smallBatch } = size;
  return {
    name,
    batchSize,
    kind: 'images',
    steps,
    rounds,
    maxNorm,
    smallBatch,
    model: resolveClassifierConfig({
      inputSize: 28,
      hiddenSize,
      numLayers,
      bidirectional: true,
      numClasses: 10,
      head: 'flatten',
      sequenceLength: steps,
      dropout: 0.2,
    }),
    optimizer: { name: 'adam', lr: 1e-4 },
  };
}

/** The model of the stroke project. */
function strokesWorkload(name: string, batchSize: number): Workload {
  return {
    name,
    batchSize,
    kind: 'strokes',
    steps: 40,
    rounds: 7,
    maxNorm: null,
    model: resolveClassifierConfig({ inputSize: 4, hiddenSize: 32, numLayers: 6, numClasses: 10 }),
    optimizer: { name: 'sgd', lr: 0.01, momentum: 0.9 },
  };
}

export const WORKLOADS: readonly Workload[] = [
  imagesWorkload({
    name: 'mnist-lstm',
    hiddenSize: 256,
    numLayers: 3,
    batchSize: 1024,
    rounds: 3,
    smallBatch: { wasm: 128, tfjs: 16 },
  }),
  imagesWorkload({ name: 'quick', hiddenSize: 128, numLayers: 1, batchSize: 128, maxNorm: 1 }),
  strokesWorkload('strokes', 64),
  strokesWorkload('strokes-1', 1),
];

/** The model in words: `3×256, both directions`. */
export function modelWords({ model }: Workload): string {
  return `${model.numLayers}×${model.hiddenSize}${model.bidirectional ? ', both directions' : ''}`;
}

/** A batch of random images or strokes. */
export function randomData({ kind, batchSize, steps }: Workload): SequencesData {
  if (kind === 'strokes') {
    const preprocessing = DEFAULT_STROKE_PREPROCESSING;
    return { kind: 'strokes', name: 'random', examples: randomStrokes(batchSize), preprocessing };
  }
  const preprocessing: ImagePreprocessing = {
    kind: 'images',
    sequenceLength: steps,
    inputSize: 28,
    channels: 1,
    height: steps,
    width: 28,
    mean: 0.5,
    std: 0.5,
    permutationSeed: null,
  };
  return { kind: 'images', name: 'random', examples: randomImages(batchSize, steps), preprocessing };
}

/** Random images, 28 pixels wide. */
function randomImages(count: number, height: number) {
  const random = new Random(0, 1);
  const pixels = new Uint8Array(new SharedArrayBuffer(count * height * 28));
  for (let i = 0; i < pixels.length; i++) pixels[i] = random.below(256);
  const labels = new Uint8Array(new SharedArrayBuffer(count));
  for (let i = 0; i < count; i++) labels[i] = random.below(10);
  return { count, channels: 1, height, width: 28, pixels, labels };
}

/** Random moves. The lengths are those of MNIST's digits: mean 40, standard deviation 10, between 13 and 117. */
function randomStrokes(count: number): StrokeExamples {
  const random = new Random(0, 2);
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
  const sequences = Array.from({ length: count }, () => {
    const length = Math.min(117, Math.max(13, Math.round(40 + 10 * normal())));
    return Int16Array.from({ length: 4 * length }, () => random.below(3) - 1);
  });
  return concatenateStrokes(sequences, new Uint8Array(count), 'random');
}

/** Number of steps of each sequence. */
export function lengthsOf(data: SequencesData): number[] {
  const source = openSequences(data);
  return [...firstIndices(source.count)].map((index) => source.lengthOf(index));
}

/** Floating-point operations of the LSTM's matrix products in a forward pass over sequences of these lengths. */
export function forwardFlops(workload: Workload, lengths: readonly number[]): number {
  return flopsPerStep(workload.model) * lengths.reduce((sum, length) => sum + length, 0);
}
