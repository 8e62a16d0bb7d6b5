/**
 * Writes the files of a run, whose folder is locked. The files are written in an order in which a process that is killed
 * at any moment leaves a folder that can be resumed, or one that holds no run.
 */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Dataset, Preprocessing } from '../../data/input-kind.js';
import { kindOf } from '../../data/kinds.js';
import type { Part } from '../../data/sources.js';
import { writeFileAtomically } from '../../formats/files.js';
import { readFileBounded } from '../../formats/read-files.js';
import { flopsPerStep, type ResolvedClassifierConfig } from '../../model/classifier-config.js';
import { parameterCount } from '../../model/parameters.js';
import { type Checkpoint, encodeCheckpoint } from '../../runs/checkpoint/checkpoint.js';
import { readTrainedModel } from '../../runs/checkpoint/checkpoint-file.js';
import { bestOf, pendingBest, setAside, settleBest } from '../../runs/checkpoint/run-checkpoints.js';
import { MAX_CHECKPOINT_BYTES } from '../../runs/limits.js';
import { takeMetrics } from '../../runs/metrics-repair.js';
import {
  appendMetrics,
  readMetrics,
  removeResults,
  writeConfig,
  writeSummary,
} from '../../runs/run-files.js';
import { type EpochMetrics, type RefusedKind, RUN_FILES, type RunSummary } from '../../runs/run-folder.js';
import type { RunLock } from '../../runs/run-lock.js';
import { originOf, removeOrigin, writeOrigin } from '../../runs/run-origin.js';
import { continuesIn, refuseOldRun } from '../../runs/run-path.js';
import { UserError } from '../../user-error.js';
import type { TrainConfig } from '../config/options.js';
import { configToDisk } from '../config/run-config.js';
import type { Engine } from '../engine.js';
import type { AnswerSheet, Scores } from '../evaluation.js';
import type { StopReason } from '../events.js';
import type { TrainState } from '../loop.js';
import { answersToOwn, fitTemperature } from '../temperature.js';
import { differencesOf } from './begin/resume.js';
import { EnergyMeter } from './energy-meter.js';
import { refusalsOf } from './evaluate/refusals.js';
import { peakMegabytes } from './peak-memory.js';

/** Said when a merged network is trained on. */
const MERGED =
  'the network was merged from several, which may have trained on these validation samples: validation accuracies may be too high';

/** A configuration with a run folder. */
export type PlacedConfig = TrainConfig & { savingPath: string };

/** What a run begins with, beside its state. */
export interface Beginning {
  /** For the user: what was repaired or forgotten, and what the validation of a merged network is worth. */
  notices: string[];
  /** Updates of the epochs before; undefined if the metrics do not say. */
  stepsBefore?: number;
}

export class RunWriter {
  readonly #began = performance.now();
  /** Seconds of training before this process took the run up. */
  #secondsBefore = 0;
  /** Of the weights at the end of the last epoch; undefined before one, and after an epoch of an older version. */
  #temperature: number | undefined;
  #members: Checkpoint['members'];
  #energy: EnergyMeter | null = null;

  constructor(
    readonly config: PlacedConfig,
    readonly lock: RunLock,
    readonly engine: Engine,
    readonly dataset: Dataset,
    readonly model: ResolvedClassifierConfig,
    readonly preprocessing: Preprocessing,
    readonly conditions: Record<string, unknown>,
    /** The folder of the counters of energy; replaced in tests. */
    readonly powercap?: string,
  ) {}

  get #path(): string {
    return this.config.savingPath;
  }

  /**
   * Prepares the folder before the first update. A run from another folder takes metrics and best checkpoint along.
   * Damaged files are repaired; if the best checkpoint is lost, `state.best` changes. Results of an earlier end are
   * removed if epochs are left; if the run has stopped for another reason, they are made again.
   *
   * @param checkpoint that the run begins from; its temperature is that of the weights, and a network that was merged
   * from others stays so
   * @param isChosenAnew the epochs to come are validated on other samples than those before: the best so far does not
   * compare with them, and is forgotten
   */
  async begin(state: TrainState, checkpoint: Checkpoint | null, isChosenAnew: boolean): Promise<Beginning> {
    await this.lock.check(); // Loading the data may have taken long.
    this.#temperature = checkpoint?.temperature;
    this.#members = checkpoint?.members;
    this.#energy = new EnergyMeter(joulesOf(checkpoint), this.powercap);
    const { loadCp, numEpochs } = this.config;
    this.#secondsBefore = state.trainSeconds + state.epochSeconds;
    const continued = continuesIn(this.#path, loadCp);
    const source = loadCp === null ? this.#path : dirname(loadCp);
    if (!continued) await refuseOldRun(this.#path, loadCp);
    const keeps = continued || (await originOf(this.#path)) !== null;
    const written: string[] = [];
    try {
      if (continued) await settleBest(this.#path, state.best?.epoch ?? null);
      else if (loadCp !== null) await writeOrigin(this.#path, loadCp);
      else await removeOrigin(this.#path);
      written.push(RUN_FILES.config);
      await writeConfig(this.#path, configToDisk(this.config));
      written.push(RUN_FILES.metrics);
      const known = { lastEpoch: state.epoch - 1, best: state.best };
      const { metrics, notices } = await takeMetrics(this.#path, known, source);
      if (loadCp !== null) written.push(RUN_FILES.best);
      notices.push(...(await this.#takeBest(state, source, metrics)));
      if (isChosenAnew && state.best) {
        notices.push(
          `epoch ${state.best.epoch}, the best so far, was chosen on other validation samples: data, seed or split have changed; ` +
            'the best of the epochs that follow is kept',
        );
        state.best = null;
      }
      if (state.epoch <= numEpochs) await removeResults(this.#path);
      await this.save(RUN_FILES.last, state);
      await removeOrigin(this.#path);
      if (this.#members !== undefined) notices.push(MERGED);
      const last = metrics.at(-1);
      return { notices, stepsBefore: last?.epoch === known.lastEpoch ? last.curve.at(-1)?.step : undefined };
    } catch (error) {
      if (!keeps) await this.#giveUp(written);
      throw error;
    }
  }

  /** Removes what a run that could not begin has written: its folder can be used again. */
  async #giveUp(written: readonly string[]): Promise<void> {
    for (const name of written) await rm(join(this.#path, name), { force: true }).catch(() => {});
    await removeOrigin(this.#path).catch(() => {});
  }

  /** Makes sure that the folder has the best checkpoint so far. @returns lines for the user */
  async #takeBest(state: TrainState, source: string, metrics: readonly EpochMetrics[]): Promise<string[]> {
    if (state.epoch === 1 && state.best === null) return [];
    // The best checkpoint of an imported network, which was never validated, has the weights that were imported.
    const bestEpoch = state.best?.epoch ?? state.epoch - 1;
    const here = join(this.#path, RUN_FILES.best);
    const path = bestOf(source, bestEpoch);
    const problem = await this.#problemWith(path);
    if (problem === null) {
      if (path !== here) {
        const bytes = await readFileBounded(path, 'the best checkpoint so far,', MAX_CHECKPOINT_BYTES);
        await writeFileAtomically(here, bytes);
      }
      return [];
    }
    const kept = path === here && existsSync(here) ? `; it is kept as ${await setAside(here)}` : '';
    const last = metrics.at(-1);
    const betweenEpochs = state.losses.length === 0;
    if (betweenEpochs && bestEpoch === state.epoch - 1) {
      await this.save(RUN_FILES.best);
      return [`${problem}${kept}; it was written again from ${RUN_FILES.last}, which has the same weights`];
    }
    if (state.best === null) return [];
    const lost = `${problem}${kept}; the weights of epoch ${state.best.epoch}, the best so far, are lost`;
    const lastIsKnown = betweenEpochs && last?.epoch === state.epoch - 1;
    state.best = lastIsKnown
      ? {
          accuracy: last.validationAccuracy,
          loss: last.validationLoss,
          epoch: last.epoch,
          reachedIn: last.epoch,
        }
      : null;
    // First, so that a killed process leaves no checkpoint that would be taken for that of the old best epoch.
    if (lastIsKnown) await this.save(RUN_FILES.last, state);
    if (betweenEpochs) await this.save(RUN_FILES.best);
    if (!lastIsKnown) return [`${lost}; the best of the epochs that follow is kept`];
    return [`${lost}; epoch ${last.epoch}, whose weights are in ${RUN_FILES.last}, now counts as the best`];
  }

  /** Why a file is not a best checkpoint of this run; null if it is one. */
  async #problemWith(path: string): Promise<string | null> {
    if (!existsSync(path)) return `${path} is missing`;
    try {
      const differences = differencesOf((await readTrainedModel(path)).model, this.model);
      return differences.length === 0
        ? null
        : `${path} is of another architecture: ${differences.map(({ text }) => text).join('; ')}`;
    } catch (error) {
      if (error instanceof UserError) return error.message;
      throw error;
    }
  }

  /**
   * Fits the temperature of the current weights, which the next checkpoints hold. It depends on the weights alone, so a
   * run that is interrupted before it has saved them fits the same again.
   */
  calibrate(validation: AnswerSheet): void {
    this.#temperature = fitTemperature(answersToOwn(validation, this.dataset.own), this.dataset.train.labels);
  }

  /** The best checkpoint of an epoch. `saveEpoch` gives it its name. */
  async saveBest(epoch: number): Promise<void> {
    await this.save(pendingBest('', epoch));
  }

  async saveEpoch(next: TrainState, metrics: EpochMetrics): Promise<void> {
    await this.lock.check();
    await appendMetrics(this.#path, metrics);
    await this.save(RUN_FILES.last, next);
    if (next.best?.epoch === metrics.epoch) await settleBest(this.#path, metrics.epoch);
  }

  /** A checkpoint of the parameters; with a state also of the optimiser, to resume from. */
  async save(file: string, state?: TrainState): Promise<void> {
    const { parameters, optimizer } = await this.engine.save();
    // Within an epoch the weights are others than those that were validated.
    const temperature = state && state.losses.length > 0 ? undefined : this.#temperature;
    const joules = this.#energy?.joules ?? null;
    const known = joules === null ? this.conditions : { ...this.conditions, joules };
    const bytes = encodeCheckpoint({
      parameters,
      model: { ...this.model },
      preprocessing: this.preprocessing,
      classes: this.dataset.classes,
      temperature,
      members: this.#members,
      ...(state && { training: { optimizer, state: { ...state, ...known } } }),
    });
    await this.lock.check();
    await writeFileAtomically(join(this.#path, file), bytes);
  }

  /** Ends the measurement of energy. */
  close(): void {
    this.#energy?.close();
  }

  async end(
    state: TrainState,
    stoppedBy: StopReason,
    scores: Map<Part, Scores>,
    refused: readonly RefusedKind[],
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
      totalSeconds: this.#secondsBefore + (performance.now() - this.#began) / 1000,
      epochs: state.epoch - 1,
      samplesPerSecond,
      gflops: (flops * samplesPerSecond) / 1e9,
      peakRssMb: peakMegabytes(),
      energyJoules: this.#energy?.joules ?? null,
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
      refusals: dataset.negatives ? refusalsOf(onTest, dataset.classes, refused) : null,
      confusionMatrix: onTest.confusionMatrix,
      classes: dataset.classes,
      version: (createRequire(import.meta.url)('../../../package.json') as { version: string }).version,
      node: process.version,
    };
    await this.lock.check();
    await writeSummary(this.#path, summary);
    return summary;
  }
}

/** Joules of a run before this process; null if they were not measured. A new training begins with none. */
function joulesOf(checkpoint: Checkpoint | null): number | null {
  if (!checkpoint?.training) return 0;
  const { joules } = checkpoint.training.state;
  return typeof joules === 'number' && joules >= 0 ? joules : null;
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
