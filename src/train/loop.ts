/**
 * The training loop: epochs of updates, validation after each, the best and the last state saved, early stopping. The
 * loop yields events; its caller decides what to do with them and where states are saved. The command line, the
 * library and the page all train by this loop.
 */
import type { Precision } from '../backends/stored.js';
import { epochOrder, epochOrderByBlocks, epochOrderByLength } from '../data/split.js';
import type { CurvePoint, EpochMetrics } from '../runs/run-folder.js';
import { UserError } from '../user-error.js';
import { Diverged, type Engine } from './engine.js';
import { type AnswerSheet, evaluatePart, type Scores } from './evaluation.js';
import type { ProgressEvent, StopReason, TrainEvent } from './events.js';
import { learningRates, type RateSettings } from './learning-rates.js';
import { initialLossScale, type LossScaleState } from './loss-scale.js';

/** Progress of a training. With parameters and optimiser vectors all that is needed to resume. */
export interface TrainState {
  /** The current epoch, from 1; epochs + 1 at the end. */
  epoch: number;
  /** Mean loss and correct answers of the epoch's batches so far. */
  losses: number[];
  correct: number[];
  /** Updates made since the training began. */
  updates: number;
  /** Seconds spent so far in the current epoch, and in all epochs before it. */
  epochSeconds: number;
  trainSeconds: number;
  best: BestEpoch | null;
  /** Mixed precision only. */
  lossScale: LossScaleState | null;
}

/** What tells which epoch is the best. */
export type Monitor = 'accuracy' | 'loss';

/**
 * The epoch with the best validation accuracy so far; of equal ones, the one with the lowest validation loss. With the
 * monitor `loss` it is the other way round. Any epoch without augmentation is better than those before.
 */
export interface BestEpoch {
  accuracy: number;
  loss: number;
  epoch: number;
  /**
   * The first epoch with this accuracy, or loss. Patience counts from it: with the monitor `accuracy`, a lower loss alone
   * does not prolong a training.
   */
  reachedIn: number;
}

export const initialState = (precision: Precision): TrainState => ({
  epoch: 1,
  losses: [],
  correct: [],
  updates: 0,
  epochSeconds: 0,
  trainSeconds: 0,
  best: null,
  lossScale: precision === 'float16' ? initialLossScale() : null,
});

export interface LoopSettings {
  epochs: number;
  /** Sequences of an update. */
  batchSize: number;
  rate: RateSettings;
  /** The first of the epochs without augmentation, from which on the best is chosen anew; Infinity: there is none. */
  firstPlain: number;
  /** Key of the order of the sequences. */
  seed: number;
  monitor: Monitor;
  /** Stop after this many epochs that are no better by the monitor; null: never. */
  patience: number | null;
  /** Stop when the validation accuracy reaches this; null: never. */
  targetAccuracy: number | null;
  /** Stop in the epoch in which the training has taken so many milliseconds, after a last validation; null: never. */
  maxMs: number | null;
  /** Within an epoch, save after this many milliseconds and after this many updates; null: only between epochs. */
  checkpointMs: number | null;
  checkpointUpdates: number | null;
}

/** What an epoch is made of. */
export interface EpochOptions {
  engine: Engine;
  settings: LoopSettings;
  /** [S] indices in part `train` of the sequences that an epoch reads; epochs take the S lists in turn, all of one length. */
  train: readonly Int32Array[];
  /** Steps of a training sequence; null if all have the same number. */
  lengthOf: ((index: number) => number) | null;
  /** Examples of a block that is read from a file at once; null if all are in memory. */
  blockOf?: number | null;
  state: TrainState;
  stop: AbortSignal;
  /** Called within an epoch, with the state to resume from. */
  saveMidEpoch(state: TrainState): Promise<void>;
  /** Where the last saved state is, for messages. */
  lastGood: string;
}

export interface LoopOptions extends EpochOptions {
  /** Indices of the validation sequences in part `validation`; at least one. */
  validation: Int32Array;
  /** [examples] of part `validation` */
  labels: ArrayLike<number>;
  classes: number;
  /** Updates of the epochs before, also skipped ones. Left out: as many in each as in those to come. */
  stepsBefore?: number;
  /** Called after every epoch with the answers to the validation part, before `saveBest` and `saveEpoch`. */
  validated?(answers: AnswerSheet): void;
  /** Called after an epoch with the best validation so far (`BestEpoch`), with its scores, before `saveEpoch`. */
  saveBest(state: TrainState, validation: Scores): Promise<void>;
  /** Called after every epoch, with the state in which the next one begins. */
  saveEpoch(state: TrainState, metrics: EpochMetrics): Promise<void>;
}

/** Most points of the curve in an epoch. */
const CURVE_POINTS = 50;
/** Later epochs have one point: the metrics of all epochs together are of limited size (MAX_EPOCHS in runs/limits.ts). */
const DETAILED_EPOCHS = 5000;
/** Seconds that evaluating a sequence takes, as a share of those that training on it takes. */
const EVALUATION_COST = 1 / 3;
/** setTimeout takes no longer ones. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Trains until all epochs are done, or a reason to stop earlier arises.
 * @throws UserError at the first loss or gradient that is not finite, naming epoch and update
 */
export async function* trainLoop(options: LoopOptions): AsyncGenerator<TrainEvent, StopReason> {
  const { settings, state, stop } = options;
  let stepsBefore = options.stepsBefore ?? (state.epoch - 1) * batchesOf(options);
  while (state.epoch <= settings.epochs) {
    const reason = reasonToStop(options);
    if (reason) return reason;
    const { epoch } = state;
    const trained = yield* trainEpoch(options, options.validation.length * EVALUATION_COST);
    const validationBegan = performance.now();
    const answers = trained && !stop.aborted ? yield* validate(options, trained) : null;
    state.epochSeconds += (performance.now() - validationBegan) / 1000;
    if (!trained || !answers) {
      await options.saveMidEpoch(state);
      const batch = state.losses.length;
      yield { type: 'stopped', reason: 'interrupted', epoch: batch > 0 ? epoch : epoch - 1, batch };
      return 'interrupted';
    }

    const { scores } = answers;
    const metrics = metricsOf(options, trained, scores, stepsBefore);
    stepsBefore += state.losses.length;
    const accuracy = metrics.validationAccuracy;
    const before = bestBefore(epoch, options);
    const { loss } = scores;
    const best = before === null || isBetter({ accuracy, loss }, before, settings.monitor);
    if (best) {
      const isEqual = before !== null && before[settings.monitor] === { accuracy, loss }[settings.monitor];
      state.best = { accuracy, loss, epoch, reachedIn: isEqual ? before.reachedIn : epoch };
    }
    endEpoch(state);
    options.validated?.(answers);
    if (best) await options.saveBest(state, scores);
    await options.saveEpoch(state, metrics);
    yield { type: 'epoch', metrics, best, epochs: settings.epochs };
  }
  return reasonToStop(options) ?? 'epochs';
}

/** The best of the epochs that compete with an epoch. */
function bestBefore(
  epoch: number,
  { settings: { firstPlain }, state: { best } }: LoopOptions,
): BestEpoch | null {
  return best !== null && best.epoch < firstPlain && epoch >= firstPlain ? null : best;
}

/** Validations of few samples are often equally accurate; their losses tell which of them is sure of its answers. */
function isBetter(
  { accuracy, loss }: Pick<BestEpoch, Monitor>,
  best: Pick<BestEpoch, Monitor>,
  monitor: Monitor,
): boolean {
  const [byAccuracy, byLoss] = [accuracy - best.accuracy, best.loss - loss];
  const [first, second] = monitor === 'accuracy' ? [byAccuracy, byLoss] : [byLoss, byAccuracy];
  return first > 0 || (first === 0 && second > 0);
}

/** Checked before every epoch, so that a run that has stopped does not continue when it is resumed. */
function reasonToStop({ settings, state }: LoopOptions): StopReason | null {
  if (!state.best) return null;
  if (settings.targetAccuracy !== null && state.best.accuracy >= settings.targetAccuracy)
    return 'target-accuracy';
  if (settings.patience !== null && state.epoch - 1 - state.best.reachedIn >= settings.patience)
    return 'patience';
  if (settings.maxMs !== null && 1000 * state.trainSeconds >= settings.maxMs) return 'max-minutes';
  return null;
}

/** Counts the current epoch as done. */
export function endEpoch(state: TrainState): void {
  state.trainSeconds += state.epochSeconds;
  Object.assign(state, { epoch: state.epoch + 1, losses: [], correct: [], epochSeconds: 0 });
}

export interface TrainedEpoch {
  /** [batches] */
  learningRates: Float64Array;
  samplesPerSecond: number;
}

/**
 * The remaining batches of the current epoch. `state` follows; the epoch is not counted as done (see `endEpoch`).
 *
 * @param extraSamples work after each epoch, in samples that could be trained on in that time; for the time left
 * @returns null when it was stopped; not when the time is over: the epoch then has the batches so far
 * @throws UserError at the first loss or gradient that is not finite, naming epoch and update
 */
export async function* trainEpoch(
  options: EpochOptions,
  extraSamples = 0,
): AsyncGenerator<ProgressEvent, TrainedEpoch | null> {
  const { engine, settings, state, train, stop } = options;
  const { batchSize, epochs } = settings;
  const batches = batchesOf(options);
  const rates = learningRates(settings.rate, epochs, batches, state.epoch);
  const order = orderOf(options, state.epoch);
  const samplesIn = (batch: number) => Math.min(train[0].length, batch * batchSize);
  const firstBatch = state.losses.length;
  const began = performance.now();
  const secondsBefore = state.epochSeconds;
  // An epoch that was interrupted after its last batch is not trained on again.
  let samplesPerSecond = firstBatch === batches ? train[0].length / secondsBefore : 0;
  const timeLeft = () =>
    (settings.maxMs ?? Number.POSITIVE_INFINITY) / 1000 -
    (state.trainSeconds + secondsBefore + (performance.now() - began) / 1000);
  let lossSum = 0;
  let correctSum = 0;
  const count = (batch: number) => {
    lossSum += state.losses[batch] * (samplesIn(batch + 1) - samplesIn(batch));
    correctSum += state.correct[batch];
  };
  for (let batch = 0; batch < firstBatch; batch++) count(batch);

  while (state.losses.length < batches && !stop.aborted && !timeIsOver(options)) {
    const { endBatch, signal, release } = untilCheckpoint(options, batches);
    const { epoch, updates: updatesBefore, lossScale } = state;
    const plan = {
      epoch,
      order,
      firstBatch: state.losses.length,
      endBatch,
      learningRates: rates,
      updatesBefore,
      lossScale,
    };
    try {
      for await (const { losses, correct, lossScale: after } of engine.train(plan, signal)) {
        const skipped = (after?.skippedSteps ?? 0) - (state.lossScale?.skippedSteps ?? 0);
        state.updates += losses.length - skipped;
        state.lossScale = after;
        samplesPerSecond =
          (1000 * (samplesIn(state.losses.length + losses.length) - samplesIn(firstBatch))) /
          (performance.now() - began);
        for (let n = 0; n < losses.length; n++) {
          const batch = state.losses.length;
          state.losses.push(losses[n]);
          state.correct.push(correct[n]);
          count(batch);
          const samples = samplesIn(batch + 1);
          const left = (epochs - state.epoch + 1) * (train[0].length + extraSamples) - samples;
          yield {
            type: 'progress',
            phase: 'train',
            epoch: state.epoch,
            batch: batch + 1,
            batches: batches,
            loss: lossSum / samples,
            accuracy: correctSum / samples,
            learningRate: rates[batch],
            samples,
            samplesPerSecond,
            secondsLeft: Math.min(left / samplesPerSecond, timeLeft()),
          };
        }
      }
    } catch (error) {
      throw error instanceof Diverged ? divergence(error, options) : error;
    } finally {
      release();
    }
    state.epochSeconds = secondsBefore + (performance.now() - began) / 1000;
    if (state.losses.length < batches && !stop.aborted && !timeIsOver(options)) {
      await options.saveMidEpoch(state);
    }
  }
  const isEnded = state.losses.length === batches || (timeIsOver(options) && state.losses.length > 0);
  return isEnded && !(stop.aborted && state.losses.length < batches)
    ? {
        learningRates: rates,
        samplesPerSecond: samplesPerSecond || samplesIn(state.losses.length) / secondsBefore,
      }
    : null;
}

/** Updates of a whole epoch. */
function batchesOf({ settings, train }: EpochOptions): number {
  return Math.ceil(train[0].length / settings.batchSize);
}

/** Milliseconds until the time is over; infinite without a limit. */
function msLeft({ settings, state }: Pick<EpochOptions, 'settings' | 'state'>): number {
  if (settings.maxMs === null) return Number.POSITIVE_INFINITY;
  return settings.maxMs - 1000 * (state.trainSeconds + state.epochSeconds);
}

/** Not before the first update of an epoch: an epoch without updates has no mean loss. */
function timeIsOver(options: EpochOptions): boolean {
  return options.state.losses.length > 0 && msLeft(options) <= 0;
}

/** How far to train before the next checkpoint within the epoch. */
function untilCheckpoint(
  { settings, state, stop }: EpochOptions,
  batches: number,
): { endBatch: number; signal: AbortSignal; release(): void } {
  const { checkpointUpdates } = settings;
  const pauseMs = Math.min(settings.checkpointMs ?? Number.POSITIVE_INFINITY, msLeft({ settings, state }));
  const endBatch = Math.min(batches, state.losses.length + (checkpointUpdates ?? batches));
  const pause = new AbortController();
  const abort = () => pause.abort();
  stop.addEventListener('abort', abort);
  if (stop.aborted) abort();
  const timer = pauseMs <= MAX_TIMER_MS ? setTimeout(abort, Math.max(0, pauseMs)) : undefined;
  const release = () => {
    clearTimeout(timer);
    stop.removeEventListener('abort', abort);
  };
  return { endBatch, signal: pause.signal, release };
}

function divergence({ batch, quantity, value }: Diverged, { state, lastGood }: EpochOptions): UserError {
  const what = Number.isNaN(value) ? 'NaN' : 'infinite';
  return new UserError(
    `train: the ${quantity} became ${what} in epoch ${state.epoch}, update ${batch + 1}; ` +
      `the last good state is ${lastGood}; use a lower learning rate, or clip gradients to the norm 1`,
    { settings: ['learningRate', 'maxNorm'] },
  );
}

/** The training sequences in the order of an epoch, as indices into part `train`. */
export function orderOf(
  {
    settings,
    train: sets,
    lengthOf,
    blockOf,
  }: Pick<EpochOptions, 'settings' | 'train' | 'lengthOf' | 'blockOf'>,
  epoch: number,
): Int32Array {
  const { seed, batchSize } = settings;
  const train = sets[(epoch - 1) % sets.length];
  if (lengthOf && blockOf) return epochOrderByBlocks(train, lengthOf, batchSize, blockOf, seed, epoch);
  return lengthOf
    ? epochOrderByLength(train, lengthOf, batchSize, seed, epoch)
    : epochOrder(train, seed, epoch);
}

/** Answers to the validation part; null when it was stopped. */
async function* validate(
  options: LoopOptions,
  { learningRates: rates, samplesPerSecond }: TrainedEpoch,
): AsyncGenerator<ProgressEvent, AnswerSheet | null> {
  const { engine, settings, state, validation, labels, classes, stop } = options;
  const epochsLeft = settings.epochs - state.epoch;
  return yield* evaluatePart({
    engine,
    part: 'validation',
    indices: validation,
    labels,
    classes,
    stop,
    event: { phase: 'validation', epoch: state.epoch, learningRate: rates[rates.length - 1] },
    secondsAfter:
      (epochsLeft * (options.train[0].length + validation.length * EVALUATION_COST)) / samplesPerSecond,
  });
}

/** Mean loss and accuracy over all batches of the current epoch: of all of them, or of those before its time was over. */
export function epochMeans({ settings, state, train }: EpochOptions): { loss: number; accuracy: number } {
  return meansOver({ settings, state, train }, 0, state.losses.length);
}

function meansOver(
  { settings, state, train }: Pick<EpochOptions, 'settings' | 'state' | 'train'>,
  from: number,
  to: number,
): { loss: number; accuracy: number } {
  const { batchSize } = settings;
  const samples = Math.min(train[0].length, to * batchSize) - from * batchSize;
  let loss = 0;
  let right = 0;
  for (let batch = from; batch < to; batch++) {
    loss += state.losses[batch] * (Math.min(train[0].length, (batch + 1) * batchSize) - batch * batchSize);
    right += state.correct[batch];
  }
  return { loss: loss / samples, accuracy: right / samples };
}

function metricsOf(
  options: LoopOptions,
  trained: TrainedEpoch,
  scores: Scores,
  stepsBefore: number,
): EpochMetrics {
  const { state } = options;
  const { epoch } = state;
  const batches = state.losses.length;
  const points = epoch > DETAILED_EPOCHS ? 1 : Math.min(CURVE_POINTS, batches);
  const curve = Array.from({ length: points }, (_, point): CurvePoint => {
    const to = Math.floor(((point + 1) * batches) / points);
    const means = meansOver(options, Math.floor((point * batches) / points), to);
    return { step: stepsBefore + to, ...means, learningRate: trained.learningRates[to - 1] };
  });
  const whole = epochMeans(options);
  return {
    epoch,
    trainLoss: whole.loss,
    trainAccuracy: whole.accuracy,
    validationLoss: scores.loss,
    validationAccuracy: scores.score.correct / scores.score.count,
    learningRate: trained.learningRates[batches - 1],
    seconds: state.epochSeconds,
    samplesPerSecond: trained.samplesPerSecond,
    lossScale: state.lossScale?.scale ?? null,
    skippedSteps: state.lossScale?.skippedSteps ?? 0,
    curve,
  };
}
