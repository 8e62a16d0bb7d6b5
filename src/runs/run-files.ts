/**
 * Reads and writes config.json, metrics.jsonl and summary.json of a run folder. Node.js only; their types are in run-folder.ts.
 *
 * A run can be killed at any moment. Each epoch's line is written at once and flushed, so at worst the last line is
 * torn; reading ignores a torn last line and nothing else.
 */

import { existsSync } from 'node:fs';
import { rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { explainFileError } from '../formats/file-errors.js';
import { appendLine, writeFileAtomically } from '../formats/files.js';
import { formatJson, isPlainObject, parseJson } from '../formats/json.js';
import { snakeCaseKeys } from '../formats/key-case.js';
import { readFileBounded } from '../formats/read-files.js';
import { UserError } from '../user-error.js';
import { MAX_CONFIG_BYTES, MAX_METRICS_BYTES, MAX_SUMMARY_BYTES } from './limits.js';
import {
  CHART_FORMATS,
  CHART_NAMES,
  type EpochMetrics,
  ROBUSTNESS_CHART,
  RUN_FILES,
  type RunFacts,
  type RunSummary,
} from './run-folder.js';
import { epochMetricsOf, runSummaryOf } from './run-values.js';

/**
 * Replaces config.json. The same content is not written again, so that its time remains that of the run's beginning.
 * @param config keys in snake_case
 * @throws UserError when it cannot be written
 */
export async function writeConfig(folder: string, config: Record<string, unknown>): Promise<void> {
  const path = join(folder, RUN_FILES.config);
  const text = `${formatJson(config, RUN_FILES.config, 2)}\n`;
  const before = await readText(path, "the run's configuration", MAX_CONFIG_BYTES).catch(() => null);
  if (before !== text) await writeFileAtomically(path, text);
}

/** config.json, keys in snake_case, values not validated. @throws UserError if there is none, or it is no JSON object */
export async function readConfig(folder: string): Promise<Record<string, unknown>> {
  const path = join(folder, RUN_FILES.config);
  const value = parseJson(await readText(path, "the run's configuration", MAX_CONFIG_BYTES), path);
  if (!isPlainObject(value)) throw new UserError(`${path}: expected a JSON object`);
  return value;
}

/** Facts of a run from the files beside a checkpoint; null for unknown facts. */
export async function factsBeside(checkpoint: string): Promise<Required<RunFacts>> {
  const folder = dirname(checkpoint);
  const summary = await readSummary(folder).catch(() => null);
  const config = summary ? null : await readConfig(folder).catch(() => null);
  return runFacts(checkpoint, summary, config);
}

/** Facts of a run from its files. The test accuracy belongs to the best checkpoint only. */
export function runFacts(
  checkpoint: string,
  summary: Pick<RunSummary, 'preset' | 'testAccuracy'> | null,
  config: { preset?: unknown } | null,
): Required<RunFacts> {
  const preset = summary?.preset ?? config?.preset;
  return {
    preset: typeof preset === 'string' ? preset : null,
    testAccuracy: basename(checkpoint) === RUN_FILES.best ? (summary?.testAccuracy ?? null) : null,
  };
}

/** Replaces summary.json. @throws UserError when it cannot be written */
export async function writeSummary(folder: string, summary: RunSummary): Promise<void> {
  const text = formatJson(snakeCaseKeys(summary, RUN_FILES.summary), RUN_FILES.summary, 2);
  await writeFileAtomically(join(folder, RUN_FILES.summary), `${text}\n`);
}

/** @throws UserError if there is none (the run has not ended), or it is damaged */
export async function readSummary(folder: string): Promise<RunSummary> {
  const path = join(folder, RUN_FILES.summary);
  const text = await readText(path, "the run's summary", MAX_SUMMARY_BYTES);
  try {
    return runSummaryOf(parseJson(text, path), path);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${error.message}; resuming the run writes it again`, { settings: ['loadCp'] });
  }
}

/** The summary of a run that has its report, which is written last; null for a run that must be scored (again). */
export async function readWholeSummary(folder: string): Promise<RunSummary | null> {
  const names = [RUN_FILES.summary, RUN_FILES.report];
  if (!names.every((name) => existsSync(join(folder, name)))) return null;
  try {
    return await readSummary(folder);
  } catch (error) {
    if (error instanceof UserError) return null; // It is damaged.
    throw error;
  }
}

/**
 * Removes what describes the end of a run, because the run trains on: summary.json, robustness.json, the report and the
 * charts. Other files in the folder of charts stay.
 * @throws UserError when a file cannot be removed
 */
export async function removeResults(folder: string): Promise<void> {
  const charts = join(folder, RUN_FILES.charts);
  const files = [RUN_FILES.summary, RUN_FILES.report, RUN_FILES.robustness].map((name) => join(folder, name));
  const drawn = [...CHART_NAMES, ROBUSTNESS_CHART].flatMap((name) =>
    CHART_FORMATS.map((format) => join(charts, `${name}.${format}`)),
  );
  for (const path of [...files, ...drawn]) {
    try {
      await rm(path, { force: true });
    } catch (error) {
      throw explainFileError('write', path, error);
    }
  }
  await rmdir(charts).catch(() => {}); // It has other files, or does not exist.
}

/** Adds an epoch's line to metrics.jsonl and flushes it. @throws UserError when it cannot be written */
export async function appendMetrics(folder: string, metrics: EpochMetrics): Promise<void> {
  const line = formatJson(snakeCaseKeys(metrics, RUN_FILES.metrics), `${RUN_FILES.metrics}: metrics`);
  await appendLine(join(folder, RUN_FILES.metrics), line);
}

/**
 * The epochs in metrics.jsonl, in order. A last line that was torn by a killed process is ignored.
 * @throws UserError if there is no such file, or a line is damaged or out of order, naming file and line
 */
export async function readMetrics(folder: string): Promise<EpochMetrics[]> {
  const path = join(folder, RUN_FILES.metrics);
  const texts = (await readText(path, "the run's metrics", MAX_METRICS_BYTES)).split('\n');
  // The text after the last line break is empty, or a torn line, or a line without its line break.
  const tail = texts.pop() ?? '';
  const lines: EpochMetrics[] = [];
  const add = (text: string, where: string) => {
    const metrics = parseMetrics(text, where);
    const before = lines.at(-1)?.epoch ?? 0;
    if (metrics.epoch <= before)
      throw new UserError(`${where}: epoch ${metrics.epoch} follows epoch ${before}`);
    lines.push(metrics);
  };
  try {
    texts.forEach((text, i) => {
      add(text, `${path}:${i + 1}`);
    });
    if (tail !== '' && isMetrics(tail)) add(tail, `${path}:${texts.length + 1}`);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${error.message}; resuming the run repairs the file`, { settings: ['loadCp'] });
  }
  return lines;
}

function isMetrics(text: string): boolean {
  try {
    parseMetrics(text, '');
    return true;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return false;
  }
}

/** A line of metrics.jsonl. @throws UserError if it is none */
export function parseMetrics(text: string, where: string): EpochMetrics {
  return epochMetricsOf(parseJson(text, where), where);
}

async function readText(path: string, what: string, maxBytes: number): Promise<string> {
  return new TextDecoder().decode(await readFileBounded(path, what, maxBytes));
}
