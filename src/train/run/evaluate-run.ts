/** Scores a trained network on one part of a data set. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Precision } from '../../backends/stored.js';
import type { Dataset } from '../../data/input-kind.js';
import { kindOf } from '../../data/kinds.js';
import { type LoadOptions, loadDataset } from '../../data/open-dataset.js';
import { firstIndices, splitIndices, trainCountOf } from '../../data/split.js';
import type { Checkpoint } from '../../runs/checkpoint.js';
import { readTrainedModel } from '../../runs/checkpoint-file.js';
import { RUN_FILES } from '../../runs/run-folder.js';
import { findCheckpoint } from '../../runs/run-path.js';
import { UserError } from '../../user-error.js';
import { readConfigFile } from '../config/config-file.js';
import type { TrainConfig } from '../config/options.js';
import { resolveConfig } from '../config/run-config.js';
import { evaluatePart, type Scores } from '../evaluation.js';
import { openRunEngine } from './run-engine.js';

export interface EvaluateRunOptions {
  /** `mnist` or a folder; null for what the network was trained on. */
  data: string | null;
  part: 'train' | 'validation' | 'test';
  backend: TrainConfig['backend'];
  /** Null: one a core. */
  threads: number | null;
  /** Of the network's passes; default float32. */
  precision?: Precision;
}

/** A checkpoint, and the samples on which it is evaluated. */
export interface EvaluationData {
  folder: string;
  checkpointPath: string;
  checkpoint: Checkpoint;
  /** The data set as `--data` names it. */
  data: string;
  dataset: Dataset;
  /** Indices into `dataset.test`; for the parts train and validation, into `dataset.train`. */
  indices: Int32Array;
}

/**
 * Loads a checkpoint and its data.
 * @param path a run folder, whose best checkpoint is taken, or a checkpoint
 * @throws UserError if there is no such checkpoint, or the data do not fit it
 */
export async function loadEvaluation(
  path: string,
  options: Pick<EvaluateRunOptions, 'data' | 'part'>,
  loading: Pick<LoadOptions, 'onProgress' | 'onNotice'> = {},
): Promise<EvaluationData> {
  const { folder, checkpoint: checkpointPath } = findCheckpoint('evaluate', path, 'use');
  const checkpoint = await readTrainedModel(checkpointPath);
  const { model, preprocessing } = checkpoint;
  const kind = kindOf(preprocessing);
  const config = await configIn(folder);
  const data = options.data ?? config?.data ?? kind.defaultData;
  const dataset = await loadDataset(data, { ...kind.loadOptionsOf(preprocessing), ...loading });
  if (dataset.kind !== preprocessing.kind) {
    throw new UserError(
      `evaluate: ${checkpointPath} reads ${preprocessing.kind}, but ${dataset.name} has ${dataset.kind}; give data of ${preprocessing.kind}, such as ${kind.defaultData}`,
      { settings: ['data'] },
    );
  }
  if (dataset.classes.length !== model.numClasses) {
    throw new UserError(
      `evaluate: ${checkpointPath} knows ${model.numClasses} classes, but ${dataset.name} has ${dataset.classes.length}`,
    );
  }
  const indices = indicesOf(options.part, dataset.train.count, dataset.test.count, config, checkpointPath);
  return { folder, checkpointPath, checkpoint, data, dataset, indices };
}

/**
 * @param path as for loadEvaluation
 * @throws UserError as loadEvaluation
 */
export async function evaluateRun(
  path: string,
  options: EvaluateRunOptions,
): Promise<Scores & { classes: string[]; notices: string[] }> {
  const { checkpoint, dataset, indices } = await loadEvaluation(path, options);
  const { model, preprocessing } = checkpoint;
  const { engine, notices, close } = await openRunEngine({
    backend: options.backend,
    threads: options.threads,
    precision: options.precision,
    dataset,
    preprocessing,
    model,
    training: null,
  });
  try {
    await engine.load({ parameters: checkpoint.parameters, optimizer: new Map() });
    const events = evaluatePart({
      engine,
      part: options.part,
      indices,
      labels: dataset[options.part === 'test' ? 'test' : 'train'].labels,
      classes: model.numClasses,
      stop: new AbortController().signal,
      event: { phase: 'evaluate', part: options.part, epoch: 0, learningRate: 0 },
      secondsAfter: 0,
    });
    let next = await events.next();
    while (!next.done) next = await events.next();
    if (!next.value) throw new Error('evaluate: ended before the last batch');
    return { ...next.value.scores, classes: checkpoint.classes, notices };
  } finally {
    await close();
  }
}

/** The configuration in a folder, or null if it is no run folder. */
async function configIn(folder: string): Promise<TrainConfig | null> {
  const path = join(folder, RUN_FILES.config);
  return existsSync(path) ? resolveConfig({ file: await readConfigFile(path) }) : null;
}

function indicesOf(
  part: EvaluateRunOptions['part'],
  trainCount: number,
  testCount: number,
  config: TrainConfig | null,
  checkpointPath: string,
): Int32Array {
  if (part === 'test') return firstIndices(testCount);
  if (!config) {
    throw new UserError(
      `evaluate: the split into parts is in ${RUN_FILES.config}, which is not beside ${checkpointPath}; ` +
        'give the run folder, or evaluate the part test',
      { settings: ['part'] },
    );
  }
  return splitIndices(trainCount, trainCountOf(trainCount, config.trainSplit), config.seedNumber)[part];
}
