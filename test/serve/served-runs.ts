/** A folder of runs and a server on it, for tests. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { snakeCaseKeys } from '#src/formats/key-case.js';
import type { EpochMetrics, RunSummary } from '#src/runs/run-folder.js';
import { type RunningServer, type ServeOptions, startServer } from '#src/serve/server.js';
import { configToDisk } from '#src/train/config/run-config.js';
import { checkpointBytes, ROWS, STROKES } from '../recognize/checkpoint-bytes.js';
import { sampleInput } from '../report/sample.js';
import { smallConfig, temporaryFolder, writeSmallMnist } from '../train/small-mnist.js';

export const CLASSES = [...'0123456789'];
/** Number of test samples of every run. */
export const TEST_SAMPLES = 40;

export function metricsOf(epochs: number): EpochMetrics[] {
  return sampleInput({ epochs, points: 5 }).metrics;
}

export function metricsText(metrics: EpochMetrics[]): string {
  return metrics.map((line) => `${JSON.stringify(snakeCaseKeys(line, 'line'))}\n`).join('');
}

export function summaryText(changes: Partial<RunSummary> = {}): string {
  const { summary } = sampleInput({ epochs: 2, classes: CLASSES });
  return JSON.stringify(snakeCaseKeys({ ...summary, ...changes }, 'summary'));
}

export interface ServedRuns {
  /** The folder of runs, the folder of their data, and another folder outside of both. */
  runs: string;
  data: string;
  outside: string;
  /** Writes a file of a run; creates the run folder if it is missing. */
  write(run: string, name: string, content: string | Uint8Array): string;
}

/**
 * Writes these runs: `rows` and `strokes`, which have ended; `fresh`, which has just begun; `many~seed-0` and `~seed-1`;
 * `damaged`; and links: `linked` to a run elsewhere, `leak` with files that are links to a secret.
 */
export function makeRuns(): ServedRuns {
  const folder = temporaryFolder();
  const [runs, outside, data] = ['runs', 'outside', 'data'].map((name) => join(folder, name));
  for (const path of [runs, outside, data]) mkdirSync(path);
  writeSmallMnist(data, 60, TEST_SAMPLES);
  const write = (run: string, name: string, content: string | Uint8Array) => {
    mkdirSync(join(runs, run), { recursive: true });
    writeFileSync(join(runs, run, name), content);
    return join(runs, run, name);
  };
  const config = (flags = {}) =>
    JSON.stringify(configToDisk(smallConfig(data, '.', { preset: 'quick', ...flags })));
  const ended = (run: string, checkpoint: Uint8Array, flags = {}) => {
    write(run, 'config.json', config(flags));
    write(run, 'best.safetensors', checkpoint);
    write(run, 'metrics.jsonl', metricsText(metricsOf(2)));
    write(run, 'summary.json', summaryText());
  };
  ended('strokes', checkpointBytes(STROKES, { numClasses: 10 }, CLASSES), {
    preset: 'strokes',
    data: `strokes:${data}`,
    numLayers: 2,
  });
  ended('rows', checkpointBytes(ROWS, { numClasses: 10 }, CLASSES));
  ended('many/seed-0', checkpointBytes(ROWS, { numClasses: 10 }, CLASSES));
  ended('many/seed-1', checkpointBytes(ROWS, { numClasses: 10 }, CLASSES));
  write('fresh', 'config.json', config());
  write('damaged', 'config.json', config());
  write('damaged', 'metrics.jsonl', '{"epoch": 1}\n{"epoch": 2}\n');
  write('damaged', 'best.safetensors', 'no checkpoint');
  write('notes', 'readme.txt', 'no run');

  const secret = join(outside, 'secret.safetensors');
  writeFileSync(secret, checkpointBytes(ROWS, { numClasses: 10 }, CLASSES));
  writeFileSync(join(outside, 'config.json'), config());
  symlinkSync(outside, join(runs, 'linked'));
  write('leak', 'last.safetensors', '');
  symlinkSync(secret, join(runs, 'leak/best.safetensors'));
  symlinkSync(join(outside, 'config.json'), join(runs, 'leak/config.json'));
  return { runs, data, outside, write };
}

/** Starts a server on any port; unexpected errors are added to `defects`. */
export async function serve(
  options: Partial<ServeOptions> & { runs: string | null },
): Promise<RunningServer & { defects: unknown[] }> {
  const defects: unknown[] = [];
  const server = await startServer({
    given: [],
    host: '127.0.0.1',
    port: 0,
    threads: 1,
    backend: 'auto',
    version: '1.2.3',
    page: '/there/is/none',
    onDefect: (error) => defects.push(error),
    ...options,
  });
  return { ...server, defects };
}

export async function getJson<T>(url: string, init?: RequestInit): Promise<{ status: number; json: T }> {
  const response = await fetch(url, init);
  return { status: response.status, json: (await response.json()) as T };
}
