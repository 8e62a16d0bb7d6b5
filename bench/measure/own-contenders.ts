/** Our own contenders: the engines that train, and the classifier of the public API. */
import { SequenceClassifier } from 'scanstroke';
import type { DeviceBackend } from '#src/backends/backend.js';
import { type HostChoice, openBackend } from '#src/backends/open-node.js';
import { mixedPrecisionOn, type Precision } from '#src/backends/stored.js';
import { NO_AUGMENTATION } from '#src/data/augmentation.js';
import { firstIndices } from '#src/data/split.js';
import type { Engine } from '#src/train/engine.js';
import { openGpuEngine } from '#src/train/gpu/gpu-engine.js';
import { initialLossScale, type LossScaleState } from '#src/train/loss-scale.js';
import { resolveOptimizer } from '#src/train/optimizer.js';
import { openTeam } from '#src/train/team/team.js';
import { startNodeThread } from '#src/train/team/threads/threads-node.js';
import { forwardFlops, lengthsOf, randomData, type Workload } from './workload.js';

/** The examples of an engine on a GPU: copies of the batch, because its epochs are as long as its examples. */
const MOST_COPIES = 256;
const COPIED_BYTES = 2 ** 26;

/** An engine at work on a workload. */
export class EngineBench {
  readonly #engine: Engine;
  /** Of the LSTM's products for the batch. */
  readonly forwardFlops: number;
  readonly #batchSize: number;
  readonly #lossScale: LossScaleState | null;
  /** Updates of an epoch. */
  readonly #mostUpdates: number;
  #updates = 0;

  private constructor(
    engine: Engine,
    workload: Workload,
    precision: Precision,
    mostUpdates = Number.POSITIVE_INFINITY,
  ) {
    this.#engine = engine;
    this.#mostUpdates = mostUpdates;
    this.#batchSize = workload.batchSize;
    this.forwardFlops = forwardFlops(workload, lengthsOf(randomData(workload)));
    this.#lossScale = precision === 'float16' ? initialLossScale() : null;
  }

  /** The team of threads on a backend of the processor. @param wanted `mixed`: as `--use-amp` chooses */
  static async openTeam(
    workload: Workload,
    choice: HostChoice,
    threads: number,
    wanted: Precision | 'mixed' = 'float32',
  ): Promise<EngineBench> {
    const backend = await openBackend(choice);
    const precision = wanted === 'mixed' ? mixedPrecisionOn(backend) : wanted;
    const work = workOf(workload, precision);
    const team = await openTeam({ ...work, backend, threads, startThread: startNodeThread });
    return new EngineBench(team, workload, precision);
  }

  /** @param backend stays the caller's */
  static async openGpu(
    workload: Workload,
    backend: DeviceBackend,
    precision: Precision,
  ): Promise<EngineBench> {
    const bytes = workload.batchSize * workload.steps * workload.model.inputSize;
    const copies = Math.max(2, Math.min(MOST_COPIES, Math.floor(COPIED_BYTES / bytes)));
    const engine = await openGpuEngine({ ...workOf(workload, precision, copies), backend });
    return new EngineBench(engine, workload, precision, copies);
  }

  /** The indices of the batch, repeated `times` times. */
  #indices(times: number): Int32Array {
    const batch = firstIndices(this.#batchSize);
    return Int32Array.from({ length: times * batch.length }, (_, i) => batch[i % batch.length]);
  }

  /** Mean seconds of a training update, over `times` updates in a row. */
  async update(times: number): Promise<number> {
    const began = performance.now();
    for (let left = times; left > 0; left -= this.#mostUpdates) {
      await this.#epoch(Math.min(left, this.#mostUpdates));
    }
    return (performance.now() - began) / 1000 / times;
  }

  async #epoch(updates: number): Promise<void> {
    const plan = {
      epoch: 1,
      order: this.#indices(updates),
      firstBatch: 0,
      endBatch: updates,
      learningRates: new Float64Array(updates).fill(1e-4),
      updatesBefore: this.#updates,
      lossScale: this.#lossScale,
    };
    let done = 0;
    for await (const { losses } of this.#engine.train(plan, NEVER)) done += losses.length;
    if (done !== updates) throw new Error(`bench: the training ended after ${done} of ${updates} updates`);
    this.#updates += updates;
  }

  /** Mean seconds of the logits of the batch, over `times` forward passes in a row. */
  async forward(times: number): Promise<number> {
    const indices = this.#indices(times);
    const began = performance.now();
    for await (const _ of this.#engine.evaluate('train', indices, NEVER));
    return (performance.now() - began) / 1000 / times;
  }

  close(): Promise<void> {
    return this.#engine.close();
  }
}

/** What an engine is opened for. */
function workOf(workload: Workload, precision: Precision, copies = 1) {
  const { model, batchSize, optimizer, maxNorm } = workload;
  return {
    model,
    precision,
    parts: { train: randomData(workload, copies) },
    training: {
      optimizer: resolveOptimizer(optimizer),
      batchSize,
      maxNorm,
      labelSmoothing: 0,
      seed: 0,
      augmentation: NO_AUGMENTATION,
    },
  };
}

const NEVER = new AbortController().signal;

/** A classifier, as a program would use it: one thread, one sample. */
export class ClassifierBench {
  readonly model: SequenceClassifier;
  readonly #sample: { inputs: Float32Array; batchSize: 1; steps: number };

  private constructor(model: SequenceClassifier, steps: number) {
    const inputs = new Float32Array(steps * model.config.inputSize).fill(0.1);
    this.model = model;
    this.#sample = { inputs, batchSize: 1, steps };
  }

  static async open({ model, steps }: Workload, choice: HostChoice): Promise<ClassifierBench> {
    const { sequenceLength, ...config } = model;
    const sizes = { ...config, sequenceLength: sequenceLength ?? undefined };
    return new ClassifierBench(new SequenceClassifier(sizes, await openBackend(choice)), steps);
  }

  /** Mean seconds of the logits of one sample, over `times` calls in a row. */
  async sample(times: number): Promise<number> {
    const began = performance.now();
    for (let i = 0; i < times; i++) await this.model.forward(this.#sample);
    return (performance.now() - began) / 1000 / times;
  }

  /** For models that support steppers: mean seconds to advance by one point, including the logits. */
  point(): (times: number) => Promise<number> {
    const stepper = this.model.stepper();
    const input = new Float32Array(this.model.config.inputSize).fill(0.1);
    return async (times) => {
      const began = performance.now();
      for (let i = 0; i < times; i++) stepper.step(input);
      return (performance.now() - began) / 1000 / times;
    };
  }
}
