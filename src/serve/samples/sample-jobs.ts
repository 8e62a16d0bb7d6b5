/**
 * The samples of a run's data set with the answers of its network. The answers to a part are computed once, and anew when
 * the network, the configuration or the data have changed. They are stored in an LRU cache.
 */
import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Dataset } from '../../data/input-kind.js';
import type { ExampleInput } from '../../data/inputs/input.js';
import { kindOf } from '../../data/kinds.js';
import { loadDataset } from '../../data/open-dataset.js';
import { type SequenceSource, sequenceIn } from '../../data/sequences/sequence.js';
import { openSequences, sequencesOf } from '../../data/sources.js';
import { firstIndices, splitExamples } from '../../data/split.js';
import { quote } from '../../formats/quotation.js';
import type { Recognizer } from '../../recognize/recognizer.js';
import { readConfigFile } from '../../train/config/config-file.js';
import type { TrainConfig } from '../../train/config/options.js';
import { additionsOf, divisionOf } from '../../train/config/plan.js';
import { recordedConfig } from '../../train/config/run-config.js';
import { inOrderOf, ownProjectOf } from '../../train/run/evaluate/evaluation-data.js';
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
  configVersion: string;
  part: SamplePart;
}

/** The data of a run. */
interface RunData {
  config: TrainConfig;
  /** As for loadDataset. */
  spec: string;
  /** Changes when one of the files does. */
  version: string;
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
/** The files of a data set are looked at again after this time: there may be many. */
const LOOK_MS = 2000;
const MAX_DATASETS = 2;
const MAX_PARTS = 8;

export class AnsweredParts {
  readonly #open: (source: ModelSource) => Promise<Recognizer>;
  readonly #roots: readonly string[];
  readonly #onProgress: (key: string, done: number, total: number) => void;
  readonly #looks = new LruCache<RunData>(MAX_PARTS);
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
  async get(source: SampleSource): Promise<AnsweredPart> {
    const now = Math.floor(performance.now() / LOOK_MS);
    const data = await this.#looks.get(`${source.config} ${source.configVersion} ${now}`, () =>
      this.#look(source),
    );
    const key = partKey(source);
    const problem = `samples: the answers of ${quote(source.model.id)} cannot be computed`;
    return this.#parts.get(`${key} ${data.version}`, () =>
      atRisk({ key, problem }, () => this.#answer(source, data)),
    );
  }

  /** Reads which data a run has, and looks whether they may be opened. */
  async #look(source: SampleSource): Promise<RunData> {
    const config = recordedConfig(await readConfigFile(source.config));
    const folder = dirname(source.config);
    const own = ownProjectOf(folder, config.data);
    const roots = own === null ? this.#roots : [...this.#roots, await realpath(folder).catch(() => folder)];
    const spec = own ?? config.data;
    return { config, spec, version: await checkAllowed(spec, roots) };
  }

  async #answer(source: SampleSource, { config, spec, version }: RunData): Promise<AnsweredPart> {
    const recognizer = await this.#open(source.model);
    const { preprocessing, classes } = recognizer.info;
    const options = kindOf(preprocessing).loadOptionsOf(preprocessing);
    const additions = { ...divisionOf(config), ...additionsOf(config) };
    const key = JSON.stringify([spec, version, options, additions, classes]);
    const dataset = await this.#datasets.get(key, async () => {
      const loaded = await loadDataset(spec, {
        ...options,
        ...additions,
        onProgress: () => this.#onProgress(partKey(source), 0, 0),
      });
      const fitting = loaded.kind === preprocessing.kind ? inOrderOf(classes, loaded) : null;
      if (fitting !== null) return fitting;
      throw new HttpError(409, `samples: ${loaded.name} is no longer what ${source.model.id} was trained on`);
    });
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

/** Key of a part, for the current versions of the run's network and configuration. */
export function partKey({ model, configVersion, part }: SampleSource): string {
  return `${part} ${model.version} ${configVersion} ${model.path}`;
}

/** A sample as an input. */
export function inputAt({ dataset, examples }: AnsweredPart, index: number): ExampleInput {
  return kindOf(dataset).exampleAt(examples, index);
}
