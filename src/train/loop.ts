/**
 * The training loop: epochs of steps, validation after each, the best and the last state saved, early stopping. It
 * yields events and leaves what to do with them, and where states are saved, to its caller.
 */
import { epochOrder, epochOrderByLength } from '../data/split.js';
import type { CurvePoint, EpochMetrics } from '../runs/run-folder.js';
import { shareInts } from '../shared-memory.js';
import { UserError } from '../user-error.js';
import type { TrainConfig } from './config/options.js';
import { learningRates } from './config/plan.js';
import { type Answers, answersFor, evaluateWith, type Scores, scoresOf } from './evaluation.js';
import type { ProgressEvent, TrainEvent } from './events.js';
import { initialLossScale, type LossScaleState, readLossScale, shareLossScale } from './loss-scale.js';
import { evaluationSteps, type Team } from './team/team.js';
import type { SourceName } from './team/team-protocol.js';

/** Where a training stands: with the parameters and the optimiser's vectors all that is needed to go on. */
export interface TrainState {
  /** The epoch under way, from 1; epochs + 1 at the end. */
  epoch: number;
  /** Mean loss and correct answers of the steps done in it. */
  losses: number[];
  correct: number[];
  /** Updates made since the run began. */
  updates: number;
  /** Seconds spent in the epoch under way before an interruption, and in all epochs before it. */
  epochSeconds: number;
  trainSeconds: number;
  best: { accuracy: number; loss: number; epoch: number } | null;
  /** Mixed precision only. */
  lossScale: LossScaleState | null;
}

export const initialState = (mixed: boolean): TrainState => ({
  epoch: 1,
  losses: [],
  correct: [],
  updates: 0,
  epochSeconds: 0,
  trainSeconds: 0,
  best: null,
  lossScale: mixed ? initialLossScale() : null,
});

export interface LoopOptions {
  config: TrainConfig;
  team: Team;
  /** Indices into the training examples. */
  train: Int32Array;
  validation: Int32Array;
  /** [examples] */
  labels: Uint8Array;
  /** Steps of a training sequence; null if all have as many. */
  lengthOf: ((index: number) => number) | null;
  classes: number;
  /** Sequences that make one update. */
  batchSize: number;
  state: TrainState;
  stop: AbortSignal;
  /** Called after an epoch with the best validation so far, before `saveEpoch`. */
  saveBest(state: TrainState): Promise<void>;
  /** Called after every epoch with the state in which the next one begins. */
  saveEpoch(state: TrainState, metrics: EpochMetrics): Promise<void>;
  /** Called when a stop was wanted, with the state in the midst of an epoch. */
  saveInterrupted(state: TrainState): Promise<void>;
  /** For messages: the checkpoint to go back to. */
  lastGood: string;
}

export type StopReason = Extract<TrainEvent, { type: 'stopped' }>['reason'];

/** Points of the curve in an epoch. */
const CURVE_POINTS = 50;
/** Progress is looked at this often. */
const TICK_MS = 50;

/**
 * Trains until the epochs are done, or a reason to stop earlier turns up.
 * @throws UserError at the first loss that is not finite, naming epoch and step
 */
export async function* trainLoop(options: LoopOptions): AsyncGenerator<TrainEvent, StopReason> {
  const { config, state, stop } = options;
  const stepsPerEpoch = Math.ceil(options.train.length / options.batchSize);
  while (state.epoch <= config.numEpochs) {
    const reason = reasonToStop(options);
    if (reason) return reason;
    const epoch = state.epoch;
    const began = performance.now();
    const rates = learningRates(config, stepsPerEpoch, epoch);
    const rate = yield* trainEpoch(options, stepsPerEpoch, rates);
    const trained = state.losses.length === stepsPerEpoch;
    const scores = trained && !stop.aborted ? yield* validate(options, rates[stepsPerEpoch - 1], rate) : null;
    state.epochSeconds += (performance.now() - began) / 1000;
    if (!scores) {
      await options.saveInterrupted(state);
      yield { type: 'stopped', reason: 'interrupted', epoch, step: state.losses.length };
      return 'interrupted';
    }

    const metrics = metricsOf(options, rates, scores, rate);
    const accuracy = metrics.validationAccuracy;
    const best = state.best === null || accuracy > state.best.accuracy;
    if (best) state.best = { accuracy, loss: scores.loss, epoch };
    state.trainSeconds += state.epochSeconds;
    Object.assign(state, { epoch: epoch + 1, losses: [], correct: [], epochSeconds: 0 });
    if (best) await options.saveBest(state);
    await options.saveEpoch(state, metrics);
    yield { type: 'epoch', metrics, best, epochs: config.numEpochs };
  }
  return reasonToStop(options) ?? 'epochs';
}

/** Asked before every epoch, so that a run that had stopped does not go on when it is resumed. */
function reasonToStop({ config, state }: LoopOptions): StopReason | null {
  if (!state.best) return null;
  if (config.targetAccuracy !== null && state.best.accuracy >= config.targetAccuracy)
    return 'target-accuracy';
  if (config.patience !== null && state.epoch - 1 - state.best.epoch >= config.patience) return 'patience';
  return null;
}

/** The steps of an epoch that are not done yet; gives the samples a second. */
async function* trainEpoch(
  options: LoopOptions,
  stepsPerEpoch: number,
  rates: Float64Array,
): AsyncGenerator<ProgressEvent, number> {
  const { config, team, state, train, batchSize } = options;
  const firstStep = state.losses.length;
  const losses = new Float64Array(new SharedArrayBuffer(8 * stepsPerEpoch));
  const correct = new Int32Array(new SharedArrayBuffer(4 * stepsPerEpoch));
  losses.set(state.losses);
  correct.set(state.correct);
  const lossScale = state.lossScale && shareLossScale(state.lossScale);
  const samplesIn = (step: number) => Math.min(train.length, step * batchSize);
  const began = performance.now();
  const running = team.train({
    epoch: state.epoch,
    firstStep,
    steps: stepsPerEpoch,
    updatesBefore: state.updates,
    order: shareInts(orderOf(options)),
    learningRates: rates,
    losses,
    correct,
    lossScale,
  });
  if (options.stop.aborted) team.stop();

  let lossSum = 0;
  let correctSum = 0;
  let seen = 0;
  let rate = 0;
  const count = (step: number) => {
    lossSum += losses[step] * (samplesIn(step + 1) - samplesIn(step));
    correctSum += correct[step];
  };
  for (; seen < firstStep; seen++) count(seen);
  for await (const done of watch(running, () => firstStep + team.progress)) {
    rate = (1000 * (samplesIn(done) - samplesIn(firstStep))) / (performance.now() - began);
    for (; seen < done; seen++) {
      count(seen);
      const samples = samplesIn(seen + 1);
      const left =
        (config.numEpochs - state.epoch + 1) * (train.length + options.validation.length / 3) - samples;
      yield {
        type: 'progress',
        phase: 'train',
        epoch: state.epoch,
        step: seen + 1,
        steps: stepsPerEpoch,
        loss: lossSum / samples,
        accuracy: correctSum / samples,
        learningRate: rates[seen],
        samples,
        samplesPerSecond: rate,
        secondsLeft: left / rate,
      };
    }
  }

  state.losses = [...losses.subarray(0, seen)];
  state.correct = [...correct.subarray(0, seen)];
  const skippedBefore = state.lossScale?.skippedSteps ?? 0;
  if (lossScale) state.lossScale = readLossScale(lossScale);
  state.updates += seen - firstStep - ((state.lossScale?.skippedSteps ?? 0) - skippedBefore);
  if (seen < stepsPerEpoch && !options.stop.aborted) {
    const what = Number.isNaN(losses[seen]) ? 'NaN' : 'infinite';
    throw new UserError(
      `train: the loss became ${what} in epoch ${state.epoch}, step ${seen + 1}; the state before that epoch is kept in ` +
        `${options.lastGood}; use a lower --learning-rate, or --max-norm 1`,
    );
  }
  return rate;
}

function orderOf({ config, state, train, batchSize, lengthOf }: LoopOptions): Int32Array {
  const { seedNumber } = config;
  return lengthOf
    ? epochOrderByLength(train, lengthOf, batchSize, seedNumber, state.epoch)
    : epochOrder(train, seedNumber, state.epoch);
}

/** Scores on the validation part, or null when a stop was wanted. */
async function* validate(
  options: LoopOptions,
  learningRate: number,
  rate: number,
): AsyncGenerator<ProgressEvent, Scores | null> {
  const { config, state, validation } = options;
  const epochsLeft = config.numEpochs - state.epoch;
  const secondsAfter = (epochsLeft * (options.train.length + validation.length / 3)) / rate;
  const place = { phase: 'validation' as const, epoch: state.epoch, learningRate, secondsAfter };
  return (yield* evaluate(options.team, 'train', validation, options, place))?.scores ?? null;
}

/**
 * Evaluates sequences, with progress; what the loss and accuracy are is known at the end.
 * @returns null when a stop was wanted
 */
export async function* evaluate(
  team: Team,
  source: SourceName,
  indices: Int32Array,
  { labels, classes, stop }: { labels: Uint8Array; classes: number; stop: AbortSignal },
  place: Pick<ProgressEvent, 'phase' | 'part' | 'epoch' | 'learningRate'> & { secondsAfter: number },
): AsyncGenerator<ProgressEvent, { answers: Answers; scores: Scores } | null> {
  const answers = answersFor(indices, classes);
  const { secondsAfter, ...event } = place;
  const began = performance.now();
  const running = evaluateWith(team, source, answers);
  if (stop.aborted) team.stop();
  const steps = evaluationSteps(indices.length);
  let seen = 0;
  for await (const done of watch(running, () => team.progress)) {
    const { loss, score } = scoresOf(answers, labels);
    const rate = (1000 * score.count) / (performance.now() - began);
    const secondsLeft = (indices.length - score.count) / rate + secondsAfter;
    const measured = { loss, accuracy: score.correct / score.count, samples: score.count };
    while (seen < done) {
      yield {
        ...event,
        ...measured,
        type: 'progress',
        step: ++seen,
        steps,
        samplesPerSecond: rate,
        secondsLeft,
      };
    }
  }
  return stop.aborted ? null : { answers, scores: scoresOf(answers, labels) };
}

/** What `progress` is, whenever it has grown, until `running` ends; and once more then. Rejects as `running` does. */
export async function* watch(running: Promise<unknown>, progress: () => number): AsyncGenerator<number> {
  let ended = false;
  const settled = running.then(
    () => {
      ended = true;
    },
    () => {
      ended = true;
    },
  );
  let last = 0;
  while (!ended) {
    let timer: NodeJS.Timeout | undefined;
    const tick = new Promise((resolve) => {
      timer = setTimeout(resolve, TICK_MS);
    });
    await Promise.race([settled, tick]);
    clearTimeout(timer);
    const now = progress();
    if (now > last && !ended) yield now;
    last = now;
  }
  await running;
  yield progress();
}

function metricsOf(options: LoopOptions, rates: Float64Array, scores: Scores, rate: number): EpochMetrics {
  const { state, train, batchSize } = options;
  const { epoch, losses, correct } = state;
  const steps = losses.length;
  const mean = (from: number, to: number) => {
    const samples = Math.min(train.length, to * batchSize) - from * batchSize;
    let loss = 0;
    let right = 0;
    for (let step = from; step < to; step++) {
      loss += losses[step] * (Math.min(train.length, (step + 1) * batchSize) - step * batchSize);
      right += correct[step];
    }
    return { loss: loss / samples, accuracy: right / samples };
  };
  const points = Math.min(CURVE_POINTS, steps);
  const curve = Array.from({ length: points }, (_, point): CurvePoint => {
    const to = Math.floor(((point + 1) * steps) / points);
    const step = (epoch - 1) * steps + to;
    return { step, ...mean(Math.floor((point * steps) / points), to), learningRate: rates[to - 1] };
  });
  const whole = mean(0, steps);
  return {
    epoch,
    trainLoss: whole.loss,
    trainAccuracy: whole.accuracy,
    validationLoss: scores.loss,
    validationAccuracy: scores.score.correct / scores.score.count,
    learningRate: rates[steps - 1],
    seconds: state.epochSeconds,
    samplesPerSecond: rate,
    lossScale: state.lossScale?.scale ?? null,
    skippedSteps: state.lossScale?.skippedSteps ?? 0,
    curve,
  };
}
