/** What an evaluation needs: a checkpoint, the configuration beside it, and samples that fit it. */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { NONE_CLASS } from '../../../data/class-names.js';
import { isBuiltIn, withoutPrefix } from '../../../data/dataset-name.js';
import type { Dataset } from '../../../data/input-kind.js';
import { kindOf } from '../../../data/kinds.js';
import { type LoadOptions, loadDataset } from '../../../data/open-dataset.js';
import type { TeachProject } from '../../../data/pens/project.js';
import { firstIndices, splitExamples } from '../../../data/split.js';
import { quote } from '../../../formats/quotation.js';
import type { Checkpoint } from '../../../runs/checkpoint/checkpoint.js';
import { readTrainedModel } from '../../../runs/checkpoint/checkpoint-file.js';
import { readProjectFile } from '../../../runs/checkpoint/project-network.js';
import { RUN_FILES } from '../../../runs/run-folder.js';
import { findCheckpoint } from '../../../runs/run-path.js';
import { UserError } from '../../../user-error.js';
import { readConfigFile } from '../../config/config-file.js';
import type { TrainConfig } from '../../config/options.js';
import { additionsOf, divisionOf } from '../../config/plan.js';
import { recordedConfig } from '../../config/run-config.js';

/** Parts of a data set that can be evaluated. */
export type EvaluatedPart = 'train' | 'validation' | 'test';

/** A checkpoint and the run around it. */
export interface EvaluatedModel {
  folder: string;
  checkpointPath: string;
  checkpoint: Checkpoint;
  /** Null for a checkpoint outside of a run folder. */
  config: TrainConfig | null;
  /** The project that the network was taught from, if its file holds the network or lies in the run folder; else null. */
  project: TeachProject | null;
}

/** A checkpoint, and the samples on which it is evaluated. */
export interface EvaluationData extends EvaluatedModel {
  /** The data set as `--data` names it. */
  data: string;
  dataset: Dataset;
  /** Indices into `dataset.test`; for the parts train and validation, into `dataset.train`. */
  indices: Int32Array;
}

/**
 * Loads a checkpoint and its data.
 * @param path a run folder, whose best checkpoint is taken, or a checkpoint
 * @param options.data null for what the network was trained on
 * @throws UserError if there is no such checkpoint, or the data do not fit it
 */
export async function loadEvaluation(
  path: string,
  options: { data: string | null; part: EvaluatedPart },
  loading: Pick<LoadOptions, 'onProgress' | 'onNotice'> = {},
): Promise<EvaluationData> {
  const model = await readModel(path);
  const data = options.data ?? dataOf(model);
  const unclean = uncleanPart(options.part, data, model);
  if (unclean !== null) loading.onNotice?.(unclean);
  const dataset = await loadFitting(data, options.part === 'test' ? 'none' : 'all', model, loading);
  return { ...model, data, dataset, indices: indicesOf(options.part, dataset, model) };
}

/** @throws UserError if there is no such checkpoint */
export async function readModel(given: string): Promise<EvaluatedModel> {
  const { folder, checkpoint: checkpointPath } = findCheckpoint('evaluate', given, 'use');
  const checkpoint = await readTrainedModel(checkpointPath);
  const project = readProjectFile(checkpointPath);
  if (project !== null) return { folder, checkpointPath, checkpoint, config: null, project };
  const path = join(folder, RUN_FILES.config);
  const config = existsSync(path) ? recordedConfig(await readConfigFile(path)) : null;
  const own = config && ownProjectOf(folder, config.data);
  return {
    folder,
    checkpointPath,
    checkpoint,
    config: config && { ...config, data: own ?? config.data },
    project: own === null ? null : readProjectFile(own),
  };
}

/**
 * The project in a run folder, if the run's data are that project; else null. A folder that was renamed or moved, or is
 * named from another place, has it all the same.
 * @param data as the run's configuration names them
 */
export function ownProjectOf(folder: string, data: string): string | null {
  const path = join(folder, RUN_FILES.project);
  return basename(data) === RUN_FILES.project && existsSync(path) ? path : null;
}

/** The data that the network was trained on, as far as that is known. */
export function dataOf({ config, checkpoint, checkpointPath, project }: EvaluatedModel): string {
  if (config !== null) return config.data;
  return project === null ? kindOf(checkpoint.preprocessing).defaultData : checkpointPath;
}

/** Whether a value of `--data` names the data that the network was trained on, perhaps in other words: `em/` for `em`. */
export function isOwnData(data: string, model: EvaluatedModel): boolean {
  return placeOf(data) === placeOf(dataOf(model));
}

/** One spelling for each place; of several files, separated by commas, one for each. */
function placeOf(data: string): string {
  if (isBuiltIn(data)) return data;
  return withoutPrefix(data)
    .split(',')
    .map((path) => resolve(path))
    .join(',');
}

/**
 * What is needed of the samples that the run has made: all of them to know its training and validation parts, the
 * negatives to know how many are refused, none for the test part. Making them takes longer than an evaluation.
 */
export type NeededSamples = 'all' | 'negatives' | 'none';

/** @throws UserError if the data do not fit the network */
export async function loadFitting(
  data: string,
  needed: NeededSamples,
  evaluated: EvaluatedModel,
  loading: Pick<LoadOptions, 'onProgress' | 'onNotice'> = {},
): Promise<Dataset> {
  const { model, preprocessing, classes } = evaluated.checkpoint;
  const { checkpointPath, config } = evaluated;
  const kind = kindOf(preprocessing);
  // They belong to the run's own data.
  const own = config !== null && isOwnData(data, evaluated) ? config : null;
  const made = own && additionsOf(own);
  const additions = { all: made, negatives: made && { negatives: made.negatives }, none: null }[needed];
  const division = own && divisionOf(own);
  const dataset = await loadDataset(data, {
    ...kind.loadOptionsOf(preprocessing),
    ...loading,
    ...division,
    ...additions,
  });
  if (dataset.kind !== preprocessing.kind) {
    throw new UserError(
      `evaluate: ${checkpointPath} reads ${preprocessing.kind}, but ${dataset.name} has ${dataset.kind}; give data of ${preprocessing.kind}, such as ${kind.defaultData}`,
      { settings: ['data'] },
    );
  }
  const fitting = inOrderOf(classes, dataset);
  if (fitting !== null) return fitting;
  const known = classesAsIn(dataset, classes);
  if (dataset.classes.length !== known.length) {
    throw new UserError(
      `evaluate: ${checkpointPath} knows ${model.numClasses} classes, but ${dataset.name} has ${dataset.classes.length}`,
    );
  }
  throw new UserError(
    `evaluate: ${checkpointPath} knows the classes ${quote(known.join(', '))}, but ${dataset.name} has ` +
      `${quote(dataset.classes.join(', '))}; name the data's classes as the network's`,
    { settings: ['data'] },
  );
}

/** Whether these are no names, but the numbers of the classes: `0`, `1`, `2` … Such classes are compared by their order. */
function areNumbers(names: readonly string[]): boolean {
  return names.every((name, k) => name === String(k));
}

/**
 * The data with its classes in the order of a network's; null if the network does not fit them, because it knows another
 * number of classes, or others by name. Changes the labels in place.
 */
export function inOrderOf(classes: readonly string[], dataset: Dataset): Dataset | null {
  const known = classesAsIn(dataset, classes);
  if (known.length !== dataset.classes.length) return null;
  if (dataset.classes.every((name) => known.includes(name))) return withClasses(dataset, known);
  return areNumbers(known) || areNumbers(dataset.classes) ? dataset : null;
}

/** The classes of a network without none, which it may know beside those of the data. */
function classesAsIn(dataset: Dataset, classes: readonly string[]): readonly string[] {
  return dataset.classes.includes(NONE_CLASS) ? classes : classes.filter((name) => name !== NONE_CLASS);
}

/** The data with its classes in the order of a network's: drawings are sorted by name, a project's network is not. */
function withClasses(dataset: Dataset, classes: readonly string[]): Dataset {
  if (dataset.classes.every((name, k) => classes[k] === name)) return dataset;
  const to = dataset.classes.map((name) => classes.indexOf(name));
  for (const { labels } of [dataset.train, dataset.test]) {
    for (let i = 0; i < labels.length; i++) labels[i] = to[labels[i]];
  }
  return { ...dataset, classes: [...classes] };
}

/**
 * A line if a part of the data is not what its name says: the split is that of the run, and other data are split anew;
 * other members of a merged network were trained on splits of their own; and the network of a project was taught with all
 * its drawings. Null otherwise.
 */
export function uncleanPart(part: EvaluatedPart, data: string, evaluated: EvaluatedModel): string | null {
  const {
    checkpoint: { members },
    config,
    project,
  } = evaluated;
  if (!isOwnData(data, evaluated)) {
    // Without a run there is no split of its own.
    if (part === 'test' || config === null) return null;
    return (
      `${data} is not the data of the run, ${dataOf(evaluated)}: its training samples are split anew, so if the network was ` +
      'trained on some of them, this accuracy may be too high; leave out --data, or evaluate the part test'
    );
  }
  if (project?.network) {
    const { correct, count } = project.network.summary.heldOut;
    return (
      'the network was taught with these drawings, so this accuracy is too high; of drawings that were held out when they ' +
      `were answered, ${correct} of ${count} were right. Give others with --data`
    );
  }
  if (members === undefined || part === 'test') return null;
  return (
    `the network is merged from ${members.length}, each trained on its own split: members may have trained on ` +
    'validation samples of others, so this accuracy may be too high; only the part test is unseen by all'
  );
}

/** @throws UserError if the split into parts is not known */
export function indicesOf(
  part: EvaluatedPart,
  dataset: Dataset,
  { config, checkpointPath }: EvaluatedModel,
): Int32Array {
  if (part === 'test') return firstIndices(dataset.test.count);
  if (!config) {
    throw new UserError(
      `evaluate: the split into parts is in ${RUN_FILES.config}, which is not beside ${checkpointPath}; ` +
        'give the run folder, or evaluate the part test',
      { settings: ['part'] },
    );
  }
  const { trainSplit, seedNumber } = config;
  return splitExamples(dataset, trainSplit, seedNumber)[part];
}
