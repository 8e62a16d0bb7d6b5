/**
 * A whole training run in Node.js: opens data and engine, trains, writes the run folder, and at the very end scores the
 * best state on the test set. After each epoch the files are written in the order best, metrics, last: a process that
 * is killed between any two of them loses nothing.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Dataset, Preprocessing } from '../../data/input-kind.js';
import { kindOf } from '../../data/kinds.js';
import { loadDataset } from '../../data/open-dataset.js';
import type { Part } from '../../data/sources.js';
import { firstIndices, sortedByLength, splitIndices, trainCountOf } from '../../data/split.js';
import { writeFileAtomically } from '../../formats/files.js';
import { flopsPerStep, type ResolvedClassifierConfig } from '../../model/classifier-config.js';
import { parameterCount } from '../../model/parameters.js';
import { encodeCheckpoint } from '../../runs/checkpoint.js';
import { copyBest, readCheckpoint, readCheckpointToResume } from '../../runs/checkpoint-file.js';
import {
  appendMetrics,
  beginRun,
  giveUpRun,
  readMetrics,
  removeResults,
  truncateMetrics,
  writeConfig,
  writeSummary,
} from '../../runs/run-files.js';
import { type EpochMetrics, type Mistake, RUN_FILES, type RunSummary } from '../../runs/run-folder.js';
import { continuesIn } from '../../runs/run-path.js';
import type { TrainConfig } from '../config/options.js';
import { classifierOf, loopSettingsOf, preprocessingOf, updateSettingsOf } from '../config/plan.js';
import { configToDisk } from '../config/run-config.js';
import type { Engine } from '../engine.js';
import { type AnswerSheet, evaluatePart, type Scores } from '../evaluation.js';
import type { LoadingEvent, StopReason, TrainEvent } from '../events.js';
import { initialState, type TrainState, trainLoop } from '../loop.js';
import { watch } from '../watch.js';
import { peakMegabytes } from './peak-memory.js';
import { fingerprintOf, resume } from './resume.js';
import { openRunEngine } from './run-engine.js';
import { mistakesOf } from './worst-mistakes.js';

/** Input of the report that is not in the run folder. */
export interface RunEnd {
  folder: string;
  /** The wrong answers on the test set with the highest probability. */
  mistakes: Mistake[];
}

/** A configuration with a run folder. */
type PlacedConfig = TrainConfig & { savingPath: string };

/**
 * Trains by `config` into the folder `config.savingPath`; resumes from `config.loadCp` if it is set.
 *
 * @param control.stop ends the training after the current update, with a checkpoint to resume from
 * @throws UserError for a mistake in configuration, data or checkpoint, for a folder that cannot be written, and at
 * the first loss that is not finite
 */
export async function* trainRun(
  config: PlacedConfig,
  control: { stop: AbortSignal },
): AsyncGenerator<TrainEvent, RunEnd> {
  const { dataset, notices } = yield* load(config);
  const preprocessing = preprocessingOf(config, dataset);
  const model = classifierOf(config, dataset.classes.length);
  const checkpoint = config.loadCp === null ? null : await readCheckpointToResume(config.loadCp);
  const { count } = dataset.train;
  const { train, validation } = splitIndices(
    count,
    trainCountOf(count, config.trainSplit),
    config.seedNumber,
  );
  const batchSize = Math.min(train.length, config.batchSize * config.accumulationSteps);

  const session = await openRunEngine({
    backend: config.backend,
    threads: config.threads,
    dataset,
    preprocessing,
    model,
    precision: config.useAmp ? 'mixed' : 'float32',
    training: updateSettingsOf(config, batchSize),
  });
  const { engine } = session;
  try {
    const conditions = {
      batchSize,
      trainCount: train.length,
      seed: config.seedNumber,
      optimizer: config.optimizer,
      useAmp: config.useAmp,
      data: fingerprintOf(dataset),
    };
    const state = checkpoint
      ? await resume(engine, checkpoint, config.loadCp as string, model, conditions)
      : initialState(config.useAmp);
    const parameters = parameterCount(model);

    const folder = new RunFolder(config, engine, dataset, model, preprocessing, conditions);
    await folder.begin(state);
    yield {
      type: 'start',
      backend: engine.backend,
      threads: engine.threads,
      parameters,
      trainCount: train.length,
      validationCount: validation.length,
      testCount: dataset.test.count,
      batchesPerEpoch: Math.ceil(train.length / batchSize),
      epochs: config.numEpochs,
      resumedFrom: checkpoint ? { epoch: state.epoch, batch: state.losses.length } : null,
      seed: config.seedNumber,
      notices: [...notices, ...session.notices],
      folder: config.savingPath,
    };

    const scoring = { engine, classes: dataset.classes.length, stop: control.stop };
    const reason = yield* trainLoop({
      ...scoring,
      settings: loopSettingsOf(config, batchSize),
      train,
      validation,
      labels: dataset.train.labels,
      lengthOf: kindOf(dataset).lengthsIn(dataset.train),
      state,
      lastGood: join(config.savingPath, RUN_FILES.last),
      saveBest: () => folder.save(RUN_FILES.best),
      saveEpoch: (next, metrics) => folder.saveEpoch(next, metrics),
      saveMidEpoch: (next) => folder.save(RUN_FILES.last, next),
    });
    const interrupted = { folder: config.savingPath, mistakes: [] };
    if (reason === 'interrupted') return interrupted;
    const epoch = state.epoch - 1;
    yield { type: 'stopped', reason, epoch, batch: 0 };

    const best = await readCheckpoint(join(config.savingPath, RUN_FILES.best));
    await engine.load({ parameters: best.parameters, optimizer: new Map() });
    const results = new Map<Part, AnswerSheet>();
    for (const { part, indices } of evaluatedParts(dataset, train, validation)) {
      const sheet = yield* evaluatePart({
        ...scoring,
        part,
        indices,
        labels: dataset[part === 'train' || part === 'validation' ? 'train' : 'test'].labels,
        event: { phase: 'evaluate', part, epoch, learningRate: 0 },
        secondsAfter: 0,
      });
      if (!sheet) {
        yield { type: 'stopped', reason: 'interrupted', epoch, batch: 0 };
        return interrupted;
      }
      results.set(part, sheet);
    }
    const scores = new Map([...results].map(([part, sheet]) => [part, sheet.scores]));
    const summary = await folder.end(state, reason, scores, train);
    yield { type: 'done', summary };
    return { folder: config.savingPath, mistakes: mistakesOf(results.get('test')!, dataset) };
  } finally {
    await session.close();
  }
}

/** Loads the data set and reports progress. */
async function* load(
  config: TrainConfig,
): AsyncGenerator<LoadingEvent, { dataset: Dataset; notices: string[] }> {
  const notices: string[] = [];
  const progress: Omit<LoadingEvent, 'type'> = { what: '', done: 0, total: 0 };
  const loading = loadDataset(config.data, {
    channelsImg: config.channelsImg,
    order: config.strokeOrder,
    onProgress: (now) => Object.assign(progress, now),
    onNotice: (line) => notices.push(line),
  });
  for await (const done of watch(loading, () => progress.done)) {
    if (done > 0) yield { type: 'loading', ...progress };
  }
  return { dataset: await loading, notices };
}

/** The parts on which the best state is scored at the end. */
function evaluatedParts(
  dataset: Dataset,
  train: Int32Array,
  validation: Int32Array,
): { part: Part; indices: Int32Array }[] {
  const kind = kindOf(dataset);
  const sorted = (source: 'train' | 'test', indices: Int32Array) => {
    const lengthOf = kind.lengthsIn(dataset[source]);
    return lengthOf ? sortedByLength(indices, lengthOf) : indices;
  };
  const test = sorted('test', firstIndices(dataset.test.count));
  return [
    { part: 'train', indices: sorted('train', train) },
    { part: 'validation', indices: sorted('train', validation) },
    { part: 'test', indices: test },
    ...kind.otherParts.map((part) => ({ part, indices: test })),
  ];
}

/** Writes the files of a run. */
class RunFolder {
  readonly #began = performance.now();

  constructor(
    readonly config: PlacedConfig,
    readonly engine: Engine,
    readonly dataset: Dataset,
    readonly model: ResolvedClassifierConfig,
    readonly preprocessing: Preprocessing,
    readonly conditions: Record<string, unknown>,
  ) {}

  get #path(): string {
    return this.config.savingPath;
  }

  /**
   * Prepares the folder before the first update. Results of an earlier end are removed if epochs are left; if the run
   * has stopped for another reason, they are made again.
   */
  async begin(state: TrainState): Promise<void> {
    const { loadCp } = this.config;
    const continued = continuesIn(this.#path, loadCp);
    await (continued ? writeConfig : beginRun)(this.#path, configToDisk(this.config));
    try {
      if (loadCp !== null && state.best !== null) await copyBest(loadCp, this.#path);
      await truncateMetrics(this.#path, state.epoch - 1, loadCp === null ? this.#path : dirname(loadCp));
      if (state.epoch <= this.config.numEpochs) await removeResults(this.#path);
      await this.save(RUN_FILES.last, state);
    } catch (error) {
      if (!continued) await giveUpRun(this.#path);
      throw error;
    }
  }

  async saveEpoch(next: TrainState, metrics: EpochMetrics): Promise<void> {
    await appendMetrics(this.#path, metrics);
    await this.save(RUN_FILES.last, next);
  }

  /** A checkpoint of the parameters; with a state also of the optimiser, to resume from. */
  async save(file: string, state?: TrainState): Promise<void> {
    const { parameters, optimizer } = await this.engine.save();
    const bytes = encodeCheckpoint({
      parameters,
      model: { ...this.model },
      preprocessing: this.preprocessing,
      classes: this.dataset.classes,
      ...(state && { training: { optimizer, state: { ...state, ...this.conditions } } }),
    });
    await writeFileAtomically(join(this.#path, file), bytes);
  }

  async end(
    state: TrainState,
    stoppedBy: StopReason,
    scores: Map<Part, Scores>,
    train: Int32Array,
  ): Promise<RunSummary> {
    const { config, engine, dataset, model } = this;
    const [onTrain, onValidation, onTest] = (['train', 'validation', 'test'] as const).map(
      (part) => scores.get(part)!,
    );
    const samplesPerSecond = meanSpeed(await readMetrics(this.#path));
    const flops = 3 * flopsPerStep(model) * meanLength(config, dataset, train);
    const summary: RunSummary = {
      preset: config.preset,
      testAccuracy: onTest.score.correct / onTest.score.count,
      testLoss: onTest.loss,
      bestValAccuracy: onValidation.score.correct / onValidation.score.count,
      bestEpoch: state.best?.epoch ?? 0,
      trainScore: onTrain.score,
      validationScore: onValidation.score,
      testScore: onTest.score,
      trainSeconds: state.trainSeconds,
      totalSeconds: (performance.now() - this.#began) / 1000,
      epochs: state.epoch - 1,
      samplesPerSecond,
      gflops: (flops * samplesPerSecond) / 1e9,
      peakRssMb: peakMegabytes(),
      backend: engine.backend.name,
      backendDescription: engine.backend.description,
      threads: engine.threads,
      parameters: parameterCount(model),
      seed: config.seedNumber,
      useAmp: config.useAmp,
      skippedSteps: state.lossScale?.skippedSteps ?? 0,
      stoppedBy,
      reversedScore: scores.get('reversed')?.score ?? null,
      reorderedScore: scores.get('reordered')?.score ?? null,
      confusionMatrix: onTest.confusionMatrix,
      classes: dataset.classes,
      version: (createRequire(import.meta.url)('../../../package.json') as { version: string }).version,
      node: process.version,
    };
    await writeSummary(this.#path, summary);
    return summary;
  }
}

/** Steps of a training sequence, without augmentation. */
function meanLength(config: TrainConfig, dataset: Dataset, train: Int32Array): number {
  const lengthOf = kindOf(dataset).lengthsIn(dataset.train);
  if (lengthOf === null) return config.sequenceLength;
  return train.reduce((sum, index) => sum + lengthOf(index), 0) / train.length;
}

/** Training samples a second over all epochs, which have the same number of samples; 0 if no epoch is recorded. */
function meanSpeed(epochs: EpochMetrics[]): number {
  if (epochs.length === 0) return 0;
  const secondsPerSample = epochs.reduce((sum, { samplesPerSecond }) => sum + 1 / samplesPerSecond, 0);
  return epochs.length / secondsPerSample;
}
