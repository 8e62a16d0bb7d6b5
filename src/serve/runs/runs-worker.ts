/**
 * Worker thread that reads the files of runs, so that neither their number nor a damaged or hostile one among them holds
 * up requests. It answers three kinds of jobs: `scan` for the lists, `details` and `progress` of one run.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { workerData } from 'node:worker_threads';
import { snakeCaseKeys } from '../../formats/key-case.js';
import { quote } from '../../formats/quotation.js';
import { type FileStamp, stampOfSync } from '../../runs/file-stamp.js';
import type { RunPlace } from '../../runs/find-runs.js';
import { type EpochMetrics, RUN_FILES, type RunSummary } from '../../runs/run-folder.js';
import type { ModelList } from '../api.js';
import { HttpError } from '../http-error.js';
import type { PredictContext } from '../predict/predict-jobs.js';
import { serveBatches } from '../workers/worker-side.js';
import { digestOf, touchedAt } from './run-digest.js';
import { runEntry, type Signs } from './run-entry.js';
import { RunScan, type ScanVersions } from './run-scan.js';

export type RunsJob =
  | { type: 'scan'; budgetMs: number; wanted: Wanted }
  | { type: 'details'; place: RunPlace }
  | { type: 'progress'; place: RunPlace; after: number; known: string | null };

/** The versions that the main thread has; null for what it does not want now. */
export type Wanted = { readonly [K in keyof ScanVersions]: number | null };

/** What has changed. */
export interface ScanNews {
  /** Whether all runs have been read. */
  complete: boolean;
  versions: ScanVersions;
  places?: readonly RunPlace[];
  context?: PredictContext;
  /** JSON of GET /api/models and GET /api/runs. */
  models?: Uint8Array;
  list?: Uint8Array;
}

/** Progress of a run since an epoch. */
export interface RunProgress extends Signs {
  /** Changes when the files or the lock do. */
  version: string;
  /** The last epoch in the file, 0 for none. */
  last: number;
  /** The lines of metrics after the epoch as JSON, oldest first: as many as fit in MAX_PROGRESS_LENGTH. */
  lines: { epoch: number; json: string }[];
  /** summary.json as JSON. */
  summary: string | null;
  /** Whether a file cannot be read now. */
  damaged: boolean;
}

export type RunsAnswer = ScanNews | Uint8Array | RunProgress | null;

/** Length of the JSON lines in one progress. */
const MAX_PROGRESS_LENGTH = 2 ** 20;

const scan = new RunScan(workerData.given, workerData.runs, workerData.shipped);

serveBatches<RunsJob, RunsAnswer, null>((jobs) => Promise.allSettled(jobs.map(answer)));

async function answer(job: RunsJob): Promise<RunsAnswer> {
  if (job.type === 'scan') return look(job.budgetMs, job.wanted);
  if (job.type === 'details') return describe(job.place);
  return progress(job.place, job.after, job.known);
}

function look(budgetMs: number, wanted: Wanted): ScanNews {
  const complete = scan.refresh(budgetMs);
  const versions = { ...scan.versions };
  const news: ScanNews = { complete, versions };
  const isNew = (what: keyof ScanVersions) => wanted[what] !== null && wanted[what] !== versions[what];
  if (isNew('places')) news.places = scan.places;
  if (isNew('models')) {
    news.context = scan.context();
    news.models = encoded(
      JSON.stringify({ ...scan.models(), project: workerData.project } satisfies ModelList),
    );
  }
  if (isNew('list')) news.list = encoded(JSON.stringify(scan.list()));
  return news;
}

/** JSON of RunDetails. The lines of metrics become JSON one by one: as objects they would take several times the memory. */
function describe(place: RunPlace): Uint8Array {
  let config = 'null';
  let summary = 'null';
  const lines: string[] = [];
  const digest = digestOf(place, undefined, {
    config: (value) => {
      config = JSON.stringify(value);
    },
    epoch: (line) => lines.push(metricsJson(line)),
    summary: (value) => {
      summary = summaryJson(value);
    },
  });
  if (!existsSync(place.folder)) {
    throw new HttpError(404, `the run ${quote(place.id)} was removed a moment ago`);
  }
  const entry = JSON.stringify(runEntry(place, digest, Date.now()));
  // A damaged file has no lines in the answer.
  const metrics = digest.metrics.problem === null ? lines.join(',') : '';
  return encoded(`${entry.slice(0, -1)},"config":${config},"metrics":[${metrics}],"summary":${summary}}`);
}

/**
 * @param after the epoch after which lines are wanted
 * @param known the version that is known already; null to read in any case
 * @returns null if nothing has changed
 */
function progress(place: RunPlace, after: number, known: string | null): RunProgress | null {
  const now = versionOf(touchedAt(place.folder), filesOf(place).map(stampOfSync));
  if (known === now) return null;
  const lines: RunProgress['lines'] = [];
  let length = 0;
  let summary: string | null = null;
  const digest = digestOf(place, undefined, {
    epoch: (line) => {
      if (line.epoch <= after || length > MAX_PROGRESS_LENGTH) return;
      const json = metricsJson(line);
      length += json.length;
      lines.push({ epoch: line.epoch, json });
    },
    summary: (value) => {
      summary = summaryJson(value);
    },
  });
  const { config, metrics, touched, ended } = digest;
  const files = [config, metrics, digest.summary, digest.checkpoint];
  return {
    touched,
    ended,
    version: versionOf(
      touched,
      files.map(({ stamp }) => stamp),
    ),
    last: metrics.value?.last?.epoch ?? 0,
    lines,
    summary,
    damaged: config.problem !== null || metrics.problem !== null || digest.summary.problem !== null,
  };
}

function filesOf({ folder, checkpoint }: RunPlace): string[] {
  const names = [RUN_FILES.config, RUN_FILES.metrics, RUN_FILES.summary];
  return [...names.map((name) => join(folder, name)), checkpoint];
}

function versionOf(touched: number | null, stamps: readonly (FileStamp | null)[]): string {
  return [touched ?? '', ...stamps.map((stamp) => stamp?.version ?? '')].join(' ');
}

function metricsJson(line: EpochMetrics): string {
  return JSON.stringify(snakeCaseKeys(line, 'metrics'));
}

function summaryJson(summary: RunSummary): string {
  return JSON.stringify(snakeCaseKeys(summary, 'summary'));
}

function encoded(json: string): Uint8Array {
  return new TextEncoder().encode(json);
}
