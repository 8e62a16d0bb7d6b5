/**
 * A whole training run in Node.js: opens data, model and team, trains, keeps the run folder, and scores the best state
 * on the test set at the very end. After each epoch the files are written in an order (best, metrics, last) in which a
 * process that is killed between any two of them loses nothing.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Dataset, Preprocessing } from '../data/input-kind.js';
import { kindOf } from '../data/kinds.js';
import { loadDataset } from '../data/open-dataset.js';
import { firstIndices, sortedByLength, splitIndices, trainCountOf } from '../data/split.js';
import { makeFolder, writeFileAtomically } from '../formats/files.js';
import { flopsPerStep, type ResolvedClassifierConfig } from '../model/classifier-config.js';
import { encodeCheckpoint } from '../runs/checkpoint.js';
import { copyBest, readCheckpoint, readCheckpointToResume } from '../runs/checkpoint-file.js';
import { appendMetrics, readMetrics, truncateMetrics, writeConfig, writeSummary } from '../runs/run-files.js';
import { type EpochMetrics, type Mistake, RUN_FILES, type RunSummary } from '../runs/run-folder.js';
import type { TrainConfig } from './config/options.js';
import { augmentationOf, classifierOf, optimizerOf, preprocessingOf } from './config/plan.js';
import { configToDisk } from './config/run-config.js';
import { type Answers, mistakesOf, type Scores } from './evaluation.js';
import type { LoadingEvent, ProgressEvent, TrainEvent } from './events.js';
import { evaluate, initialState, type StopReason, type TrainState, trainLoop, watch } from './loop.js';
import { peakMegabytes } from './peak-memory.js';
import { resume } from './resume.js';
import { openSession, type Session } from './session.js';
import type { SourceName } from './team/team-protocol.js';

/** What a training leaves for its report, besides the files of the run folder. */
export interface RunEnd {
  folder: string;
  /** The wrong answers on the test set of which the network was surest. */
  mistakes: Mistake[];
}

/** A configuration whose run has a folder. */
type PlacedConfig = TrainConfig & { savingPath: string };

/**
 * Trains as `config` says, into the folder `config.savingPath`; goes on from `config.loadCp` if it is set.
 *
 * @param control.stop ends the training after the step under way, with a checkpoint to go on from
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

  const session = await openSession({
    backend: config.backend,
    threads: config.threads,
    dataset,
    preprocessing,
    model,
    batchSize,
    seed: config.seedNumber,
    optimizer: optimizerOf(config),
    maxNorm: config.maxNorm,
    labelSmoothing: config.labelSmoothing,
    augmentation: augmentationOf(config),
    precision: config.useAmp ? 'mixed' : 'float32',
  });
  const { team } = session;
  const stopTeam = () => team.stop();
  control.stop.addEventListener('abort', stopTeam);
  try {
    const conditions = {
      batchSize,
      trainCount: train.length,
      seed: config.seedNumber,
      optimizer: config.optimizer,
      useAmp: config.useAmp,
    };
    let state = initialState(config.useAmp);
    if (checkpoint) state = resume(team, checkpoint, config.loadCp as string, model, conditions);
    else team.layout.initialize(model, team.parameters, config.seedNumber);

    const folder = new RunFolder(config, session, dataset, model, preprocessing, conditions);
    await folder.begin(state);
    yield {
      type: 'start',
      backend: { name: session.backend.name, description: session.backend.description },
      threads: team.threads,
      parameters: team.parameters.length,
      trainCount: train.length,
      validationCount: validation.length,
      testCount: dataset.test.count,
      stepsPerEpoch: Math.ceil(train.length / batchSize),
      epochs: config.numEpochs,
      resumedFrom: checkpoint ? { epoch: state.epoch, step: state.losses.length } : null,
      seed: config.seedNumber,
      notices: [...notices, ...session.notices],
      folder: config.savingPath,
    };

    const classes = dataset.classes.length;
    const scoring = { classes, stop: control.stop };
    const lengthOf = kindOf(dataset).lengthsIn(dataset.train);
    const reason = yield* trainLoop({
      config,
      team,
      train,
      validation,
      labels: dataset.train.labels,
      batchSize,
      state,
      lengthOf,
      ...scoring,
      lastGood: join(config.savingPath, RUN_FILES.last),
      saveBest: () => folder.save(RUN_FILES.best),
      saveEpoch: (next, metrics) => folder.saveEpoch(next, metrics),
      saveInterrupted: (next) => folder.save(RUN_FILES.last, next),
    });
    const interrupted = { folder: config.savingPath, mistakes: [] };
    if (reason === 'interrupted') return interrupted;
    const epoch = state.epoch - 1;
    yield { type: 'stopped', reason, epoch, step: 0 };

    const best = await readCheckpoint(join(config.savingPath, RUN_FILES.best));
    team.layout.fromStateDict(best.parameters, team.parameters);
    const results = new Map<Part, { answers: Answers; scores: Scores }>();
    for (const { part, source, indices } of partsOf(dataset, train, validation)) {
      const place = { phase: 'evaluate', part, epoch, learningRate: 0, secondsAfter: 0 } as const;
      const { labels } = dataset[source === 'train' ? 'train' : 'test'];
      const result = yield* evaluate(team, source, indices, { ...scoring, labels }, place);
      if (!result) {
        yield { type: 'stopped', reason: 'interrupted', epoch, step: 0 };
        return interrupted;
      }
      results.set(part, result);
    }
    const scores = new Map([...results].map(([part, result]) => [part, result.scores]));
    const summary = await folder.end(state, reason, scores, train);
    yield { type: 'done', summary };
    return { folder: config.savingPath, mistakes: mistakesOf(results.get('test')!.answers, dataset) };
  } finally {
    control.stop.removeEventListener('abort', stopTeam);
    await session.close();
  }
}

/** Loads the data set, with progress where that takes a while. */
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

type Part = NonNullable<ProgressEvent['part']>;

/** What the best state is scored on at the end; the test set comes last. */
function partsOf(
  dataset: Dataset,
  train: Int32Array,
  validation: Int32Array,
): { part: Part; source: SourceName; indices: Int32Array }[] {
  const kind = kindOf(dataset);
  const sorted = (source: 'train' | 'test', indices: Int32Array) => {
    const lengthOf = kind.lengthsIn(dataset[source]);
    return lengthOf ? sortedByLength(indices, lengthOf) : indices;
  };
  const test = sorted('test', firstIndices(dataset.test.count));
  return [
    { part: 'train', source: 'train', indices: sorted('train', train) },
    { part: 'validation', source: 'train', indices: sorted('train', validation) },
    { part: 'test', source: 'test', indices: test },
    ...kind.otherParts.map((part) => ({ part, source: part, indices: test })),
  ];
}

/** Writes what a run leaves on disk. */
class RunFolder {
  readonly #began = performance.now();

  constructor(
    readonly config: PlacedConfig,
    readonly session: Session,
    readonly dataset: Dataset,
    readonly model: ResolvedClassifierConfig,
    readonly preprocessing: Preprocessing,
    readonly conditions: Record<string, unknown>,
  ) {}

  get #path(): string {
    return this.config.savingPath;
  }

  /** The folder, as it must be before the first step. */
  async begin(state: TrainState): Promise<void> {
    await makeFolder(this.#path);
    await writeConfig(this.#path, configToDisk(this.config));
    if (this.config.loadCp !== null && state.best !== null) await copyBest(this.config.loadCp, this.#path);
    await truncateMetrics(this.#path, state.epoch - 1);
    await this.save(RUN_FILES.last, state);
  }

  async saveEpoch(next: TrainState, metrics: EpochMetrics): Promise<void> {
    await appendMetrics(this.#path, metrics);
    await this.save(RUN_FILES.last, next);
  }

  /** A checkpoint of the team's parameters; with a state, one to go on from. */
  async save(file: string, state?: TrainState): Promise<void> {
    const { team } = this.session;
    const bytes = encodeCheckpoint({
      parameters: team.layout.toStateDict(team.parameters),
      model: this.model,
      preprocessing: this.preprocessing,
      classes: this.dataset.classes,
      ...(state && {
        training: { optimizer: new Map(team.optimizerState), state: { ...state, ...this.conditions } },
      }),
    });
    await writeFileAtomically(join(this.#path, file), bytes);
  }

  async end(
    state: TrainState,
    stoppedBy: StopReason,
    scores: Map<Part, Scores>,
    train: Int32Array,
  ): Promise<RunSummary> {
    const { config, session, dataset } = this;
    const [onTrain, onValidation, onTest] = (['train', 'validation', 'test'] as const).map(
      (part) => scores.get(part)!,
    );
    const samplesPerSecond = meanSpeed(await readMetrics(this.#path));
    const flops = 3 * flopsPerStep(session.team.model) * meanLength(config, dataset, train);
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
      backend: session.backend.name,
      backendDescription: session.backend.description,
      threads: session.team.threads,
      parameters: session.team.parameters.length,
      seed: config.seedNumber,
      useAmp: config.useAmp,
      skippedSteps: state.lossScale?.skippedSteps ?? 0,
      stoppedBy,
      reversedScore: scores.get('reversed')?.score ?? null,
      reorderedScore: scores.get('reordered')?.score ?? null,
      confusionMatrix: onTest.confusionMatrix,
      classes: dataset.classes,
      version: (createRequire(import.meta.url)('../../package.json') as { version: string }).version,
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

/** Training samples a second over all epochs, which have equally many. */
function meanSpeed(epochs: EpochMetrics[]): number {
  const secondsPerSample = epochs.reduce((sum, { samplesPerSecond }) => sum + 1 / samplesPerSecond, 0);
  return epochs.length / secondsPerSample;
}
