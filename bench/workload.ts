/** The models whose speed is measured, on random images: real shapes, no files. */

import { type BackendChoice, openBackend } from '#src/backends/open-node.js';
import { flopsPerStep, type ResolvedClassifierConfig, resolveClassifierConfig } from '#src/model/config.js';
import { Random } from '#src/random.js';
import { firstIndices, shareInts } from '#src/train/evaluation.js';
import { resolveOptimizer } from '#src/train/optimizer.js';
import { Team } from '#src/train/team.js';

export interface Workload {
  name: string;
  model: ResolvedClassifierConfig;
  batchSize: number;
}

const row = { inputSize: 28, bidirectional: true, numClasses: 10, sequenceLength: 28, dropout: 0.2 };

export const WORKLOADS = {
  'mnist-lstm': {
    name: 'mnist-lstm',
    model: resolveClassifierConfig({ ...row, head: 'flatten', hiddenSize: 256, numLayers: 3 }),
    batchSize: 1024,
  },
  quick: {
    name: 'quick',
    model: resolveClassifierConfig({ ...row, head: 'flatten', hiddenSize: 128, numLayers: 1 }),
    batchSize: 128,
  },
} satisfies Record<string, Workload>;

/** LSTM products of one sequence, forward and back: 3 times forward. */
export function trainingFlops({ model }: Workload): number {
  return 3 * forwardFlops(model);
}
export function forwardFlops(model: ResolvedClassifierConfig): number {
  return flopsPerStep(model) * 28;
}

/** `count` random images and labels. */
function randomImages(count: number) {
  const random = new Random(0, 1);
  const pixels = new Uint8Array(new SharedArrayBuffer(count * 784));
  for (let i = 0; i < pixels.length; i++) pixels[i] = random.below(256);
  const labels = new Uint8Array(new SharedArrayBuffer(count));
  for (let i = 0; i < count; i++) labels[i] = random.below(10);
  return { count, channels: 1, height: 28, width: 28, pixels, labels };
}

/** A team at work on a workload, with Adam. */
export class Bench {
  readonly #team: Team;
  readonly #workload: Workload;
  readonly #order: Int32Array;
  #updates = 0;

  private constructor(team: Team, workload: Workload, count: number) {
    this.#team = team;
    this.#workload = workload;
    this.#order = shareInts(firstIndices(count));
  }

  static async open(workload: Workload, choice: BackendChoice, threads: number): Promise<Bench> {
    const backend = await openBackend(choice);
    const { model, batchSize } = workload;
    const examples = randomImages(batchSize);
    const preprocessing = {
      ...{ sequenceLength: 28, inputSize: 28, channels: 1, height: 28, width: 28 },
      ...{ mean: 0.5, std: 0.5, permutationSeed: null },
    };
    const data = { name: 'random', examples, preprocessing };
    const team = new Team({
      ...{ backend, threads, model, batchSize, seed: 0, labelSmoothing: 0 },
      ...{
        data: { train: data, test: data },
        optimizer: resolveOptimizer({ name: 'adam', lr: 1e-4 }),
        maxNorm: 1,
      },
    });
    team.layout.initialize(model, team.parameters, 0);
    return new Bench(team, workload, batchSize);
  }

  /** Seconds that a training step takes. */
  async step(): Promise<number> {
    const began = performance.now();
    await this.#team.train({
      ...{ epoch: 1, firstStep: 0, steps: 1, updatesBefore: this.#updates++, order: this.#order },
      learningRates: new Float64Array(new SharedArrayBuffer(8)).fill(1e-4),
      losses: new Float64Array(new SharedArrayBuffer(8)),
      correct: new Int32Array(new SharedArrayBuffer(4)),
    });
    return (performance.now() - began) / 1000;
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

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
