/** Our own side of a match: the team that trains, and the classifier of the public API. */
import { SequenceClassifier } from 'scanstroke';
import { type BackendChoice, openBackend } from '#src/backends/open-node.js';
import { NO_AUGMENTATION } from '#src/data/augmentation.js';
import { firstIndices } from '#src/data/split.js';
import type { Precision } from '#src/model/workspace.js';
import { shareInts } from '#src/shared-memory.js';
import { initialLossScale, shareLossScale } from '#src/train/loss-scale.js';
import { resolveOptimizer } from '#src/train/optimizer.js';
import { Team } from '#src/train/team/team.js';
import { startNodeThread } from '#src/train/team/threads-node.js';
import { forwardFlops, lengthsOf, randomData, type Workload } from './workload.js';

/** A team of threads at work on a workload. */
export class TeamBench {
  readonly #team: Team;
  /** Of the LSTM's products for the batch. */
  readonly forwardFlops: number;
  readonly #batchSize: number;
  readonly #lossScale: Float64Array | null;
  #updates = 0;

  private constructor(team: Team, batchSize: number, flops: number, lossScale: Float64Array | null) {
    this.#team = team;
    this.#batchSize = batchSize;
    this.forwardFlops = flops;
    this.#lossScale = lossScale;
  }

  static async open(
    workload: Workload,
    choice: BackendChoice,
    threads: number,
    precision: Precision = 'float32',
  ): Promise<TeamBench> {
    const { model, batchSize, optimizer, maxNorm } = workload;
    const data = randomData(workload);
    const lossScale = precision === 'mixed' ? shareLossScale(initialLossScale()) : null;
    const team = new Team({
      backend: await openBackend(choice),
      threads,
      startThread: startNodeThread,
      model,
      precision,
      batchSize,
      maxNorm,
      seed: 0,
      labelSmoothing: 0,
      data: { train: data, test: data },
      augmentation: NO_AUGMENTATION,
      optimizer: resolveOptimizer(optimizer),
    });
    team.layout.initialize(model, team.parameters, 0);
    return new TeamBench(team, batchSize, forwardFlops(workload, lengthsOf(data)), lossScale);
  }

  /** The batch's indices, `times` times. */
  #indices(times: number): Int32Array {
    const batch = firstIndices(this.#batchSize);
    return shareInts(Int32Array.from({ length: times * batch.length }, (_, i) => batch[i % batch.length]));
  }

  /** Seconds of a training step, the mean of `times` in a row. */
  async step(times: number): Promise<number> {
    const floats = () => new Float64Array(new SharedArrayBuffer(8 * times));
    const order = this.#indices(times);
    const began = performance.now();
    const done = await this.#team.train({
      epoch: 1,
      firstStep: 0,
      steps: times,
      updatesBefore: this.#updates,
      order,
      lossScale: this.#lossScale,
      learningRates: floats().fill(1e-4),
      losses: floats(),
      correct: new Int32Array(new SharedArrayBuffer(4 * times)),
    });
    if (done !== times) throw new Error(`bench: the training ended after ${done} of ${times} steps`);
    this.#updates += times;
    return (performance.now() - began) / 1000 / times;
  }

  /** Seconds that the logits of the batch take, the mean of `times` in a row. */
  async forward(times: number): Promise<number> {
    const indices = this.#indices(times);
    const shared = (length: number) => new Float32Array(new SharedArrayBuffer(4 * length));
    const began = performance.now();
    await this.#team.evaluate({
      source: 'train',
      indices,
      logits: shared(indices.length * this.#team.model.numClasses),
      losses: shared(indices.length),
    });
    return (performance.now() - began) / 1000 / times;
  }

  close(): Promise<void> {
    return this.#team.close();
  }
}

/** A classifier, as a program would use it: one thread, one sample. */
export class ClassifierBench {
  readonly model: SequenceClassifier;
  readonly #sample: { inputs: Float32Array; batchSize: 1; steps: number };

  private constructor(model: SequenceClassifier, steps: number) {
    const inputs = new Float32Array(steps * model.config.inputSize).fill(0.1);
    this.model = model;
    this.#sample = { inputs, batchSize: 1, steps };
  }

  static async open({ model, steps }: Workload, choice: BackendChoice): Promise<ClassifierBench> {
    const { sequenceLength, ...config } = model;
    const sizes = { ...config, sequenceLength: sequenceLength ?? undefined };
    return new ClassifierBench(new SequenceClassifier(sizes, await openBackend(choice)), steps);
  }

  /** Seconds that the logits of one sample take, the mean of `times` in a row. */
  async sample(times: number): Promise<number> {
    const began = performance.now();
    for (let i = 0; i < times; i++) await this.model.forward(this.#sample);
    return (performance.now() - began) / 1000 / times;
  }

  /** Of a model that can be stepped: seconds of one more point with the states carried on, logits included. */
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
