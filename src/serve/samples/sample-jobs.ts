/**
 * The samples of a run's data set with the answers of its network. The answers to a part are computed once and stored
 * in an LRU cache.
 */
import { realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { NONE_CLASS } from '../../data/class-names.js';
import type { Dataset } from '../../data/input-kind.js';
import type { ExampleInput } from '../../data/inputs/input.js';
import { kindOf } from '../../data/kinds.js';
import { loadDataset } from '../../data/open-dataset.js';
import { type SequenceSource, sequenceIn } from '../../data/sequences/sequence.js';
import { openSequences, sequencesOf } from '../../data/sources.js';
import { firstIndices, splitExamples } from '../../data/split.js';
import { quote } from '../../formats/quotation.js';
import type { Recognizer } from '../../recognize/recognizer.js';
import { RUN_FILES } from '../../runs/run-folder.js';
import { readConfigFile } from '../../train/config/config-file.js';
import { additionsOf, divisionOf } from '../../train/config/plan.js';
import { recordedConfig } from '../../train/config/run-config.js';
import { inOrderOf } from '../../train/run/evaluate/evaluation-data.js';
import type { SamplePart } from '../api.js';
import { HttpError } from '../http-error.js';
import { LruCache } from '../lru-cache.js';
import type { ModelSource } from '../predict/predict-jobs.js';
import { atRisk } from '../workers/worker-side.js';
import { checkAllowed } from './allowed-data.js';

/** A part of a run's samples. */
export interface SampleSource {
  model: ModelSource;
  /** Path of the run's config.json, which names the data set. */
  config: string;
  part: SamplePart;
}

/** A part of a run's samples with the network's answers. */
export interface AnsweredPart {
  dataset: Dataset;
  examples: Dataset['test'];
  sequences: SequenceSource;
  /** [n] indices of the examples. */
  indices: Int32Array;
  /** [n, K] */
  probabilities: Float32Array;
  /** [n] */
  predicted: Uint16Array;
}

/** Samples answered between two turns of the event loop. */
const CHUNK = 256;
const MAX_DATASETS = 2;
const MAX_PARTS = 8;

export class AnsweredParts {
  readonly #open: (source: ModelSource) => Promise<Recognizer>;
  readonly #roots: readonly string[];
  readonly #onProgress: (key: string, done: number, total: number) => void;
  readonly #datasets = new LruCache<Dataset>(MAX_DATASETS);
  readonly #parts = new LruCache<AnsweredPart>(MAX_PARTS);

  /**
   * @param roots folders with data sets that may be opened
   * @param onProgress with the key of the part; a total of 0 while its data are loaded
   */
  constructor(
    open: (source: ModelSource) => Promise<Recognizer>,
    roots: readonly string[],
    onProgress: (key: string, done: number, total: number) => void,
  ) {
    this.#open = open;
    this.#roots = roots;
    this.#onProgress = onProgress;
  }

  /**
   * The answers to a part.
   * @throws UserError if the run's data cannot be loaded, or do not fit its network; HttpError 403 if serve may not open
   *   its data
   */
  get(source: SampleSource): Promise<AnsweredPart> {
    const key = partKey(source);
    const problem = `samples: the answers of ${quote(source.model.id)} cannot be computed`;
    return this.#parts.get(key, () => atRisk({ key, problem }, () => this.#answer(source)));
  }

  async #answer(source: SampleSource): Promise<AnsweredPart> {
    const config = recordedConfig(await readConfigFile(source.config));
    const own = await ownProject(source.config, config.data);
    await checkAllowed(config.data, own === null ? this.#roots : [...this.#roots, own]);
    const recognizer = await this.#open(source.model);
    const { preprocessing, model, classes } = recognizer.info;
    const options = kindOf(preprocessing).loadOptionsOf(preprocessing);
    const additions = { ...divisionOf(config), ...additionsOf(config) };
    const key = JSON.stringify([config.data, options, additions, classes]);
    const dataset = await this.#datasets.get(key, async () =>
      inOrderOf(
        classes,
        await loadDataset(config.data, {
          ...options,
          ...additions,
          onProgress: () => this.#onProgress(partKey(source), 0, 0),
        }),
      ),
    );
    // A network may know the class none, which follows those of its data.
    const withNone = dataset.classes.every((name, k) => name === classes[k]) && classes.at(-1) === NONE_CLASS;
    const expected = dataset.classes.length + (withNone && !dataset.classes.includes(NONE_CLASS) ? 1 : 0);
    if (dataset.kind !== preprocessing.kind || expected !== model.numClasses) {
      throw new HttpError(
        409,
        `samples: ${dataset.name} is no longer what ${source.model.id} was trained on`,
      );
    }
    const side = source.part === 'test' ? 'test' : 'train';
    const examples = dataset[side];
    const indices =
      source.part === 'test'
        ? firstIndices(examples.count)
        : splitExamples(dataset, config.trainSplit, config.seedNumber)[source.part];
    const sequences = openSequences(sequencesOf(dataset, side, preprocessing));
    const answers = await this.#compute(partKey(source), recognizer, sequences, indices);
    return { dataset, examples, sequences, indices, ...answers };
  }

  async #compute(key: string, recognizer: Recognizer, sequences: SequenceSource, indices: Int32Array) {
    const K = recognizer.info.model.numClasses;
    const probabilities = new Float32Array(indices.length * K);
    const predicted = new Uint16Array(indices.length);
    for (let first = 0; first < indices.length; first += CHUNK) {
      const chunk = Array.from(indices.subarray(first, first + CHUNK), (i) => sequenceIn(sequences, i));
      const answers = await recognizer.probabilitiesOf(chunk);
      answers.forEach((answer, n) => {
        probabilities.set(answer, (first + n) * K);
        predicted[first + n] = answer.indexOf(answer.reduce((a, b) => Math.max(a, b)));
      });
      this.#onProgress(key, first + chunk.length, indices.length);
      await setImmediate();
    }
    return { probabilities, predicted };
  }
}

/** The folder of a run whose data are the project in it, links resolved; else null. */
async function ownProject(config: string, data: string): Promise<string | null> {
  const folder = dirname(config);
  if (resolve(data) !== resolve(folder, RUN_FILES.project)) return null;
  return realpath(folder).catch(() => null);
}

/** Cache key of a part, for the current version of its network. */
export function partKey({ model, part }: SampleSource): string {
  return `${part} ${model.version} ${model.path}`;
}

/** A sample as an input. */
export function inputAt({ dataset, examples }: AnsweredPart, index: number): ExampleInput {
  return kindOf(dataset).exampleAt(examples, index);
}
