/**
 * A whole training run in Node.js: locks the run folder, opens data and engine, trains, writes the run folder, and at
 * the very end scores the best state on the test set.
 */
import { dirname, join } from 'node:path';
import { DeviceLost } from '../../backends/webgpu/device.js';
import type { Dataset } from '../../data/input-kind.js';
import { kindOf } from '../../data/kinds.js';
import type { Part } from '../../data/sources.js';
import { firstIndices, sortedByLength } from '../../data/split.js';
import { parameterCount } from '../../model/parameters.js';
import type { CalibrationComparison } from '../../runs/calibration.js';
import type { Checkpoint } from '../../runs/checkpoint/checkpoint.js';
import { readCheckpoint } from '../../runs/checkpoint/checkpoint-file.js';
import { readCheckpointToResume } from '../../runs/checkpoint/run-checkpoints.js';
import { type Mistake, type RefusedKind, RUN_FILES } from '../../runs/run-folder.js';
import { inUse, lockRun, RunInUse, type RunLock, runHolder } from '../../runs/run-lock.js';
import { continuesIn, holdsRun, isBest } from '../../runs/run-path.js';
import { UserError } from '../../user-error.js';
import { compareCalibration } from '../calibration.js';
import type { TrainConfig } from '../config/options.js';
import { evaluatePart, type Scores } from '../evaluation.js';
import type { LoadingEvent, TrainEvent } from '../events.js';
import { initialState, orderOf, trainLoop } from '../loop.js';
import type { Lead } from '../mpi/lead.js';
import type { StartThread } from '../team/threads/threads.js';
import { watch } from '../watch.js';
import { fingerprintOf, resume, savedPrecision, validationFingerprint } from './begin/resume.js';
import { startThreadsAhead } from './engines/host-engine.js';
import { openRunEngine, type RunEngine } from './engines/run-engine.js';
import { refusedByKind } from './evaluate/refusals.js';
import { mistakesOf } from './evaluate/worst-mistakes.js';
import { loadRunData, planRun, withoutEffect } from './run-plan.js';
import { type PlacedConfig, RunWriter } from './run-writer.js';
import { TensorboardLog } from './tensorboard-log.js';

/** Input of the report that is not in the run folder. */
export interface RunEnd {
  folder: string;
  /** The wrong answers on the test set with the highest probability. */
  mistakes: Mistake[];
  /** Of the answers to the test set; null after an interruption. */
  calibration: CalibrationComparison | null;
}

export interface RunControl {
  /** Ends the training after the current update, with a checkpoint to resume from. */
  stop: AbortSignal;
  /** The lock of the run folder; by default the run takes it, and releases it at its end. */
  lock?: RunLock;
  /** In an MPI job: the other ranks, which compute with this one; by default the run computes alone. */
  ranks?: Lead | null;
  /** The folder of the counters of energy; default: the kernel's. */
  powercap?: string;
}

/**
 * Trains by `config` into the folder `config.savingPath`; resumes from `config.loadCp` if it is set.
 *
 * @param control.stop ends the training after the current update, with a checkpoint to resume from; before the first
 * update, before anything is written, throws its reason
 * @throws UserError for a mistake in configuration, data or checkpoint, for a folder that cannot be written or that
 * another training uses, and at the first loss that is not finite
 */
export async function* trainRun(
  config: PlacedConfig,
  { stop, lock, powercap, ranks = null }: RunControl,
): AsyncGenerator<TrainEvent, RunEnd> {
  if (lock) return yield* trainLocked(config, stop, lock, powercap, ranks);
  const own = await lockRun(config.savingPath, { stop });
  try {
    return yield* trainLocked(config, stop, own, powercap, ranks);
  } finally {
    await own.release();
  }
}

async function* trainLocked(
  given: PlacedConfig,
  stop: AbortSignal,
  lock: RunLock,
  powercap: string | undefined,
  ranks: Lead | null,
): AsyncGenerator<TrainEvent, RunEnd> {
  const waiting = ranks || given.backend === 'webgpu' ? null : startThreadsAhead(given.threads);
  try {
    return yield* trainOnThreads(given, stop, lock, powercap, ranks, waiting?.start);
  } finally {
    await waiting?.close();
  }
}

async function* trainOnThreads(
  given: PlacedConfig,
  stop: AbortSignal,
  lock: RunLock,
  powercap: string | undefined,
  ranks: Lead | null,
  startThread: StartThread | undefined,
): AsyncGenerator<TrainEvent, RunEnd> {
  const loading = load(given, stop);
  const { dataset, notices } = yield* ranks ? ranks.loadInTurn(given, loading) : loading;
  notices.push(...withoutEffect(given, dataset));
  const plan = planRun(given, dataset);
  const { config, preprocessing, model, train, validation, batchSize, settings, lengthOf, blockOf } = plan;
  const source = await lockSource(config, stop);
  let session: RunEngine | null = null;
  let log: TensorboardLog | null = null;
  let writer: RunWriter | null = null;
  try {
    const checkpoint = config.loadCp === null ? null : await readCheckpointToResume(config.loadCp);
    session = await openRunEngine(
      {
        backend: config.backend,
        threads: config.threads,
        dataset,
        preprocessing,
        model,
        precision: precisionOf(config, checkpoint),
        training: plan.training,
        ranks,
        startThread,
      },
      checkpoint?.training ? null : { order: orderOf({ settings, train, lengthOf, blockOf }, 1), batchSize },
    );
    const { engine, precision } = session;
    const conditions = {
      batchSize,
      trainCount: train[0].length,
      seed: config.seedNumber,
      optimizer: config.optimizer,
      precision,
      data: fingerprintOf(dataset),
      validation: validationFingerprint(dataset, validation),
    };
    const { state, validation: chosenOn } = checkpoint
      ? await resume(engine, checkpoint, config.loadCp as string, model, preprocessing, conditions)
      : { state: initialState(precision), validation: conditions.validation };
    // Where no epoch is left, the best network stays, and what chose it.
    const isChosenAnew = chosenOn !== conditions.validation && state.epoch <= config.numEpochs;
    const saved = isChosenAnew ? conditions : { ...conditions, validation: chosenOn };
    const parameters = parameterCount(model);

    stop.throwIfAborted();
    const kept = { ...config, backend: session.backend, precision, useAmp: precision !== 'float32' };
    const files = new RunWriter(kept, lock, engine, dataset, model, preprocessing, saved, powercap);
    writer = files;
    const { notices: repairs, stepsBefore } = await files.begin(state, checkpoint, isChosenAnew);
    await source?.release();
    if (config.log.includes('tensorboard')) {
      log = await TensorboardLog.open({
        folder: config.savingPath,
        config: kept,
        state,
        batchSize,
        trainCount: train[0].length,
        stepsBefore,
      });
    }
    yield {
      type: 'start',
      backend: engine.backend,
      threads: engine.threads,
      parameters,
      trainCount: train[0].length,
      validationCount: validation.length,
      testCount: dataset.test.count,
      batchesPerEpoch: plan.batchesPerEpoch,
      epochs: config.numEpochs,
      resumedFrom: checkpoint ? { epoch: state.epoch, batch: state.losses.length } : null,
      seed: config.seedNumber,
      notices: [...notices, ...session.notices, ...repairs],
      folder: config.savingPath,
    };

    const scoring = { engine, classes: dataset.classes.length, stop };
    const lastGood = join(config.savingPath, RUN_FILES.last);
    const scores = new Map<Part, Scores>();
    const loop = trainLoop({
      ...scoring,
      settings,
      train,
      validation,
      labels: dataset.train.labels,
      lengthOf,
      blockOf,
      state,
      stepsBefore,
      lastGood,
      validated: (answers) => files.calibrate(answers),
      saveBest: async (next, bestScores) => {
        scores.set('validation', bestScores);
        await files.saveBest(next.epoch - 1);
      },
      saveEpoch: async (next, metrics) => {
        await log?.epoch(metrics);
        await files.saveEpoch(next, metrics);
      },
      saveMidEpoch: (next) => files.save(RUN_FILES.last, next),
    });
    const reason = yield* untilDeviceLost(log ? log.follow(loop) : loop, lastGood);
    const interrupted = { folder: config.savingPath, mistakes: [], calibration: null };
    if (reason === 'interrupted') return interrupted;
    const epoch = state.epoch - 1;
    yield { type: 'stopped', reason, epoch, batch: 0 };

    const best = await readCheckpoint(join(config.savingPath, RUN_FILES.best));
    await engine.load({ parameters: best.parameters, optimizer: new Map() });
    const { temperature = 1 } = best;
    let mistakes: Mistake[] = [];
    let refused: RefusedKind[] = [];
    let calibration: CalibrationComparison | null = null;
    for (const { part, indices } of evaluatedParts(dataset, train[0], validation)) {
      // The validation that chose the best epoch, if it was in this process.
      if (scores.has(part)) continue;
      const sheet = yield* evaluatePart({
        ...scoring,
        part,
        indices,
        labels: examplesOf(dataset, part).labels,
        event: { phase: 'evaluate', part, epoch, learningRate: 0 },
        secondsAfter: 0,
      });
      if (!sheet) {
        yield { type: 'stopped', reason: 'interrupted', epoch, batch: 0 };
        return interrupted;
      }
      scores.set(part, sheet.scores);
      if (part === 'test') {
        mistakes = mistakesOf(sheet, dataset, temperature);
        calibration = compareCalibration(sheet, dataset.test.labels, temperature);
      }
      if (part === 'negatives') refused = refusedByKind(sheet, dataset);
    }
    const summary = await files.end(state, reason, scores, refused, train[0]);
    await log?.end(summary);
    yield { type: 'done', summary };
    return { folder: config.savingPath, mistakes, calibration };
  } finally {
    await source?.release();
    await log?.close();
    writer?.close();
    await session?.close();
  }
}

/** The precision that is asked for; where only mixed precision is, that of the training which goes on, if it is mixed. */
function precisionOf({ precision, useAmp, loadCp }: TrainConfig, checkpoint: Checkpoint | null) {
  if (precision !== 'float32' || !useAmp) return precision;
  const saved = checkpoint?.training
    ? savedPrecision(checkpoint.training.state, loadCp as string)
    : 'float32';
  return saved === 'float32' ? 'mixed' : saved;
}

/** Passes events on; says how to go on when the GPU is lost. @param lastGood where the last saved state is */
async function* untilDeviceLost<R>(
  loop: AsyncGenerator<TrainEvent, R>,
  lastGood: string,
): AsyncGenerator<TrainEvent, R> {
  try {
    return yield* loop;
  } catch (error) {
    if (!(error instanceof DeviceLost)) throw error;
    throw new UserError(`train: ${error.message}; continue from the last checkpoint, ${lastGood}`, {
      settings: ['loadCp'],
    });
  }
}

/**
 * Locks the run folder of the checkpoint, if it is another one, so that no training changes it while its files are
 * copied. In a folder that cannot be written no training can begin.
 * @throws RunInUse if a training uses the folder
 */
async function lockSource({ loadCp, savingPath }: PlacedConfig, stop: AbortSignal): Promise<RunLock | null> {
  if (loadCp === null || isBest(loadCp) || continuesIn(savingPath, loadCp)) return null;
  const folder = dirname(loadCp);
  if (!holdsRun(folder)) return null;
  try {
    return await lockRun(folder, { stop });
  } catch (error) {
    if (error instanceof RunInUse || !(error instanceof UserError)) throw error;
    const holder = await runHolder(folder);
    if (holder) throw inUse(folder, holder);
    return null;
  }
}

/** Loads the data set and reports progress. */
async function* load(
  config: TrainConfig,
  signal: AbortSignal,
): AsyncGenerator<LoadingEvent, { dataset: Dataset; notices: string[] }> {
  const notices: string[] = [];
  const progress: Omit<LoadingEvent, 'type'> = { what: '', done: 0, total: 0 };
  const loading = loadRunData(config, {
    signal,
    onProgress: (now) => Object.assign(progress, now),
    onNotice: (line) => notices.push(line),
  });
  for await (const done of watch(loading, () => progress.done)) {
    if (done > 0) yield { type: 'loading', ...progress };
  }
  return { dataset: await loading, notices };
}

/** The examples that a part's indices mean. */
function examplesOf(dataset: Dataset, part: Part): Dataset['test'] {
  if (part === 'train' || part === 'validation') return dataset.train;
  return part === 'negatives' && dataset.negatives ? dataset.negatives.examples : dataset.test;
}

/** At most so many, evenly spaced. */
function evenly(indices: Int32Array, most: number): Int32Array {
  if (indices.length <= most) return indices;
  return Int32Array.from({ length: most }, (_, n) => indices[Math.floor((n * indices.length) / most)]);
}

/** Most training samples that are scored at the end: answers to millions would take as long as a part of the training. */
const MOST_SCORED = 2 ** 18;

/** The parts on which the best state is scored at the end. */
function evaluatedParts(
  dataset: Dataset,
  train: Int32Array,
  validation: Int32Array,
): { part: Part; indices: Int32Array }[] {
  const kind = kindOf(dataset);
  const sorted = (part: Part, indices = firstIndices(examplesOf(dataset, part).count)) => {
    const lengthOf = kind.lengthsIn(examplesOf(dataset, part));
    return lengthOf ? sortedByLength(indices, lengthOf) : indices;
  };
  const test = sorted('test');
  return [
    { part: 'train', indices: sorted('train', evenly(train, MOST_SCORED)) },
    { part: 'validation', indices: sorted('train', validation) },
    { part: 'test', indices: test },
    ...kind.otherParts.map((part) => ({ part, indices: test })),
    ...(dataset.negatives ? [{ part: 'negatives' as const, indices: sorted('negatives') }] : []),
  ];
}
