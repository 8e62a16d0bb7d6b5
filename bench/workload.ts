/** The models whose speed is measured, on random images: real shapes, no files. */

import { type BackendChoice, openBackend } from '#src/backends/open-node.js';
import { NO_AUGMENTATION } from '#src/data/augmentation.js';
import { openSequences, type SequencesData } from '#src/data/sources.js';
import { firstIndices } from '#src/data/split.js';
import { DEFAULT_STROKE_PREPROCESSING } from '#src/data/stroke-sequences.js';
import { packStrokes, type StrokeExamples } from '#src/data/strokes.js';
import { flopsPerStep, type ResolvedClassifierConfig, resolveClassifierConfig } from '#src/model/config.js';
import { Random } from '#src/random.js';
import { shareInts } from '#src/train/evaluation.js';
import { type OptimizerConfig, resolveOptimizer } from '#src/train/optimizer.js';
import { Team } from '#src/train/team.js';

export interface Workload {
  name: string;
  model: ResolvedClassifierConfig;
  batchSize: number;
  data: 'rows' | 'strokes';
  optimizer: OptimizerConfig;
}

const ADAM: OptimizerConfig = { name: 'adam', lr: 1e-4 };
const SGD: OptimizerConfig = { name: 'sgd', lr: 0.01, momentum: 0.9 };

const row = { inputSize: 28, bidirectional: true, numClasses: 10, sequenceLength: 28, dropout: 0.2 };

/** The stroke project's model. */
const SIX_BY_32 = resolveClassifierConfig({ inputSize: 4, hiddenSize: 32, numLayers: 6, numClasses: 10 });

export const WORKLOADS = {
  'mnist-lstm': {
    name: 'mnist-lstm',
    model: resolveClassifierConfig({ ...row, head: 'flatten', hiddenSize: 256, numLayers: 3 }),
    ...{ batchSize: 1024, data: 'rows', optimizer: ADAM },
  },
  quick: {
    name: 'quick',
    model: resolveClassifierConfig({ ...row, head: 'flatten', hiddenSize: 128, numLayers: 1 }),
    ...{ batchSize: 128, data: 'rows', optimizer: ADAM },
  },
  strokes: { name: 'strokes', model: SIX_BY_32, batchSize: 64, data: 'strokes', optimizer: SGD },
  'strokes-1': { name: 'strokes-1', model: SIX_BY_32, batchSize: 1, data: 'strokes', optimizer: SGD },
} satisfies Record<string, Workload>;

/** `count` random images and labels. */
function randomImages(count: number) {
  const random = new Random(0, 1);
  const pixels = new Uint8Array(new SharedArrayBuffer(count * 784));
  for (let i = 0; i < pixels.length; i++) pixels[i] = random.below(256);
  const labels = new Uint8Array(new SharedArrayBuffer(count));
  for (let i = 0; i < count; i++) labels[i] = random.below(10);
  return { count, channels: 1, height: 28, width: 28, pixels, labels };
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

function randomData({ data, batchSize }: Workload): SequencesData {
  if (data === 'strokes') {
    const preprocessing = DEFAULT_STROKE_PREPROCESSING;
    return { kind: 'strokes', name: 'random', examples: randomStrokes(batchSize), preprocessing };
  }
  const preprocessing = {
    ...{ sequenceLength: 28, inputSize: 28, channels: 1, height: 28, width: 28 },
    ...{ mean: 0.5, std: 0.5, permutationSeed: null },
  };
  return { kind: 'images', name: 'random', examples: randomImages(batchSize), preprocessing };
}

/** A team at work on a workload, with Adam. */
export class Bench {
  readonly #team: Team;
  readonly #workload: Workload;
  readonly #order: Int32Array;
  /** Of the LSTM's products for the batch, forward. */
  readonly forwardFlops: number;
  #updates = 0;

  private constructor(team: Team, workload: Workload, rows: number) {
    this.#team = team;
    this.#workload = workload;
    this.#order = shareInts(firstIndices(workload.batchSize));
    this.forwardFlops = flopsPerStep(workload.model) * rows;
  }

  static async open(workload: Workload, choice: BackendChoice, threads: number): Promise<Bench> {
    const backend = await openBackend(choice);
    const { model, batchSize, optimizer } = workload;
    const data = randomData(workload);
    const team = new Team({
      ...{ backend, threads, model, batchSize, seed: 0, labelSmoothing: 0, maxNorm: 1 },
      ...{
        data: { train: data, test: data },
        augmentation: NO_AUGMENTATION,
        optimizer: resolveOptimizer(optimizer),
      },
    });
    team.layout.initialize(model, team.parameters, 0);
    return new Bench(team, workload, stepsIn(data));
  }

  /** Seconds that a training step takes, the mean of `count` in a row. */
  async step(count = 1): Promise<number> {
    const floats = () => new Float64Array(new SharedArrayBuffer(8 * count));
    const n = this.#workload.batchSize;
    const order = new Int32Array(new SharedArrayBuffer(4 * n * count));
    for (let i = 0; i < count; i++) order.set(this.#order, i * n);
    const began = performance.now();
    await this.#team.train({
      ...{ epoch: 1, firstStep: 0, steps: count, updatesBefore: this.#updates, order },
      ...{ learningRates: floats().fill(1e-4), losses: floats() },
      correct: new Int32Array(new SharedArrayBuffer(4 * count)),
    });
    this.#updates += count;
    return (performance.now() - began) / 1000 / count;
  }

  /** Seconds that the logits of a batch take. */
  async forward(): Promise<number> {
    const n = this.#workload.batchSize;
    const shared = (length: number) => new Float32Array(new SharedArrayBuffer(4 * length));
    const began = performance.now();
    await this.#team.evaluate({
      source: 'train',
      indices: this.#order,
      logits: shared(n * 10),
      losses: shared(n),
    });
    return (performance.now() - began) / 1000;
  }

  close(): Promise<void> {
    return this.#team.close();
  }
}

/** Steps of all sequences together. */
function stepsIn(data: SequencesData): number {
  const source = openSequences(data);
  return firstIndices(source.count).reduce((sum, index) => sum + source.lengthOf(index), 0);
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
