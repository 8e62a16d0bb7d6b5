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

/**
 * Layers on images of one pixel row per step, trained with Adam. By default bidirectional, with rows of 28 pixels and the
 * head `flatten`, as the presets `mnist-lstm` and `quick`.
 */
export function imagesWorkload(size: {
  name: string;
  hiddenSize: number;
  numLayers: number;
  batchSize: number;
  steps?: number;
  inputSize?: number;
  bidirectional?: boolean;
  head?: 'flatten' | 'last';
  rounds?: number;
  maxNorm?: number;
  smallBatch?: Workload['smallBatch'];
}): Workload {
  const { name, hiddenSize, numLayers, batchSize, steps = 28, rounds = 7, maxNorm = null, smallBatch } = size;
  const { inputSize = 28, bidirectional = true, head = 'flatten' } = size;
  return {
    name,
    batchSize,
    kind: 'images',
    steps,
    rounds,
    maxNorm,
    smallBatch,
    model: resolveClassifierConfig({
      inputSize,
      hiddenSize,
      numLayers,
      bidirectional,
      numClasses: 10,
      head,
      sequenceLength: head === 'flatten' ? steps : undefined,
      dropout: 0.2,
    }),
    optimizer: { name: 'adam', lr: 1e-4 },
  };
}

/** The model of the stroke project. */
export function strokesWorkload(name: string, batchSize: number): Workload {
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

/** A batch of random images or strokes. @param copies of the batch, one after the other */
export function randomData({ kind, batchSize, steps, model }: Workload, copies = 1): SequencesData {
  if (kind === 'strokes') {
    const preprocessing = DEFAULT_STROKE_PREPROCESSING;
    return { kind: 'strokes', name: 'random', examples: randomStrokes(batchSize, copies), preprocessing };
  }
  const preprocessing: ImagePreprocessing = {
    kind: 'images',
    sequenceLength: steps,
    inputSize: model.inputSize,
    channels: 1,
    height: steps,
    width: model.inputSize,
    mean: 0.5,
    std: 0.5,
    permutationSeed: null,
  };
  return {
    kind: 'images',
    name: 'random',
    examples: randomImages(batchSize, copies, steps, model.inputSize),
    preprocessing,
  };
}

function randomImages(batchSize: number, copies: number, height: number, width: number) {
  const random = new Random(0, 1);
  const count = batchSize * copies;
  const filled = (size: number, below: number) => {
    const values = new Uint8Array(new SharedArrayBuffer(size * copies));
    for (let i = 0; i < size; i++) values[i] = random.below(below);
    for (let copy = 1; copy < copies; copy++) values.copyWithin(copy * size, 0, size);
    return values;
  };
  const pixels = filled(batchSize * height * width, 256);
  const labels = filled(batchSize, 10);
  return { count, channels: 1, height, width, pixels, labels };
}

/** Random moves. The lengths are those of MNIST's digits: mean 40, standard deviation 10, between 13 and 117. */
function randomStrokes(batchSize: number, copies: number): StrokeExamples {
  const random = new Random(0, 2);
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
  const batch = Array.from({ length: batchSize }, () => {
    const length = Math.min(117, Math.max(13, Math.round(40 + 10 * normal())));
    return Int16Array.from({ length: 4 * length }, () => random.below(3) - 1);
  });
  const sequences = Array.from({ length: copies }, () => batch).flat();
  return concatenateStrokes(sequences, new Uint8Array(sequences.length), 'random');
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
