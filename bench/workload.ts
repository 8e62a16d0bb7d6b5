/** The models whose speed is measured, on random images and strokes: real shapes, no files. */
import type { ImagePreprocessing } from '#src/data/images/image-preprocessing.js';
import { openSequences, type SequencesData } from '#src/data/sources.js';
import { firstIndices } from '#src/data/split.js';
import { packStrokes, type StrokeExamples } from '#src/data/strokes/stroke-examples.js';
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
  data: 'rows' | 'strokes';
  /** Of a row sequence, and of the one sample whose latency is measured. */
  steps: number;
  optimizer: OptimizerConfig;
  /** Gradient clipping. */
  maxNorm: number | null;
  /** How often it is measured by default. */
  rounds: number;
  /** Smaller batches for those to whom the whole one would take a minute and more. */
  smallBatch?: { wasm: number; tfjs: number };
}

/** Layers over the rows of an image, read both ways, trained with Adam: the presets `mnist-lstm` and `quick`. */
export function rowsWorkload(size: {
  name: string;
  hiddenSize: number;
  numLayers: number;
  batchSize: number;
  steps?: number;
}): Workload {
  const { name, hiddenSize, numLayers, batchSize, steps = 28 } = size;
  const row = { inputSize: 28, bidirectional: true, numClasses: 10, head: 'flatten', dropout: 0.2 } as const;
  return {
    name,
    batchSize,
    data: 'rows',
    steps,
    rounds: 7,
    maxNorm: null,
    model: resolveClassifierConfig({ ...row, hiddenSize, numLayers, sequenceLength: steps }),
    optimizer: { name: 'adam', lr: 1e-4 },
  };
}

/** The stroke project's model. */
function strokesWorkload(name: string, batchSize: number): Workload {
  return {
    name,
    batchSize,
    data: 'strokes',
    steps: 40,
    rounds: 7,
    maxNorm: null,
    model: resolveClassifierConfig({ inputSize: 4, hiddenSize: 32, numLayers: 6, numClasses: 10 }),
    optimizer: { name: 'sgd', lr: 0.01, momentum: 0.9 },
  };
}

export const WORKLOADS: readonly Workload[] = [
  {
    ...rowsWorkload({ name: 'mnist-lstm', hiddenSize: 256, numLayers: 3, batchSize: 1024 }),
    rounds: 3,
    smallBatch: { wasm: 128, tfjs: 16 },
  },
  { ...rowsWorkload({ name: 'quick', hiddenSize: 128, numLayers: 1, batchSize: 128 }), maxNorm: 1 },
  strokesWorkload('strokes', 64),
  strokesWorkload('strokes-1', 1),
];

/** `3×256, both directions`. */
export function modelWords({ model }: Workload): string {
  return `${model.numLayers}×${model.hiddenSize}${model.bidirectional ? ', both directions' : ''}`;
}

/** A batch of random images or strokes. */
export function randomData({ data, batchSize, steps }: Workload): SequencesData {
  if (data === 'strokes') {
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

/** Random pen moves, as long as the digits are: 40 steps give or take 10, 13 to 117. */
function randomStrokes(count: number): StrokeExamples {
  const random = new Random(0, 2);
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
  const sequences = Array.from({ length: count }, () => {
    const length = Math.min(117, Math.max(13, Math.round(40 + 10 * normal())));
    return Int16Array.from({ length: 4 * length }, () => random.below(3) - 1);
  });
  return packStrokes(sequences, new Uint8Array(count), 'random');
}

/** Steps of every sequence. */
export function lengthsOf(data: SequencesData): number[] {
  const source = openSequences(data);
  return [...firstIndices(source.count)].map((index) => source.lengthOf(index));
}

/** Floating-point operations of the LSTM's matrix products, forward, for sequences of these lengths together. */
export function forwardFlops(workload: Workload, lengths: readonly number[]): number {
  return flopsPerStep(workload.model) * lengths.reduce((sum, length) => sum + length, 0);
}
