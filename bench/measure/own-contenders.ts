/** Our own contenders: the team of threads that trains, and the classifier of the public API. */
import { SequenceClassifier } from 'scanstroke';
import { type HostChoice, openBackend } from '#src/backends/open-node.js';
import { NO_AUGMENTATION } from '#src/data/augmentation.js';
import { firstIndices } from '#src/data/split.js';
import type { Precision } from '#src/model/workspace.js';
import type { Engine } from '#src/train/engine.js';
import { initialLossScale, type LossScaleState } from '#src/train/loss-scale.js';
import { resolveOptimizer } from '#src/train/optimizer.js';
import { openTeam } from '#src/train/team/team.js';
import { startNodeThread } from '#src/train/team/threads-node.js';
import { forwardFlops, lengthsOf, randomData, type Workload } from './workload.js';

/** An engine at work on a workload. */
export class TeamBench {
  readonly #engine: Engine;
  /** Of the LSTM's products for the batch. */
  readonly forwardFlops: number;
  readonly #batchSize: number;
  readonly #lossScale: LossScaleState | null;
  #updates = 0;

  private constructor(engine: Engine, batchSize: number, flops: number, lossScale: LossScaleState | null) {
    this.#engine = engine;
    this.#batchSize = batchSize;
    this.forwardFlops = flops;
    this.#lossScale = lossScale;
  }

  static async open(
    workload: Workload,
    choice: HostChoice,
    threads: number,
    precision: Precision = 'float32',
  ): Promise<TeamBench> {
    const { model, batchSize, optimizer, maxNorm } = workload;
    const train = randomData(workload);
    const team = await openTeam({
      backend: await openBackend(choice),
      threads,
      startThread: startNodeThread,
      model,
      precision,
      parts: { train },
      training: {
        optimizer: resolveOptimizer(optimizer),
        batchSize,
        maxNorm,
        labelSmoothing: 0,
        seed: 0,
        augmentation: NO_AUGMENTATION,
      },
    });
    const lossScale = precision === 'mixed' ? initialLossScale() : null;
    return new TeamBench(team, batchSize, forwardFlops(workload, lengthsOf(train)), lossScale);
  }

  /** The indices of the batch, repeated `times` times. */
  #indices(times: number): Int32Array {
    const batch = firstIndices(this.#batchSize);
    return Int32Array.from({ length: times * batch.length }, (_, i) => batch[i % batch.length]);
  }

  /** Mean seconds of a training update, over `times` updates in a row. */
  async update(times: number): Promise<number> {
    const plan = {
      epoch: 1,
      order: this.#indices(times),
      firstBatch: 0,
      endBatch: times,
      learningRates: new Float64Array(times).fill(1e-4),
      updatesBefore: this.#updates,
      lossScale: this.#lossScale,
    };
    const began = performance.now();
    let done = 0;
    for await (const { losses } of this.#engine.train(plan, NEVER)) done += losses.length;
    if (done !== times) throw new Error(`bench: the training ended after ${done} of ${times} updates`);
    this.#updates += times;
    return (performance.now() - began) / 1000 / times;
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
