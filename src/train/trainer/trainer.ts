/**
 * Trains a classifier on examples given as arrays, in Node.js and in a page, by the training loop of the command line:
 * an epoch at a time (`epoch`), or with validation, schedule and early stopping (`train`).
 */
import type { Backend, DeviceBackend } from '../../backends/backend.js';
import { optionNames, requireNumber, requireOptions, requireWhole } from '../../formats/argument.js';
import { SequenceClassifier } from '../../model/classifier.js';
import type { ResolvedClassifierConfig } from '../../model/classifier-config.js';
import type { EpochMetrics } from '../../runs/run-folder.js';
import type { StateDict } from '../../state-dict.js';
import { UserError } from '../../user-error.js';
import type { Engine, ModelState } from '../engine.js';
import { evaluatePart } from '../evaluation.js';
import type { TrainEvent } from '../events.js';
import {
  type EpochOptions,
  endEpoch,
  epochMeans,
  initialState,
  type LoopSettings,
  trainEpoch,
  trainLoop,
} from '../loop.js';
import type { ResolvedOptimizer } from '../optimizer.js';
import type { TrainerPart, TrainerParts } from './trainer-examples.js';
import type { TrainerEvaluation, TrainOptions, TrainResult } from './trainer-options.js';

const TRAIN_NAMES = optionNames<TrainOptions>({
  epochs: true,
  schedule: true,
  patience: true,
  targetAccuracy: true,
  signal: true,
  onProgress: true,
  onEpoch: true,
});

/**
 * Trains one model on examples in memory; `openTrainer` opens it. A trainer makes one call at a time: await each before
 * the next.
 *
 * @example
 * import { openTrainer } from 'scanstroke';
 *
 * // Does a sequence of 8 values rise or fall?
 * const labels = Int32Array.from({ length: 200 }, (_, n) => n % 2);
 * const inputs = Float32Array.from({ length: 1600 }, (_, i) => (labels[i >> 3] ? 1 : -1) * (i % 8));
 * const trainer = await openTrainer(
 *   { inputSize: 1, hiddenSize: 8, numClasses: 2 },
 *   { inputs, labels, steps: 8 },
 *   { optimizer: { name: 'adam', lr: 0.01 }, validation: 0.2 },
 * );
 * const { best, stoppedBy } = await trainer.train({
 *   epochs: 10,
 *   patience: 3,
 *   schedule: { name: 'one-cycle' },
 * });
 * console.log(best, stoppedBy); // { epoch, accuracy, loss } 'epochs' or 'patience'
 * const { accuracy, confusionMatrix } = await trainer.evaluate('validation');
 * console.log(accuracy, confusionMatrix); // 1 [ [ 23, 0 ], [ 0, 17 ] ]
 * const model = await trainer.classifier();
 * await trainer.close();
 * const { logits } = await model.forward({ inputs: inputs.subarray(0, 8), batchSize: 1, steps: 8 });
 * console.log(logits); // [2]
 */
export class Trainer {
  /** For people: backend, instruction set and threads, such as `cpu (AVX-512), 8 threads`, or the GPU. */
  readonly description: string;
  /** Number of worker threads; 1 for a GPU. */
  readonly threads: number;
  readonly #engine: Engine;
  readonly #backend: Backend | DeviceBackend;
  readonly #model: ResolvedClassifierConfig;
  readonly #optimizer: ResolvedOptimizer;
  readonly #parts: TrainerParts;
  readonly #seed: number;
  readonly #batchSize: number;
  readonly #openBackend: () => Promise<Backend | DeviceBackend>;
  readonly #state = initialState('float32');
  #best: ModelState | null = null;
  #busy: string | null = null;

  /** For `createTrainer`. */
  constructor(parts: {
    engine: Engine;
    /** Closed with the trainer. */
    backend: Backend | DeviceBackend;
    model: ResolvedClassifierConfig;
    optimizer: ResolvedOptimizer;
    parts: TrainerParts;
    seed: number;
    batchSize: number;
    openBackend: () => Promise<Backend | DeviceBackend>;
  }) {
    this.#engine = parts.engine;
    this.#backend = parts.backend;
    this.description = parts.engine.description;
    this.threads = parts.engine.threads;
    this.#model = parts.model;
    this.#optimizer = parts.optimizer;
    this.#parts = parts.parts;
    this.#seed = parts.seed;
    this.#batchSize = parts.batchSize;
    this.#openBackend = parts.openBackend;
  }

  /**
   * Makes one pass over all training examples. Every epoch has another order.
   *
   * @param lr learning rate of the pass. Default: the optimiser's.
   * @returns mean loss and share of correct answers, 0 to 1, measured before each update
   * @throws UserError when the loss becomes infinite or NaN; the parameters are those before that update
   * @throws UserError when the trainer is busy or closed
   */
  async epoch(lr: number = this.#optimizer.lr): Promise<{ loss: number; accuracy: number }> {
    return this.#alone('epoch', async () => {
      this.#forgetBest();
      // An epoch that was interrupted is not finished: this is a whole pass.
      if (this.#state.losses.length > 0) endEpoch(this.#state);
      const options = this.#epochOptions(
        { epochs: this.#state.epoch, rate: { name: 'constant', lr } },
        new AbortController().signal,
      );
      try {
        for await (const _ of trainEpoch(options));
        return epochMeans(options);
      } finally {
        endEpoch(this.#state);
      }
    });
  }

  /**
   * Trains with validation after every epoch. At the end the trainer holds the parameters of the best epoch.
   *
   * @param options epochs, schedule, and when to stop
   * @returns metrics of the epochs, the best epoch, and why the training ended
   * @throws UserError without validation examples (see TrainerOptions), and for an option that is out of range
   * @throws UserError when the loss becomes infinite or NaN; the parameters are those before that update
   * @throws UserError when the trainer is busy or closed
   */
  async train(options: TrainOptions): Promise<TrainResult> {
    requireOptions('train', options, TRAIN_NAMES);
    const { epochs, schedule = { name: 'constant' }, patience = null, targetAccuracy = null } = options;
    requireWhole('train: epochs', epochs);
    if (patience !== null) requireWhole('train: patience', patience);
    if (targetAccuracy !== null) {
      requireNumber('train: targetAccuracy', targetAccuracy, 'in (0, 1]', (share) => share > 0 && share <= 1);
    }
    if (this.#parts.indices.validation.length === 0) {
      throw new UserError(
        'train: there are no validation examples; give openTrainer the option validation, e.g. 0.2 for a fifth, or call epoch()',
      );
    }
    return this.#alone('train', async () => {
      const { signal, onProgress, onEpoch } = options;
      const own = new AbortController();
      const stop = () => own.abort();
      if (signal?.aborted) stop();
      signal?.addEventListener('abort', stop, { once: true });
      const rate = { ...schedule, lr: this.#optimizer.lr };
      const metrics: EpochMetrics[] = [];
      const loop = trainLoop({
        ...this.#epochOptions({ epochs, rate, patience, targetAccuracy }, own.signal),
        validation: this.#parts.indices.validation,
        labels: this.#parts.data.validation.labels,
        classes: this.#model.numClasses,
        saveBest: async () => {
          this.#best = await this.#engine.save();
        },
        saveEpoch: async () => {},
      });
      const tell = (event: TrainEvent) => {
        if (event.type === 'progress') onProgress?.(event);
        if (event.type !== 'epoch') return;
        metrics.push(event.metrics);
        onEpoch?.(event.metrics);
      };
      let thrown: { error: unknown } | null = null;
      let next = await loop.next();
      try {
        for (; !next.done; next = await loop.next()) {
          // After a callback has thrown, the loop takes in the updates that are made already, and ends.
          if (thrown !== null) continue;
          try {
            tell(next.value);
          } catch (error) {
            thrown = { error };
            stop();
          }
        }
      } finally {
        signal?.removeEventListener('abort', stop);
      }
      if (thrown !== null) throw thrown.error;
      const stoppedBy = next.value;
      if (stoppedBy !== 'interrupted' && this.#best) await this.#engine.load(this.#best);
      const { best } = this.#state;
      return {
        stoppedBy,
        metrics,
        best: best && { epoch: best.epoch, accuracy: best.accuracy, loss: best.loss },
      };
    });
  }

  /**
   * Measures loss, accuracy and confusions with the current parameters, without dropout.
   *
   * @param part the examples to answer. Default: `validation` if there are such examples, else `train`.
   * @throws UserError when the part is empty, or when the trainer is busy or closed
   */
  async evaluate(part: TrainerPart = this.#defaultPart()): Promise<TrainerEvaluation> {
    const indices = this.#parts.indices[part];
    if (!indices || indices.length === 0) {
      throw new UserError(`evaluate: there are no ${part} examples; give openTrainer the option validation`);
    }
    return this.#alone('evaluate', async () => {
      const events = evaluatePart({
        engine: this.#engine,
        part,
        indices,
        labels: this.#parts.data[part].labels,
        classes: this.#model.numClasses,
        stop: new AbortController().signal,
        event: { phase: 'evaluate', part, epoch: 0, learningRate: 0 },
        secondsAfter: 0,
      });
      let next = await events.next();
      while (!next.done) next = await events.next();
      if (!next.value) throw new Error('evaluate: stopped without being asked to');
      const { score, loss, confusionMatrix } = next.value.scores;
      return { loss, accuracy: score.correct / score.count, count: score.count, confusionMatrix };
    });
  }

  /**
   * Makes a classifier with a copy of the current parameters. It stays valid after the trainer is closed. Close it with
   * `close()`.
   *
   * @param backend computes for the classifier, and stays the caller's. Default: a new backend of the same name as the
   *   trainer's, which the classifier closes.
   * @throws UserError when the trainer is busy or closed
   */
  async classifier(backend?: Backend | DeviceBackend): Promise<SequenceClassifier> {
    const { parameters } = await this.#alone('classifier', () => this.#engine.save());
    const { sequenceLength, ...config } = this.#model;
    return new SequenceClassifier(
      { ...config, sequenceLength: sequenceLength ?? undefined },
      backend ?? (await this.#openBackend()),
      { parameters, closeBackend: backend === undefined },
    );
  }

  /**
   * Copies all parameters, under PyTorch's names and in PyTorch's shapes, as `SequenceClassifier.stateDict`.
   * @throws UserError when the trainer is busy or closed
   */
  async stateDict(): Promise<StateDict> {
    return this.#alone('stateDict', async () => (await this.#engine.save()).parameters);
  }

  /**
   * Replaces all parameters; the optimiser keeps its state.
   *
   * @param parameters as `stateDict` gives them
   * @throws UserError naming what is missing, unknown or of another shape; nothing is changed then
   * @throws UserError when the trainer is busy or closed
   */
  async loadStateDict(parameters: StateDict): Promise<void> {
    await this.#alone('loadStateDict', async () => {
      const { optimizer } = await this.#engine.save();
      await this.#engine.load({ parameters, optimizer });
      this.#forgetBest();
    });
  }

  /** Ends the threads and frees the memory. A closed trainer cannot be used; a call under way is rejected. */
  async close(): Promise<void> {
    this.#busy = 'close';
    await this.#engine.close();
    this.#backend.close();
  }

  #isClosed(): boolean {
    return this.#busy === 'close';
  }

  #defaultPart(): TrainerPart {
    return this.#parts.indices.validation.length > 0 ? 'validation' : 'train';
  }

  /** Other parameters than those of `train`: the next `train` compares with none before. */
  #forgetBest(): void {
    this.#best = null;
    this.#state.best = null;
  }

  /** One call at a time. */
  async #alone<R>(call: string, action: () => Promise<R>): Promise<R> {
    if (this.#isClosed()) throw new UserError(`${call}: the trainer is closed`);
    if (this.#busy !== null) {
      throw new UserError(`${call}: the trainer is busy with ${this.#busy}(); await it first`);
    }
    this.#busy = call;
    try {
      return await action();
    } catch (error) {
      if (this.#isClosed())
        throw new UserError(`${call}: the trainer was closed meanwhile`, { cause: error });
      throw error;
    } finally {
      if (this.#busy === call) this.#busy = null;
    }
  }

  #epochOptions(
    settings: Pick<LoopSettings, 'epochs' | 'rate'> & Partial<LoopSettings>,
    stop: AbortSignal,
  ): EpochOptions {
    const { indices, lengths } = this.#parts;
    return {
      engine: this.#engine,
      settings: {
        batchSize: this.#batchSize,
        firstPlain: Number.POSITIVE_INFINITY,
        seed: this.#seed,
        monitor: 'accuracy',
        patience: null,
        targetAccuracy: null,
        maxMs: null,
        checkpointMs: null,
        checkpointUpdates: null,
        ...settings,
      },
      train: [indices.train],
      lengthOf: lengths && ((index) => lengths[index]),
      state: this.#state,
      stop,
      saveMidEpoch: async () => {},
      lastGood: 'the one before that update',
    };
  }
}
