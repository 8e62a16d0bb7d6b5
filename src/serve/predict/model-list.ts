/** The list of models: the best checkpoints of the runs, described by their headers. */
import { quote } from '../../formats/quotation.js';
import type { CheckpointHeader } from '../../runs/checkpoint.js';
import type { FileStamp } from '../../runs/file-stamp.js';
import type { RunPlace } from '../../runs/find-runs.js';
import { runFacts } from '../../runs/run-files.js';
import type { ModelEntry, ModelList } from '../api.js';
import { HttpError } from '../http-error.js';
import type { RunRecord, RunStore } from '../runs/run-store.js';
import type { ModelSource, PredictContext } from './predict-jobs.js';

interface Found {
  place: RunPlace;
  entry: ModelEntry;
}

/** A list is used for this time, then made anew. */
const STALE_MS = 250;
/** A checkpoint with more classes is not listed. */
const MAX_CLASSES = 1024;

export class Models {
  readonly #runs: RunStore;
  #list: { found: Promise<Found[]>; until: number } | undefined;
  #context: PredictContext = { default: null, models: [] };

  constructor(runs: RunStore) {
    this.#runs = runs;
  }

  /** All models: those given on the command line first, then the newest. Damaged checkpoints are left out. */
  async list(): Promise<ModelList> {
    const found = await this.#find();
    return { api: true, default: found[0]?.entry.id ?? null, models: found.map(({ entry }) => entry) };
  }

  /** The run whose checkpoint the list names so. @throws HttpError 404 */
  async file(name: string): Promise<RunPlace> {
    const found = (await this.#find()).find(({ place }) => `${place.id}.safetensors` === name);
    if (found) return found.place;
    throw new HttpError(404, `there is no model file ${quote(name)}; models/index.json lists all of them`);
  }

  /** The list for the workers: the identical object until something changes. */
  async context(): Promise<PredictContext> {
    const found = await this.#find();
    const models = found.map(({ place, entry }) => ({
      id: entry.id,
      path: place.checkpoint,
      version: entry.version,
    }));
    const now = this.#context.models;
    const same = models.length === now.length && models.every((model, n) => isSame(model, now[n]));
    if (!same) this.#context = { default: models[0]?.id ?? null, models };
    return this.#context;
  }

  #find(): Promise<Found[]> {
    const now = performance.now();
    if (!this.#list || now > this.#list.until) this.#list = { found: this.#look(), until: now + STALE_MS };
    return this.#list.found;
  }

  async #look(): Promise<Found[]> {
    const records = await this.#runs.records();
    const found = records.flatMap((record) => {
      const { stamp, header } = record;
      if (stamp === null || header === null || header.classes.length > MAX_CLASSES) return [];
      return [{ place: record, entry: entryOf(record, stamp, header) }];
    });
    return found.sort((a, b) => this.#runs.rank(a.place) - this.#runs.rank(b.place));
  }
}

function isSame(a: ModelSource, b: ModelSource): boolean {
  return a.id === b.id && a.version === b.version && a.path === b.path;
}

function entryOf(
  { id, checkpoint, summary, config }: RunRecord,
  stamp: FileStamp,
  { preprocessing, classes, parameters }: CheckpointHeader,
): ModelEntry {
  const { preset, testAccuracy } = runFacts(checkpoint, summary, config);
  return {
    id,
    name: id,
    preset,
    kind: preprocessing.kind,
    classes,
    parameters,
    test_accuracy: testAccuracy,
    file: `${encodeURIComponent(id)}.safetensors`,
    bytes: stamp.bytes,
    version: stamp.version,
  };
}
