/**
 * The folder of a sweep: sweep.json says what it tries, and each trial is a run folder, `trial-001`, `trial-002` …
 * Results are those of the run folders. Node.js only.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from '../../formats/files.js';
import { formatJson, isPlainObject, parseJson } from '../../formats/json.js';
import { camelCase, snakeCase } from '../../formats/key-case.js';
import { readFileBounded } from '../../formats/read-files.js';
import {
  checked,
  finite,
  flag,
  list,
  nullable,
  oneOf,
  optional,
  type Reader,
  readAs,
  record,
  textUpTo,
  whole,
} from '../../formats/shape.js';
import { MAX_SWEEP_BYTES, MAX_TRIALS } from '../limits.js';
import { numberedFolders } from '../numbered-folders.js';

/** The files of a sweep's folder, beside the folders of its trials. */
export const SWEEP_FILES = {
  sweep: 'sweep.json',
  /** A line for each trial, when the sweep has ended. */
  results: 'results.json',
  report: 'report.html',
  /** In the folder of a trial: what its training printed. */
  log: 'train.log',
} as const;

/** The value of an option; null for none. */
export type SettingValue = number | string | boolean | null;
/** Values by the names of options, in camelCase here and in snake_case on disk. */
export type Settings = Readonly<Record<string, SettingValue>>;

/** What is tried of an option: some values, or a range. */
export type Axis = { option: string } & (
  | { values: readonly SettingValue[] }
  | { low: number; high: number; scale: 'linear' | 'log'; whole: boolean }
);

export interface Trial {
  /** From 1. */
  trial: number;
  settings: Settings;
  /** The number of the trial in Optuna's study; null if Optuna did not ask for it. */
  asked: number | null;
}

/** Successive halving: after each rung but the last, one of `factor` trials goes on. */
export interface Halving {
  factor: number;
  /** Epochs, ascending; the last are all of them. */
  rungs: readonly number[];
}

/** What a sweep tries; sweep.json. */
export interface Sweep {
  method: 'grid' | 'random' | 'optuna';
  /** The options that all trials share. */
  options: Readonly<Record<string, unknown>>;
  axes: readonly Axis[];
  /** Seed of the random settings; null for a grid, and where Optuna chooses one. */
  seed: number | null;
  halving: Halving | null;
  study: { storage: string; name: string } | null;
  /** Number of trials. Of Optuna's, `trials` has those that were asked for so far. */
  count: number;
  trials: readonly Trial[];
}

const FORMAT_VERSION = 1;

/** `trial-007` */
export function trialFolder(folder: string, trial: number): string {
  return join(folder, `trial-${String(trial).padStart(3, '0')}`);
}

/** Whether a folder's name is one of trialFolder's. */
export function isTrialFolder(name: string): boolean {
  return /^trial-\d{3,}$/.test(name);
}

/** The folders of the trials in a folder, in their order. */
export function trialFolders(folder: string): string[] {
  return numberedFolders(folder, isTrialFolder);
}

export function holdsSweep(folder: string): boolean {
  return existsSync(join(folder, SWEEP_FILES.sweep));
}

/** Replaces sweep.json. @throws UserError if it cannot be written */
export async function writeSweep(folder: string, sweep: Sweep): Promise<void> {
  const onDisk = {
    format: 'scanstroke-sweep',
    format_version: FORMAT_VERSION,
    method: sweep.method,
    options: onDiskKeys(sweep.options),
    axes: sweep.axes.map(({ option, ...axis }) => ({ option: snakeCase(option), ...axis })),
    seed: sweep.seed,
    halving: sweep.halving,
    study: sweep.study,
    count: sweep.count,
    trials: sweep.trials.map(({ trial, settings, asked }) => ({
      trial,
      settings: onDiskKeys(settings),
      asked,
    })),
  };
  await writeFileAtomically(join(folder, SWEEP_FILES.sweep), `${formatJson(onDisk, SWEEP_FILES.sweep, 2)}\n`);
}

/** @throws UserError if there is none, or it is damaged */
export async function readSweep(folder: string): Promise<Sweep> {
  const path = join(folder, SWEEP_FILES.sweep);
  const bytes = await readFileBounded(path, "the sweep's definition", MAX_SWEEP_BYTES);
  return readAs(sweepReader, parseJson(new TextDecoder().decode(bytes), path), path);
}

function onDiskKeys(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [snakeCase(key), value]));
}

const name = textUpTo(100);
const value = nullable(
  checked('a number, a text, true or false', (found): found is number | string | boolean =>
    ['number', 'string', 'boolean'].includes(typeof found),
  ),
);

/** An object whose keys become camelCase. */
function named<T>(reader: Reader<T>): Reader<Record<string, T>> {
  const object = checked('an object', isPlainObject);
  return (found, place) =>
    Object.fromEntries(
      Object.entries(object(found, place)).map(([key, each]) => [camelCase(key), reader(each, place)]),
    );
}

const option: Reader<string> = (found, place) => camelCase(name(found, place));
const values = record({ option, values: list(value, MAX_TRIALS) });
const range = record({ option, low: finite, high: finite, scale: oneOf(['linear', 'log']), whole: flag });
const axis: Reader<Axis> = (found, place) =>
  isPlainObject(found) && 'values' in found ? values(found, place) : range(found, place);

const sweepReader: Reader<Sweep> = record<Sweep>({
  method: oneOf(['grid', 'random', 'optuna']),
  options: named((found) => found),
  axes: list(axis, 1000),
  seed: optional(nullable(whole(0)), null),
  halving: optional(nullable(record({ factor: whole(2), rungs: list(whole(1), 1000) })), null),
  study: optional(nullable(record({ storage: textUpTo(4096), name: textUpTo(1000) })), null),
  count: whole(1, MAX_TRIALS),
  trials: list(
    record({ trial: whole(1), settings: named(value), asked: optional(nullable(whole(0)), null) }),
    MAX_TRIALS,
  ),
});
