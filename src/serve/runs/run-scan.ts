/**
 * The runs on the disk: those given on the command line, those in a folder of runs, of which there may be ten thousand,
 * and the networks of the package. Runs in a worker thread.
 *
 * A look at the folder costs one call of the system for each run: a run's folder tells by its ctime whether a file in it
 * was created or replaced. Files that grow or were changed in place are found by their own stamps, which are compared at
 * every look for live runs and those that changed last, and in turns for the others.
 */
import { existsSync, lstatSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  type FolderListing,
  foldersIn,
  listFolder,
  type RunPlace,
  runsAt,
  withDistinctIds,
} from '../../runs/find-runs.js';
import type { ModelEntry, ModelList, RunEntry, RunList } from '../api.js';
import type { PredictContext } from '../predict/predict-jobs.js';
import { digestOf, type RunDigest } from './run-digest.js';
import { modelEntry, runEntry, stateOf } from './run-entry.js';

/** Runs whose files are compared at every look, beside live ones: those that changed last, and others in turns. */
const MAX_RECENT = 100;
const MAX_TURNS = 300;
/** A folder that changed so recently may change again with the same ctime. */
const SETTLED_MS = 2000;

interface CachedListing extends FolderListing {
  stamp: string;
  /** Whether a later change would have another ctime. */
  settled: boolean;
}

/** Numbers that grow when what they stand for changes. */
export interface ScanVersions {
  /** Ids and paths of the runs. */
  places: number;
  /** The networks. */
  models: number;
  /** Anything in the list of runs. */
  list: number;
}

export class RunScan {
  readonly #given: readonly RunPlace[];
  readonly #runs: string | null;
  readonly #shipped: readonly RunPlace[];
  #listings = new Map<string, CachedListing>();
  #places: RunPlace[] = [];
  /** By path of the checkpoint, which no two places share. */
  #digests = new Map<string, RunDigest>();
  /** Checkpoints of the runs whose folders have changed and that have not been read since. */
  readonly #due = new Set<string>();
  #turn = 0;
  #states = '';
  readonly versions: ScanVersions = { places: 0, models: 0, list: 0 };

  /**
   * @param given run folders or checkpoints
   * @param runs a folder of runs, which need not exist yet
   * @param shipped networks of the package; one that is given is listed once
   */
  constructor(given: readonly RunPlace[], runs: string | null, shipped: readonly RunPlace[] = []) {
    this.#given = given;
    this.#runs = runs;
    const named = new Set(given.map(({ checkpoint }) => checkpoint));
    this.#shipped = shipped.filter(({ checkpoint }) => !named.has(checkpoint));
  }

  /** All runs: those given, then the others by name, then the networks of the package. */
  get places(): readonly RunPlace[] {
    return this.#places;
  }

  /**
   * Looks for changes. Runs that have not been read when the time is over are read at the next call; a new run is listed
   * when it has been read.
   * @param budgetMs time for reading, beside the look at the folders
   * @returns whether all runs have been read
   */
  refresh(budgetMs: number): boolean {
    this.#look();
    const end = performance.now() + budgetMs;
    let complete = true;
    for (const place of this.#selected()) {
      if (performance.now() > end) {
        complete = false;
        break;
      }
      const { checkpoint } = place;
      const before = this.#digests.get(checkpoint);
      const digest = digestOf(place, before);
      this.#due.delete(checkpoint);
      if (digest === before) continue;
      this.#digests.set(checkpoint, digest);
      // A model's entry has facts of all files but the metrics. The lock decides the state, which is compared below.
      const same = (['config', 'summary', 'checkpoint'] as const).every(
        (file) => before?.[file] === digest[file],
      );
      if (!same) this.versions.models++;
      if (!same || before?.metrics !== digest.metrics) this.versions.list++;
    }
    const now = Date.now();
    const states = this.#known()
      .map(([, digest]) => stateOf(digest, now)[0])
      .join('');
    if (states !== this.#states) this.versions.list++;
    this.#states = states;
    return complete;
  }

  /** Newest first; then the networks of the package. */
  list(): RunList {
    const now = Date.now();
    const runs = this.#known()
      .sort((a, b) => isShipped(a) - isShipped(b) || newestFirst(a, b))
      .map(([place, digest]): RunEntry => runEntry(place, digest, now));
    return { runs };
  }

  /** All networks: those given on the command line, the newest, those of the package. Damaged checkpoints are left out. */
  models(): ModelList {
    const models = this.#models().map(([, entry]) => entry);
    return { api: true, default: models[0]?.id ?? null, models };
  }

  /** The networks for the workers that answer requests. */
  context(): PredictContext {
    const models = this.#models().map(([{ id, checkpoint }, { version }]) => ({
      id,
      path: checkpoint,
      version,
    }));
    return { default: models[0]?.id ?? null, models };
  }

  #models(): [RunPlace, ModelEntry][] {
    const rank = new Map(this.#given.map(({ checkpoint }, n) => [checkpoint, n]));
    const rankOf = ({ checkpoint }: RunPlace) => rank.get(checkpoint) ?? rank.size;
    return this.#known()
      .sort((a, b) => rankOf(a[0]) - rankOf(b[0]) || isShipped(a) - isShipped(b) || newestFirst(a, b))
      .flatMap(([place, digest]): [RunPlace, ModelEntry][] => {
        const entry = modelEntry(place, digest);
        return entry === null ? [] : [[place, entry]];
      });
  }

  /** The runs that have been read. */
  #known(): [RunPlace, RunDigest][] {
    return this.#places.flatMap((place): [RunPlace, RunDigest][] => {
      const digest = this.#digests.get(place.checkpoint);
      return digest === undefined ? [] : [[place, digest]];
    });
  }

  /** Finds the runs. */
  #look(): void {
    const seen = new Map<string, CachedListing>();
    const list = (folder: string): FolderListing => {
      const listing = this.#list(folder);
      seen.set(folder, listing);
      return listing;
    };
    const runs = this.#runs;
    const found =
      runs === null ? [] : foldersIn(runs).flatMap((name) => runsAt(resolve(runs, name), name, list));
    const named = this.#given.filter(({ folder }) => existsSync(folder));
    const known = new Set(named.map(({ checkpoint }) => checkpoint));
    const places = withDistinctIds([
      ...named,
      ...found.filter(({ checkpoint }) => !known.has(checkpoint)),
      ...this.#shipped,
    ]);
    for (const place of places) {
      const { folder, checkpoint } = place;
      if (
        known.has(checkpoint) ||
        !seen.get(folder)?.settled ||
        seen.get(folder) !== this.#listings.get(folder)
      ) {
        this.#due.add(checkpoint);
      }
    }
    this.#listings = seen;
    const same =
      places.length === this.#places.length &&
      places.every(
        ({ id, checkpoint }, n) => id === this.#places[n].id && checkpoint === this.#places[n].checkpoint,
      );
    if (same) return;
    this.#places = places;
    const there = new Set(places.map(({ checkpoint }) => checkpoint));
    for (const checkpoint of this.#digests.keys()) {
      if (!there.has(checkpoint)) this.#digests.delete(checkpoint);
    }
    for (const checkpoint of this.#due) if (!there.has(checkpoint)) this.#due.delete(checkpoint);
    for (const version of ['places', 'models', 'list'] as const) this.versions[version]++;
  }

  /** The listing of a folder, read again only if the folder has changed. */
  #list(folder: string): CachedListing {
    const before = this.#listings.get(folder);
    let stamp = '';
    let settled = false;
    try {
      const { ctimeMs, ino } = lstatSync(folder);
      stamp = `${ctimeMs} ${ino}`;
      settled = ctimeMs < Date.now() - SETTLED_MS;
    } catch {
      // It was removed a moment ago.
    }
    if (before?.settled && before.stamp === stamp) return before;
    return { ...listFolder(folder), stamp, settled };
  }

  /** The runs to read now: those that are due, live ones, those that changed last, and some of the others. */
  #selected(): Set<RunPlace> {
    const places = this.#places;
    const due = places.filter(
      ({ checkpoint }) => this.#due.has(checkpoint) || !this.#digests.has(checkpoint),
    );
    const now = Date.now();
    const known = this.#known();
    const live = known.filter(([, digest]) => stateOf(digest, now) === 'live').map(([place]) => place);
    const recent = known
      .sort(([, a], [, b]) => b.changed - a.changed)
      .slice(0, MAX_RECENT)
      .map(([place]) => place);
    const turns = Array.from(
      { length: Math.min(MAX_TURNS, places.length) },
      (_, n) => places[(this.#turn + n) % places.length],
    );
    this.#turn = places.length === 0 ? 0 : (this.#turn + turns.length) % places.length;
    return new Set([...due, ...live, ...recent, ...turns]);
  }
}

/** 1 for a network of the package, else 0. */
function isShipped([{ shipped = false }]: [RunPlace, RunDigest]): number {
  return Number(shipped);
}

/** Networks of the package, whose files have no times of their own, keep their order. */
function newestFirst([a, one]: [RunPlace, RunDigest], [b, other]: [RunPlace, RunDigest]): number {
  if (a.shipped && b.shipped) return 0;
  return other.started - one.started || (a.id < b.id ? -1 : 1);
}
