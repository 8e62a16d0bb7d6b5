/** The engines on the processor and on a GPU, on the same few examples, for tests that compare them. */
import { openBackend } from 'scanstroke';
import { NO_AUGMENTATION } from '#src/data/augmentation.js';
import { shareArrays } from '#src/data/sequences/array-sequences.js';
import type { SequencesData } from '#src/data/sources.js';
import { type ClassifierConfig, resolveClassifierConfig } from '#src/model/classifier-config.js';
import type { Precision } from '#src/model/workspace.js';
import type { BatchResults, Engine, EpochPlan, ModelState, UpdateSettings } from '#src/train/engine.js';
import { openGpuEngine } from '#src/train/gpu/gpu-engine.js';
import { initialLossScale } from '#src/train/loss-scale.js';
import { type OptimizerConfig, resolveOptimizer } from '#src/train/optimizer.js';
import { openTeam } from '#src/train/team/team.js';
import { startNodeThread } from '#src/train/team/threads/threads-node.js';
import { testGpu } from '../../backends/webgpu/software-gpu.js';
import { waves } from '../examples.js';
import { FASTEST } from '../small-mnist.js';

export interface TestTraining extends Partial<Omit<UpdateSettings, 'optimizer'>> {
  model: Partial<ClassifierConfig>;
  optimizer?: OptimizerConfig;
  precision?: Precision;
  /** Default: `waves(90)`. */
  data?: SequencesData;
  /** Of the GPU's passes. */
  memory?: number;
}

export const WAVES: SequencesData = { kind: 'arrays', ...shareArrays({ ...waves(90), inputSize: 3 }, 2) };

function optionsOf({
  model,
  optimizer,
  precision = 'float32',
  data = WAVES,
  memory,
  ...settings
}: TestTraining) {
  return {
    model: resolveClassifierConfig({ inputSize: 3, hiddenSize: 8, numClasses: 2, head: 'last', ...model }),
    precision,
    memory,
    parts: { train: data, validation: data },
    training: {
      optimizer: resolveOptimizer(optimizer ?? { name: 'adam', lr: 1e-2, eps: 1e-4 }),
      batchSize: 32,
      maxNorm: null,
      labelSmoothing: 0,
      seed: 5,
      augmentation: NO_AUGMENTATION,
      ...settings,
    },
  };
}

export async function openOnGpu(training: TestTraining): Promise<Engine> {
  const backend = await testGpu();
  if (typeof backend === 'string') throw new Error(backend);
  return openGpuEngine({ backend, ...optionsOf(training) });
}

export async function openOnHost(training: TestTraining): Promise<Engine> {
  const backend = await openBackend(FASTEST);
  const engine = await openTeam({
    backend,
    threads: 1,
    startThread: startNodeThread,
    ...optionsOf(training),
  });
  return {
    ...bound(engine),
    close: async () => {
      await engine.close();
      backend.close();
    },
  };
}

/** The engine's calls, as a plain object. */
function bound(engine: Engine): Engine {
  const { description, backend, threads } = engine;
  return {
    description,
    backend,
    threads,
    load: (state) => engine.load(state),
    save: () => engine.save(),
    train: (plan, stop) => engine.train(plan, stop),
    evaluate: (part, indices, stop) => engine.evaluate(part, indices, stop),
    close: () => engine.close(),
  };
}

/** An epoch of the waves, in batches of 32: two whole ones and one of 26. */
export function epochOf(epoch: number, changes: Partial<EpochPlan> = {}): EpochPlan {
  const order = Int32Array.from({ length: 90 }, (_, n) => (n * 37 + epoch) % 90);
  return {
    epoch,
    order,
    firstBatch: 0,
    endBatch: 3,
    learningRates: Float64Array.of(1e-2, 8e-3, 6e-3),
    updatesBefore: 3 * (epoch - 1),
    lossScale: null,
    ...changes,
  };
}

/** Runs a plan to its end. */
export async function results(
  engine: Engine,
  plan: EpochPlan,
  stop = new AbortController().signal,
): Promise<BatchResults> {
  const all: BatchResults[] = [];
  for await (const part of engine.train(plan, stop)) all.push(part);
  return {
    firstBatch: all[0].firstBatch,
    losses: Float64Array.from(all.flatMap(({ losses }) => [...losses])),
    correct: Int32Array.from(all.flatMap(({ correct }) => [...correct])),
    lossScale: all[all.length - 1].lossScale,
  };
}

/** Trains two epochs. @returns losses and correct answers of all batches, and the state at the end */
export async function trainTwice(engine: Engine, training: TestTraining = { model: {} }) {
  const first = await results(engine, epochOf(1, startOf(training)));
  const second = await results(engine, epochOf(2, { lossScale: first.lossScale }));
  return {
    losses: [...first.losses, ...second.losses],
    correct: [...first.correct, ...second.correct],
    lossScale: second.lossScale,
    state: await engine.save(),
  };
}

function startOf({ precision }: TestTraining): Partial<EpochPlan> {
  return { lossScale: precision === 'float16' ? initialLossScale() : null };
}

/** The bits of all tensors. */
export function bitsOf({ parameters, optimizer }: ModelState): Map<string, string> {
  return new Map(
    [...parameters, ...optimizer].map(([name, { data }]) => [
      name,
      Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex'),
    ]),
  );
}
