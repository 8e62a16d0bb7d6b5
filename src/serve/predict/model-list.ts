/** The networks that can be asked: the best checkpoints of the runs, by what the headers of the files say. */
import { quote } from '../../formats/quotation.js';
import { readCheckpointHeader } from '../../runs/checkpoint-file.js';
import { type FileStamp, openFile } from '../../runs/file-stamp.js';
import type { RunPlace } from '../../runs/find-runs.js';
import { runFacts } from '../../runs/run-files.js';
import { UserError } from '../../user-error.js';
import type { ModelEntry, ModelList } from '../api.js';
import { HttpError } from '../http-error.js';
import { Kept } from '../lru-cache.js';
import type { RunRecord, RunStore } from '../runs/run-store.js';
import type { ModelSource, PredictContext } from './predict-jobs.js';

interface ModelFacts {
  kind: 'rows' | 'strokes';
  classes: string[];
  parameters: number;
}

interface Found {
  place: RunPlace;
  entry: ModelEntry;
}

/** A list is used again for so many milliseconds. */
const FRESH_MS = 250;
/** Names of more classes than this are no classes of ours. */
const MAX_CLASSES = 1024;

export class Models {
  readonly #runs: RunStore;
  readonly #facts = new Kept<ModelFacts>(500);
  #list: { found: Promise<Found[]>; until: number } | undefined;
  #context: PredictContext = { default: null, models: [] };

  constructor(runs: RunStore) {
    this.#runs = runs;
  }

  /** Those that can be asked; those given first, then the newest. What is damaged is left out. */
  async list(): Promise<ModelList> {
    const found = await this.#find();
    return { api: true, default: found[0]?.entry.id ?? null, models: found.map(({ entry }) => entry) };
  }

  /** The checkpoint behind a file's name in the list. @throws HttpError 404 */
  async file(name: string): Promise<RunPlace> {
    const found = (await this.#find()).find(({ place }) => `${place.id}.safetensors` === name);
    if (found) return found.place;
    throw new HttpError(
      404,
      `there is no model file ${quote(name)}; models/index.json lists those there are`,
    );
  }

  /** The same for the workers; the very same object as long as nothing has changed. */
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
    if (!this.#list || now > this.#list.until) this.#list = { found: this.#look(), until: now + FRESH_MS };
    return this.#list.found;
  }

  async #look(): Promise<Found[]> {
    const records = await this.#runs.records();
    const found = await Promise.all(
      records.map(async (record) => {
        const { checkpoint, stamp } = record;
        if (stamp === null) return [];
        const facts = await this.#facts
          .get(`${stamp.version} ${checkpoint}`, () => readFacts(checkpoint))
          .catch(() => null);
        return facts ? [{ place: record, entry: entryOf(record, stamp, facts) }] : [];
      }),
    );
    return found.flat().sort((a, b) => this.#runs.rank(a.place) - this.#runs.rank(b.place));
  }
}

function isSame(a: ModelSource, b: ModelSource): boolean {
  return a.id === b.id && a.version === b.version && a.path === b.path;
}

function entryOf(
  { id, checkpoint, summary, config }: RunRecord,
  stamp: FileStamp,
  facts: ModelFacts,
): ModelEntry {
  const { preset, testAccuracy } = runFacts(checkpoint, summary, config);
  return {
    id,
    name: id,
    preset,
    ...facts,
    test_accuracy: testAccuracy,
    file: `${encodeURIComponent(id)}.safetensors`,
    bytes: stamp.bytes,
    version: stamp.version,
  };
}

/** What a checkpoint's header says. @throws UserError if it is not one of ours */
async function readFacts(path: string): Promise<ModelFacts> {
  const { preprocessing, classes, parameters } = await readCheckpointHeader(path, openFile);
  if (classes.length > MAX_CLASSES) throw new UserError(`${path}: ${classes.length} classes`);
  return { kind: preprocessing.kind === 'strokes' ? 'strokes' : 'rows', classes, parameters };
}
