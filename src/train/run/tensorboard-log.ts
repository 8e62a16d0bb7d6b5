/**
 * What a run writes for TensorBoard. The step of every value is the number of updates since the run began, as in
 * metrics.jsonl, so a run that goes on declares void what an earlier process had logged beyond its checkpoint.
 */
import { snakeCase } from '../../formats/key-case.js';
import type { EpochMetrics, RunSummary } from '../../runs/run-folder.js';
import { EventFile, now } from '../../runs/tensorboard/event-file.js';
import {
  type HyperParameter,
  runEnd,
  runStart,
  type SummaryValue,
  scalar,
  text,
} from '../../runs/tensorboard/event-messages.js';
import { OPTION_GROUPS, type OptionKey, type TrainConfig } from '../config/options.js';
import { configToDisk } from '../config/run-config.js';
import type { ProgressEvent, TrainEvent } from '../events.js';
import type { TrainState } from '../loop.js';

/** Points of the training curve in an epoch, as in metrics.jsonl. */
const POINTS = 50;
/** Options that say where results are. */
const PLACES: readonly OptionKey[] = ['savingPath', 'loadCp', 'seeds'];
/** Options that can change a result. */
const HYPERPARAMETERS = OPTION_GROUPS.filter(({ title }) => title !== 'Machine and output')
  .flatMap(({ keys }) => keys)
  .filter((key) => !PLACES.includes(key));

/** Where a run goes on. */
export interface LogStart {
  folder: string;
  config: TrainConfig;
  /** Not changed here. */
  state: TrainState;
  /** Samples of an update, and of all training samples. */
  batchSize: number;
  trainCount: number;
  /** Updates of the epochs before. Left out: as many in each as in those to come. */
  stepsBefore?: number;
}

/** The loss of an epoch's samples so far: sums, so that the means between two points are their differences. */
interface Sums {
  samples: number;
  loss: number;
  correct: number;
}

const NOTHING: Sums = { samples: 0, loss: 0, correct: 0 };

export class TensorboardLog {
  /** Updates of the epochs before the current one. */
  #stepsBefore: number;
  /** Sums at the last point. */
  #sums: Sums;

  private constructor(
    readonly file: EventFile,
    start: LogStart,
  ) {
    this.#stepsBefore = stepsBefore(start);
    this.#sums = sumsAtLastPoint(start);
  }

  /** @throws UserError if the event file cannot be written */
  static async open(start: LogStart): Promise<TensorboardLog> {
    const { config, state } = start;
    const step = stepsBefore(start) + state.losses.length;
    const file = await EventFile.create(start.folder, step + 1);
    const log = new TensorboardLog(file, start);
    try {
      await file.add(step, [
        text('settings', settingsTable(config)),
        runStart(hyperParameters(config), now()),
      ]);
    } catch (error) {
      await file.close();
      throw error;
    }
    return log;
  }

  /** Passes events on, and logs points within the epochs. */
  async *follow<R>(events: AsyncGenerator<TrainEvent, R>): AsyncGenerator<TrainEvent, R> {
    let next = await events.next();
    try {
      for (; !next.done; next = await events.next()) {
        if (next.value.type === 'progress' && next.value.phase === 'train') await this.#progress(next.value);
        yield next.value;
      }
      return next.value;
    } finally {
      // Stops the engine and its timers if a write has failed, or nobody wants the rest.
      if (!next.done) await events.return(undefined as R);
    }
  }

  /** Call before the checkpoint of the epoch is written: of a checkpoint that is there everything is logged. */
  async epoch(metrics: EpochMetrics): Promise<void> {
    const { lossScale, curve } = metrics;
    this.#stepsBefore = curve.at(-1)?.step ?? this.#stepsBefore;
    await this.#add(this.#stepsBefore, {
      'loss/train': metrics.trainLoss,
      'loss/validation': metrics.validationLoss,
      'accuracy/train': metrics.trainAccuracy,
      'accuracy/validation': metrics.validationAccuracy,
      'epoch/number': metrics.epoch,
      'epoch/seconds': metrics.seconds,
      'epoch/samples_per_second': metrics.samplesPerSecond,
      ...(lossScale !== null && {
        'epoch/loss_scale': lossScale,
        'epoch/skipped_steps': metrics.skippedSteps,
      }),
    });
    await this.file.flush();
    this.#sums = NOTHING;
  }

  /** The scores of the best epoch. */
  async end(summary: RunSummary): Promise<void> {
    const step = this.#stepsBefore;
    await this.#add(step, {
      'best/test_accuracy': summary.testAccuracy,
      'best/test_loss': summary.testLoss,
      'best/validation_accuracy': summary.bestValAccuracy,
      'best/epoch': summary.bestEpoch,
    });
    await this.file.add(step, [runEnd(now())]);
    await this.file.flush();
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  async #progress({ batch, batches, samples, ...event }: ProgressEvent): Promise<void> {
    if (lastPoint(batch, batches) !== batch) return;
    const sums = { samples, loss: event.loss * samples, correct: event.accuracy * samples };
    const before = this.#sums;
    this.#sums = sums;
    const count = samples - before.samples;
    await this.#add(this.#stepsBefore + batch, {
      'update/loss': (sums.loss - before.loss) / count,
      'update/accuracy': (sums.correct - before.correct) / count,
      'update/learning_rate': event.learningRate,
    });
  }

  async #add(step: number, values: Readonly<Record<string, number>>): Promise<void> {
    const scalars = Object.entries(values).map(([tag, value]): SummaryValue => scalar(tag, value));
    await this.file.add(step, scalars);
  }
}

/** The last update up to `batch` after which a point is logged; 0 for none. */
function lastPoint(batch: number, batches: number): number {
  const points = Math.min(POINTS, batches);
  // Point p is after update ⌊p · batches / points⌋.
  const point = Math.ceil(((batch + 1) * points) / batches) - 1;
  return Math.floor((point * batches) / points);
}

function stepsBefore(start: LogStart): number {
  return start.stepsBefore ?? (start.state.epoch - 1) * updatesPerEpoch(start);
}

function updatesPerEpoch({ trainCount, batchSize }: LogStart): number {
  return Math.ceil(trainCount / batchSize);
}

/** Sums of the epoch in which a run goes on. */
function sumsAtLastPoint(start: LogStart): Sums {
  const { state, batchSize, trainCount } = start;
  const sums = { ...NOTHING };
  const point = lastPoint(state.losses.length, updatesPerEpoch(start));
  for (let batch = 0; batch < point; batch++) {
    const samples = Math.min(trainCount, (batch + 1) * batchSize) - batch * batchSize;
    sums.samples += samples;
    sums.loss += state.losses[batch] * samples;
    sums.correct += state.correct[batch];
  }
  return sums;
}

/** The settings that can change a result, by their names in files. */
function hyperParameters(config: TrainConfig): [name: string, value: HyperParameter][] {
  return HYPERPARAMETERS.map((key) => {
    const value: unknown = config[key];
    const known = typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean';
    return [snakeCase(key), known ? value : value === null ? 'none' : JSON.stringify(value)];
  });
}

/** All settings as a table in Markdown. */
function settingsTable(config: TrainConfig): string {
  const rows = Object.entries(configToDisk(config)).map(([name, value]) => {
    const shown = typeof value === 'string' ? value : JSON.stringify(value);
    return `| ${name} | ${shown.replace(/[\\|`*_<>[\]]/g, '\\$&').replace(/\s+/g, ' ')} |`;
  });
  return ['| setting | value |', '| --- | --- |', ...rows].join('\n');
}
