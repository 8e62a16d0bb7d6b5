/** Run folders from strangers: their files, and what is found in folders with hostile names, links and pipes. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { resolveTrial } from '#src/cli/sweep/search-space.js';
import { snakeCaseKeys } from '#src/formats/key-case.js';
import type { Random } from '#src/random.js';
import { readCheckpointHeader } from '#src/runs/checkpoint/checkpoint-file.js';
import { foldersIn, isFolderOfRuns, namedRuns, runsAt, withDistinctIds } from '#src/runs/find-runs.js';
import { factsBeside, readConfig, readMetrics, readSummary } from '#src/runs/run-files.js';
import { runHolder } from '#src/runs/run-lock.js';
import { originOf } from '#src/runs/run-origin.js';
import { findCheckpoint } from '#src/runs/run-path.js';
import { readSweep } from '#src/runs/sweep/sweep-folder.js';
import { digestOf } from '#src/serve/runs/run-digest.js';
import { configToDisk, defaultConfig } from '#src/train/config/run-config.js';
import { UserError } from '#src/user-error.js';
import { checkpointBytes, STROKES } from '../../recognize/checkpoint-bytes.js';
import { sampleInput } from '../../report/sample.js';
import { decodeJson, encodeJson } from '../minimise.js';
import { chance, mutateBytes, pick } from '../mutations/byte-mutations.js';
import { hostileText, isObject, type Json, jsonText, mutateJson } from '../mutations/json-mutations.js';
import type { Input, Openers, OpenTarget } from '../target.js';

const text = (value: string): Input => new TextEncoder().encode(value);

const sample = sampleInput({ epochs: 3, points: 3, samplesPerClass: 3, classes: ['a', 'b'] });
/** Three epochs, as metrics.jsonl holds them. */
export const METRICS = sample.metrics.map((each) => snakeCaseKeys(each, 'line') as Json);
const SUMMARY = snakeCaseKeys(sample.summary, 'summary') as Json;
const CONFIG = configToDisk(defaultConfig()) as Json;

const SWEEP: Json = {
  format: 'scanstroke-sweep',
  format_version: 1,
  method: 'random',
  options: { num_epochs: 9, optimizer: 'sgd', chart_format: ['svg'] },
  axes: [
    { option: 'hidden_size', values: [8, 16] },
    { option: 'learning_rate', low: 1e-4, high: 1e-2, scale: 'log', whole: false },
  ],
  seed: 0,
  halving: { factor: 3, rungs: [3, 9] },
  study: { storage: 'sqlite:///a.db', name: 'scanstroke' },
  count: 2,
  trials: [
    { trial: 1, settings: { hidden_size: 8, learning_rate: 1e-3, momentum: 0.5 }, asked: null },
    { trial: 2, settings: { hidden_size: 16, learning_rate: 3e-3, max_norm: null }, asked: 7 },
  ],
};

function makeMetrics(random: Random): Input {
  const lines = METRICS.map((line) =>
    jsonText(random, chance(random, 0.4) ? mutateJson(random, line) : line),
  );
  const made = text(lines.join('\n') + (chance(random, 0.7) ? '\n' : ''));
  return chance(random, 0.3) ? mutateBytes(random, made) : made;
}

function makeJson(value: Json): OpenTarget['make'] {
  return (random) => {
    const made = text(jsonText(random, mutateJson(random, value)));
    return chance(random, 0.2) ? mutateBytes(random, made) : made;
  };
}

/** A target that reads one file of a run. */
function onRunFile(
  folder: string,
  name: string,
  make: OpenTarget['make'],
  read: () => Promise<unknown>,
): OpenTarget {
  return {
    make,
    run: async (input) => {
      writeFileSync(join(folder, name), input);
      await read();
    },
  };
}

/** What a name in a tree may be: `{ folder }`, `{ file }`, `{ link }`, `{ pipe: true }`. */
const FILES: { [name: string]: Json } = {
  'config.json': { file: 'config' },
  'metrics.jsonl': { file: 'metrics' },
  'summary.json': { file: 'summary' },
  'best.safetensors': { file: 'checkpoint' },
  'last.safetensors': { file: 'checkpoint' },
};
const ODD: Json[] = [
  ...[
    { pipe: true },
    { link: 'config.json' },
    { link: '/dev/zero' },
    { link: '.' },
    { link: '..' },
    { link: 'loop' },
  ],
  ...[
    { file: 'empty' },
    { file: 'garbage' },
    { file: 'null' },
    { folder: {} },
    { link: '/nowhere' },
    { file: 'list' },
  ],
  ...[{ link: '/etc/hostname' }, { folder: { ...FILES } }],
];
const NAMES = [
  'seed-0',
  'seed-1',
  'seed-00',
  'a',
  'b~c',
  'a~seed-0',
  '.hidden',
  'x'.repeat(255),
  'a b',
  'ä',
  '%2e',
  'loop',
];

function makeTree(random: Random): Input {
  const run = (): { [name: string]: Json } => {
    const files = Object.entries(FILES).filter(() => chance(random, 0.8));
    const entries = files.map(([name, file]): [string, Json] => [
      name,
      chance(random, 0.15) ? pick(random, ODD) : file,
    ]);
    if (chance(random, 0.2)) entries.push([nameIn(random), pick(random, ODD)]);
    return Object.fromEntries(entries);
  };
  const runs = Array.from({ length: 1 + random.below(3) }, (): [string, Json] => {
    if (chance(random, 0.1)) return [nameIn(random), pick(random, ODD)];
    const seeds = Object.fromEntries([1, 2].map((n) => [`seed-${n}`, { folder: run() }]));
    return [nameIn(random), { folder: chance(random, 0.2) ? { ...run(), ...seeds } : run() }];
  });
  return encodeJson(Object.fromEntries(runs));
}

function nameIn(random: Random): string {
  return chance(random, 0.2) ? hostileText(random) : pick(random, NAMES);
}

const CONTENTS: Record<string, Input> = {
  config: text(JSON.stringify(CONFIG)),
  metrics: text(`${METRICS.map((line) => JSON.stringify(line)).join('\n')}\n`),
  summary: text(JSON.stringify(SUMMARY)),
  checkpoint: checkpointBytes(STROKES, { hiddenSize: 2 }),
  empty: new Uint8Array(),
  garbage: Uint8Array.of(0, 255, 27, 91, 50, 74, 10, 34),
  null: text('null'),
  list: text('[1, 2]\n{}\n'),
};

/** Makes the files of a tree; names that the file system refuses are left out. @param pipe a pipe to make links to */
function buildTree(root: string, tree: Json, pipe: string, depth = 0): void {
  mkdirSync(root, { recursive: true });
  if (!isObject(tree) || depth > 3) return;
  for (const [name, entry] of Object.entries(tree)) {
    if (!isObject(entry) || name === '' || /[/\0]/.test(name) || name === '.' || name === '..') continue;
    const path = join(root, name);
    try {
      if (entry.folder !== undefined) buildTree(path, entry.folder, pipe, depth + 1);
      else if (entry.pipe !== undefined) linkSync(pipe, path);
      else if (typeof entry.link === 'string') symlinkSync(entry.link, path);
      else if (typeof entry.file === 'string') writeFileSync(path, CONTENTS[entry.file] ?? text(entry.file));
    } catch (error) {
      if (!(error instanceof Error && 'syscall' in error)) throw error;
    }
  }
}

/**
 * Everything that is done with run folders before a checkpoint is opened. Some of it may be refused. Messages contain
 * paths as they are; whoever shows them escapes them.
 */
async function discover(root: string): Promise<void> {
  let refusal: unknown;
  const attempt = async (action: () => unknown) => {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      refusal ??= error;
    }
  };
  await attempt(() => isFolderOfRuns(root));
  const places = withDistinctIds(foldersIn(root).flatMap((name) => runsAt(join(root, name), name)));
  assert.equal(new Set(places.map(({ id }) => id)).size, places.length, 'two runs with one id');
  await attempt(() => findCheckpoint('evaluate', root, 'use'));
  // A folder of runs is always refused: the message names the runs.
  refusal = undefined;
  for (const place of places) {
    const { folder, checkpoint } = place;
    // The server's list: a damaged file is the run's problem, and no error.
    digestOf(place);
    await attempt(() => runHolder(folder));
    await attempt(() => originOf(folder));
    await attempt(() => readConfig(folder));
    await attempt(() => readMetrics(folder));
    await attempt(() => readSummary(folder));
    await attempt(() => readCheckpointHeader(checkpoint));
    await attempt(() => factsBeside(checkpoint));
    await attempt(() => namedRuns('serve', [folder]));
    for (const purpose of ['use', 'look', 'resume'] as const) {
      await attempt(() => findCheckpoint('evaluate', folder, purpose));
    }
  }
  if (refusal instanceof UserError)
    throw new UserError(refusal.message.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?'));
}

export const OPENERS: Openers = {
  metrics: async (folder) => onRunFile(folder, 'metrics.jsonl', makeMetrics, () => readMetrics(folder)),
  summary: async (folder) => onRunFile(folder, 'summary.json', makeJson(SUMMARY), () => readSummary(folder)),
  'run-config': async (folder) =>
    onRunFile(folder, 'config.json', makeJson(CONFIG), () => readConfig(folder)),
  sweep: async (folder) =>
    onRunFile(folder, 'sweep.json', makeJson(SWEEP), async () => {
      const sweep = await readSweep(folder);
      for (const { settings, trial } of sweep.trials.slice(0, 3)) resolveTrial(sweep, settings, trial);
    }),
  'run-folder': async (folder) => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const root = join(folder, 'runs');
    return {
      make: makeTree,
      run: async (input) => {
        rmSync(root, { recursive: true, force: true });
        buildTree(root, decodeJson(input), pipe);
        await discover(root);
      },
    };
  },
};
