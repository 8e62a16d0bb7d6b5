/** Scores a trained network on one part of a data set. */
import type { Precision } from '../../../backends/stored.js';
import { NONE_CLASS } from '../../../data/class-names.js';
import type { Dataset } from '../../../data/input-kind.js';
import type { LoadOptions } from '../../../data/open-dataset.js';
import { firstIndices } from '../../../data/split.js';
import type { CalibrationComparison } from '../../../runs/calibration.js';
import type { Refusals, Refused } from '../../../runs/run-folder.js';
import { compareCalibration } from '../../calibration.js';
import type { TrainConfig } from '../../config/options.js';
import type { Engine } from '../../engine.js';
import { type AnswerSheet, evaluatePart, type Scores } from '../../evaluation.js';
import { answersToOwn, fitTemperature } from '../../temperature.js';
import { openRunEngine } from '../engines/run-engine.js';
import {
  dataOf,
  type EvaluatedModel,
  type EvaluatedPart,
  indicesOf,
  isOwnData,
  loadFitting,
  type NeededSamples,
  readModel,
  uncleanPart,
} from './evaluation-data.js';
import { refusalsOf, refusedByKind, refusedIn } from './refusals.js';

export interface EvaluateRunOptions {
  /** `mnist` or a folder; null for what the network was trained on. */
  data: string | null;
  part: EvaluatedPart;
  backend: TrainConfig['backend'];
  /** Null: one a core. */
  threads: number | null;
  /** Of the network's passes; default float32. */
  precision?: Precision;
  /** Measures how well probabilities agree with accuracy. */
  calibration?: boolean;
  /** Hears of loading and evaluating. */
  onProgress?: LoadOptions['onProgress'];
}

/**
 * Where a temperature comes from: the checkpoint, or fitted now to the validation part. Otherwise it is 1: `none`, if the
 * validation part is not known; `merged`, if members of a merged network may have trained on it.
 */
export type TemperatureSource = 'checkpoint' | 'validation' | 'none' | 'merged';

export interface MeasuredCalibration extends CalibrationComparison {
  source: TemperatureSource;
  checkpoint: string;
  /** The folder of the run; null for a checkpoint outside of one. */
  folder: string | null;
}

export interface RunEvaluation extends Scores {
  classes: string[];
  /** The answers “none of these”; null for a network without this answer. */
  refused: Refused | null;
  notices: string[];
  /** Null unless it was asked for. */
  calibration: MeasuredCalibration | null;
}

/**
 * @param path a run folder, whose best checkpoint is taken, or a checkpoint
 * @throws UserError if there is no such checkpoint, or the data do not fit it
 */
export async function evaluateRun(path: string, options: EvaluateRunOptions): Promise<RunEvaluation> {
  const evaluated = await readModel(path);
  const { checkpoint, checkpointPath, folder, config } = evaluated;
  const runData = dataOf(evaluated);
  const data = options.data ?? runData;
  const { temperature, members } = checkpoint;
  const isFitted = options.calibration === true && temperature === undefined && members === undefined;
  const needed = options.part === 'test' && !isFitted ? 'none' : 'all';
  const network = await openNetwork(data, needed, evaluated, options);
  try {
    const { sheet, labels } = await answersOf(network, options.part, evaluated, options.onProgress);
    const unclean = uncleanPart(options.part, data, evaluated);
    const notices = [...network.notices, ...(unclean === null ? [] : [unclean])];
    const { classes } = checkpoint;
    const refused = classes.includes(NONE_CLASS) ? refusedIn(sheet.scores, classes) : null;
    const evaluation = { ...sheet.scores, classes, refused, notices, calibration: null };
    if (!options.calibration) return evaluation;

    const about = { checkpoint: checkpointPath, folder: config && folder };
    const compare = (temperature: number, source: TemperatureSource) => ({
      ...evaluation,
      calibration: { ...compareCalibration(sheet, labels, temperature), source, ...about },
    });
    if (temperature !== undefined) return compare(temperature, 'checkpoint');
    if (members !== undefined) return compare(1, 'merged');
    if (config === null) return compare(1, 'none');
    if (isOwnData(data, evaluated)) {
      const validation =
        options.part === 'validation' ? sheet : (await answersOf(network, 'validation', evaluated)).sheet;
      return compare(fittedTo(validation, network.dataset), 'validation');
    }
    const own = await openNetwork(runData, 'all', evaluated, options);
    try {
      const validation = await answersOf(own, 'validation', evaluated);
      return compare(fittedTo(validation.sheet, own.dataset), 'validation');
    } finally {
      await own.close();
    }
  } finally {
    await network.close();
  }
}

/** The temperature that a training fits to its validation samples. */
function fittedTo(validation: AnswerSheet, { own, train }: Dataset): number {
  return fitTemperature(answersToOwn(validation, own), train.labels);
}

/**
 * How often a run's network answers “none of these”, as summary.json has it: to the test samples, and to generated
 * negatives.
 * @param path a run folder, or a checkpoint beside its config.json
 * @returns null for a network that was trained without this answer
 * @throws UserError as evaluateRun
 */
export async function measureRefusals(
  path: string,
  options: Pick<EvaluateRunOptions, 'backend' | 'threads'>,
): Promise<Refusals | null> {
  const evaluated = await readModel(path);
  const { classes } = evaluated.checkpoint;
  const about = { ...options, data: null, part: 'test' } as const;
  const network = await openNetwork(dataOf(evaluated), 'negatives', evaluated, about);
  try {
    if (!network.dataset.negatives) return null;
    const test = await answersOf(network, 'test', evaluated);
    const negatives = await answersOf(network, 'negatives', evaluated);
    return refusalsOf(test.sheet.scores, classes, refusedByKind(negatives.sheet, network.dataset));
  } finally {
    await network.close();
  }
}

/** A network that is ready to answer the sequences of a data set. */
interface OpenNetwork {
  dataset: Dataset;
  engine: Engine;
  notices: string[];
  close(): Promise<void>;
}

/** @throws UserError if the data do not fit the network */
async function openNetwork(
  data: string,
  needed: NeededSamples,
  evaluated: EvaluatedModel,
  { backend, threads, precision, onProgress }: EvaluateRunOptions,
): Promise<OpenNetwork> {
  const { model, preprocessing, parameters } = evaluated.checkpoint;
  const dataset = await loadFitting(data, needed, evaluated, { onProgress });
  const opened = await openRunEngine({
    backend,
    threads,
    precision,
    dataset,
    preprocessing,
    model,
    training: null,
  });
  const { engine, notices, close } = opened;
  try {
    await engine.load({ parameters, optimizer: new Map() });
    return { dataset, engine, notices, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The network's answers to a part of its data, and the labels of the part. */
async function answersOf(
  { dataset, engine }: OpenNetwork,
  part: EvaluatedPart | 'negatives',
  evaluated: EvaluatedModel,
  onProgress?: LoadOptions['onProgress'],
): Promise<{ sheet: AnswerSheet; labels: ArrayLike<number> }> {
  const { labels, count } =
    part === 'negatives' && dataset.negatives
      ? dataset.negatives.examples
      : dataset[part === 'test' ? 'test' : 'train'];
  const events = evaluatePart({
    engine,
    part,
    indices: part === 'negatives' ? firstIndices(count) : indicesOf(part, dataset, evaluated),
    labels,
    classes: evaluated.checkpoint.model.numClasses,
    stop: new AbortController().signal,
    event: { phase: 'evaluate', part, epoch: 0, learningRate: 0 },
    secondsAfter: 0,
  });
  let next = await events.next();
  while (!next.done) {
    const { samples, batch, batches } = next.value;
    onProgress?.({ what: `evaluating ${part} samples`, done: samples, total: (samples * batches) / batch });
    next = await events.next();
  }
  if (!next.value) throw new Error('evaluate: ended before the last batch');
  return { sheet: next.value, labels };
}
