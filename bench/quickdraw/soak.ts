/**
 * A million made drawings of 345 classes, from files to an epoch of training: memory below 1 GB, and the epoch waits for
 * arithmetic, not for the disk. Not in the suite: it takes minutes and 1 GB of disk.
 *
 *   npm run quickdraw:soak -- --folder FOLDER [--drawings 1000000] [--hidden-size 16] [--threads 2]
 *
 * Each step runs in a process of its own, whose largest memory is reported. Files and cache stay in the folder, and are
 * used again. Exit code 1 if a bound is not kept.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { packBatch } from '#src/data/sequences/batch.js';
import { openReadAhead } from '#src/data/sequences/read-ahead.js';
import { openSequences } from '#src/data/sources.js';
import { epochOrderByBlocks } from '#src/data/split.js';
import { BLOCK_DRAWINGS } from '#src/data/strokes/stored/stored-moves.js';
import { loadStrokes } from '#src/data/strokes/stroke-datasets.js';
import { DEFAULT_STROKE_PREPROCESSING } from '#src/data/strokes/stroke-preprocessing.js';
import { peakMegabytes } from '#src/train/run/peak-memory.js';
import { makeQuickdraw } from './make-quickdraw.js';

/** Of a process, conversion and training alike. */
const MOST_MEGABYTES = 1000;
/** Seconds of reading, as a share of those of the epoch. */
const MOST_READING = 0.1;
const BATCH = 256;
/** A confusion matrix of 345 classes is a megabyte. */
const MAX_OUTPUT = 2 ** 26;
const CLI = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

const { values } = parseArgs({
  options: {
    folder: { type: 'string' },
    drawings: { type: 'string', default: '1000000' },
    classes: { type: 'string', default: '345' },
    'hidden-size': { type: 'string', default: '16' },
    threads: { type: 'string', default: '2' },
    step: { type: 'string' },
  },
});
const { folder, threads } = values;
if (folder === undefined) {
  console.error('quickdraw:soak: expected --folder FOLDER, which gets 1 GB of files');
  process.exit(2);
}
process.env.SCANSTROKE_CACHE = join(folder, 'cache');
const data = join(folder, 'drawings');

interface Measured {
  seconds: number;
  megabytes: number;
}

/** Steps that run in a process of their own. */
const STEPS: Record<string, () => Promise<number>> = {
  make: async () => {
    const making = { drawings: Number(values.drawings), classes: Number(values.classes), seed: 0 };
    await makeQuickdraw({ ...making, out: data, format: 'ndjson' });
    return making.drawings;
  },
  convert: async () => {
    const { train, test } = await loadStrokes(data, { order: 'points', threads: Number(threads) });
    return train.count + test.count;
  },
  read: async () => {
    const { name, width, height, train } = await loadStrokes(data, { order: 'points' });
    const preprocessing = { ...DEFAULT_STROKE_PREPROCESSING, width, height, order: 'points' as const };
    const sequences = { kind: 'strokes', name, examples: train, preprocessing } as const;
    const source = openSequences(sequences);
    const indices = Int32Array.from({ length: train.count }, (_, i) => i);
    const began = performance.now();
    const order = epochOrderByBlocks(indices, (i) => source.lengthOf(i), BATCH, BLOCK_DRAWINGS, 0, 1);
    const ahead = openReadAhead(sequences, order);
    const steps = source.maxSteps;
    const buffers = {
      inputs: new Float32Array(BATCH * steps * source.inputSize),
      batchSizes: new Int32Array(steps),
      rowStarts: new Int32Array(steps),
      labels: new Int32Array(BATCH),
      order: new Int32Array(BATCH),
    };
    for (let at = 0, n = 0; at < order.length; at += BATCH, n++) {
      ahead?.advance(at);
      packBatch(source, order.subarray(at, at + BATCH), buffers);
      if (n % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return (performance.now() - began) / 1000;
  },
};

function inChild(step: string): Measured & { result: number } {
  const args = process.argv.slice(1).concat('--step', step);
  const { stdout, stderr, status } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT,
  });
  if (status !== 0) throw new Error(`${step}: ${stderr}`);
  return JSON.parse(stdout);
}

function train(): Measured & { epochSeconds: number } {
  const run = join(folder as string, 'run');
  rmSync(run, { recursive: true, force: true });
  const args = ['train', '--preset', 'quickdraw', '--data', data, '--per-class', 'none', '--num-epochs', '1'];
  const more = ['--max-minutes', 'none', '--hidden-size', values['hidden-size'], '--threads', threads];
  const rest = ['--batch-size', String(BATCH), '--saving-path', run, '--chart-format', 'none', '--json'];
  const began = performance.now();
  const { stdout, stderr, status } = spawnSync(process.execPath, [CLI, ...args, ...more, ...rest], {
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT,
  });
  // A training that has not learnt ends with 3, and has a summary.
  if (status !== 0 && !stdout.startsWith('{')) throw new Error(`train: ${stderr}`);
  const summary = JSON.parse(stdout);
  const seconds = (performance.now() - began) / 1000;
  // The split is 5 : 1, and the score of the training samples is that of some.
  const epochSeconds = (5 * summary.validation_score.count) / summary.samples_per_second;
  console.log(`  accuracy ${summary.test_accuracy}, ${Math.round(summary.samples_per_second)} drawings/s`);
  return { seconds, megabytes: Math.round(summary.peak_rss_mb), epochSeconds };
}

if (values.step) {
  const began = performance.now();
  const result = await STEPS[values.step]();
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(JSON.stringify({ seconds, megabytes: Math.round(peakMegabytes()), result }));
  process.exit(0);
}

const shown = (what: string, { seconds, megabytes }: Measured) =>
  console.log(`${what}: ${seconds.toFixed(1)} s, ${megabytes} MB`);
if (!existsSync(data)) shown('making the files', inChild('make'));
rmSync(process.env.SCANSTROKE_CACHE, { recursive: true, force: true });
const converted = inChild('convert');
shown(`converting ${converted.result} drawings, ${threads} threads`, converted);
const read = inChild('read');
shown(`reading an epoch takes ${read.result.toFixed(1)} s in one thread`, read);
const trained = train();
shown(`training an epoch takes ${trained.epochSeconds.toFixed(1)} s; with everything`, trained);
const failures = [
  ...(Math.max(converted.megabytes, trained.megabytes) > MOST_MEGABYTES
    ? [`more than ${MOST_MEGABYTES} MB`]
    : []),
  ...(read.result > MOST_READING * trained.epochSeconds * Number(threads) ? ['reading takes too long'] : []),
];
for (const failure of failures) console.error(`failed: ${failure}`);
process.exit(failures.length > 0 ? 1 : 0);
