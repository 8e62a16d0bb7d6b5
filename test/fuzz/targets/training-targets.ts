/** Run folders from strangers in which a training begins or goes on: repairs of metrics, locks, origins. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Random } from '#src/random.js';
import { readCheckpointHeader } from '#src/runs/checkpoint/checkpoint-file.js';
import { type KnownEpochs, takeMetrics } from '#src/runs/metrics-repair.js';
import { readMetrics } from '#src/runs/run-files.js';
import { lockRun, RunInUse, runHolder } from '#src/runs/run-lock.js';
import { originOf } from '#src/runs/run-origin.js';
import { UserError } from '#src/user-error.js';
import { checkpointBytes, STROKES } from '../../recognize/checkpoint-bytes.js';
import { decodeJson, encodeJson } from '../minimise.js';
import { chance, mutateBytes, pick, spliced } from '../mutations/byte-mutations.js';
import { isObject, type Json, jsonText, mutateJson } from '../mutations/json-mutations.js';
import type { Input, Openers } from '../target.js';
import { METRICS } from './run-targets.js';

/** Lines of metrics.jsonl, of one training or of two, after a byte that says what the checkpoint knows. */
function makeRepair(random: Random): Input {
  const order = pick(random, [
    [0, 1, 2],
    [0, 1, 2],
    [0, 1, 2],
    [0, 1, 1, 2, 2],
    [0, 1, 2, 0, 1, 2],
    [2, 0],
    [1, 2],
    [0, 2, 1],
  ]);
  const lines = order.map((n) =>
    chance(random, 0.3) ? jsonText(random, mutateJson(random, METRICS[n])) : JSON.stringify(METRICS[n]),
  );
  const made = new TextEncoder().encode(lines.join('\n') + (chance(random, 0.7) ? '\n' : ''));
  const content = chance(random, 0.3) ? mutateBytes(random, made) : made;
  return spliced(content, 0, 0, [random.below(8)]);
}

/** @param byte the last epoch, and whether its best is the second of them */
function knownEpochs(byte: number): KnownEpochs {
  const lastEpoch = byte % 4;
  const best = byte & 4 ? { accuracy: 0.5, loss: 1, epoch: Math.min(2, lastEpoch) } : null;
  return { lastEpoch, best };
}

/** The repair leaves a file that every reader accepts, and the next resume finds nothing more to repair. */
async function repair(folder: string, input: Input): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const content = input.subarray(1);
  writeFileSync(join(folder, 'metrics.jsonl'), content);
  const known = knownEpochs(input[0] ?? 0);
  const { metrics, notices } = await takeMetrics(folder, known);
  const epochs = metrics.map(({ epoch }) => epoch);
  assert.ok(
    epochs.every((epoch, i) => epoch <= known.lastEpoch && epoch > (epochs[i - 1] ?? 0)),
    String(epochs),
  );
  assert.deepEqual(await readMetrics(folder), metrics);
  const copies = readdirSync(folder).filter((name) => name.startsWith('metrics.jsonl.'));
  for (const name of copies) assert.deepEqual(new Uint8Array(readFileSync(join(folder, name))), content);
  const again = await takeMetrics(folder, known);
  assert.deepEqual(again.metrics, metrics);
  assert.ok(!again.notices.some((notice) => notice.includes('repaired')), again.notices.join());
  if (notices.length > 0) throw new UserError(printable(notices.join('; ').slice(0, 1000)));
}

/** Whoever shows a message with a path or a notice escapes it. */
function printable(message: string): string {
  return message.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}

/** Fields of a lock whose values the process that runs the input knows. */
const LOCK: Json = {
  pid: '$pid',
  host: 'elsewhere',
  place: '$place',
  started: '$started',
  folder: '$folder',
  since: '2026-01-02T03:04:05.000Z',
  nonce: '0123456789abcdef',
};
const DEAD: Json[] = [
  { pid: 1 },
  { pid: 2 ** 31 - 1 },
  { place: 'another' },
  { place: null },
  { started: '7' },
  { folder: '1' },
];
const ORIGINS: Json[] = ['$checkpoint', '/dev/zero', '.', '/nowhere', 'x'.repeat(300)];

/** What is at the place of a file: a file with this text, or something else. */
const SHAPES = ['file', 'file', 'file', 'file', 'file', 'gate', 'link', 'pipe', 'folder', 'large'];

/** With `$name` for what only the process that runs the input knows. */
function makeLock(random: Random): Input {
  const isLock = chance(random, 0.7);
  const lock = chance(random, 0.7) ? Object.assign({}, LOCK, pick(random, DEAD)) : LOCK;
  const value = isLock ? lock : { checkpoint: pick(random, ORIGINS) };
  const made = jsonText(random, chance(random, 0.5) ? mutateJson(random, value) : value);
  const text = chance(random, 0.1) ? made.slice(0, random.below(made.length + 1)) : made;
  return encodeJson({ name: isLock ? '.lock' : '.origin.json', is: pick(random, SHAPES), text });
}

interface Place {
  folder: string;
  pipe: string;
  /** Texts for the names in LOCK and ORIGINS. */
  known: Record<string, string>;
}

function put(path: string, is: Json, text: string, pipe: string): void {
  if (is === 'link') symlinkSync('/dev/zero', path);
  else if (is === 'pipe') linkSync(pipe, path);
  else if (is === 'folder') mkdirSync(path);
  else writeFileSync(path, is === 'large' ? text.padEnd(2 ** 17) : text);
  if (is !== 'gate') return;
  // The gate behind which this lock is taken over, as if another process had left it.
  const token = createHash('sha256').update('.lock\n').update(text).digest('hex').slice(0, 16);
  writeFileSync(`${path}-${token}`, text);
}

/** A lock gives way, or names a process that lives, or says what to remove. */
async function lock(folder: string): Promise<void> {
  const holder = await runHolder(folder);
  const held = await lockRun(folder, { silentMs: 0 }).catch((error: unknown) => {
    assert.ok(!(error instanceof RunInUse) || holder !== null, `blocked by nobody: ${String(error)}`);
    throw error;
  });
  await held.check();
  assert.equal((await runHolder(folder))?.pid, process.pid);
  await held.release();
  assert.deepEqual(readdirSync(folder), [], 'the lock left files');
}

async function runLock(place: Place, input: Json): Promise<void> {
  const { folder, pipe, known } = place;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { name = '', is = '', text = '' } = isObject(input) ? input : {};
  if (name !== '.lock' && name !== '.origin.json') return;
  const own: Record<string, string> = { ...known, folder: String(statSync(folder).ino) };
  const content = String(text)
    .replaceAll('"$pid"', String(process.pid))
    .replace(/\$(\w+)/g, (whole, key: string) => own[key] ?? whole);
  put(join(folder, name), is, content, pipe);
  if (name === '.lock') return lock(folder);
  try {
    const checkpoint = await originOf(folder);
    if (checkpoint !== null) await readCheckpointHeader(checkpoint);
  } catch (error) {
    throw error instanceof UserError ? new UserError(printable(error.message).slice(0, 1000)) : error;
  }
}

/** How a lock of this process names it. */
async function ownProcess(folder: string): Promise<Record<string, string>> {
  const held = await lockRun(folder);
  const value = decodeJson(new Uint8Array(readFileSync(join(folder, '.lock'))));
  await held.release();
  return isObject(value) ? { place: String(value.place), started: String(value.started) } : {};
}

export const OPENERS: Openers = {
  'metrics-repair': async (root) => ({ make: makeRepair, run: (input) => repair(join(root, 'run'), input) }),
  lock: async (root) => {
    const pipe = join(root, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const checkpoint = join(root, 'other.safetensors');
    writeFileSync(checkpoint, checkpointBytes(STROKES, { hiddenSize: 2 }));
    const folder = join(root, 'run');
    const known = Object.assign({ checkpoint }, await ownProcess(folder));
    return { make: makeLock, run: (input) => runLock({ folder, pipe, known }, decodeJson(input)) };
  },
};
