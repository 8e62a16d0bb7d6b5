/**
 * Protects the reading of data from what is no file: pipes (also with a writer that never writes), sockets, devices,
 * links in circles or to nothing, folders. And from sparse files of gigabytes: the first bytes refuse them, in no time and
 * without memory.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  cpSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder, writeSmallMnist } from '../train/small-mnist.js';
import type { HostileCase, HostileOutcome } from './hostile-load.js';
import { strokeFiles, writeFolder } from './strokes/stroke-fixture.js';

/** A case takes a few milliseconds; the limit is for machines that do other work. */
const MAX_MS = 2000;
const MAX_MEGABYTES = 100;

const folder = temporaryFolder();
const idx = join(folder, 'idx');
mkdirSync(idx);
writeSmallMnist(idx, 40, 20);
const strokes = join(folder, 'strokes');
await writeFolder(strokes, strokeFiles());

/** Where a file of each kind lies: alone, or beside the good files of a data set. */
const PLACES: Record<string, { good?: string; file: string; without?: string; read: HostileCase['read'] }> = {
  'training images': { good: idx, file: 'train-images-idx3-ubyte', read: 'data' },
  'test labels': { good: idx, file: 't10k-labels-idx1-ubyte', read: 'data' },
  'compressed images': {
    good: idx,
    file: 'train-images-idx3-ubyte.gz',
    without: 'train-images-idx3-ubyte',
    read: 'data',
  },
  'class names of images': { good: idx, file: 'classes.txt', read: 'data' },
  'a sequence': { good: strokes, file: 'trainimg-1-inputdata.txt', read: 'data' },
  'stroke labels': { good: strokes, file: 'testlabels.txt', read: 'data' },
  'class names of strokes': { good: strokes, file: 'classes.txt', read: 'data' },
  'a compressed archive': { file: 'a.tar.gz', read: 'data' },
  'an archive': { file: 'a.tar', read: 'data' },
  'lines of drawings': { file: 'a.ndjson', read: 'data' },
  'a list of drawings': { file: 'a.json', read: 'data' },
  'drawings as text': { file: 'a.tra', read: 'data' },
  'a folder of drawings': { good: join(folder, 'nothing'), file: 'a.ndjson', read: 'data' },
  'a data set': { file: 'thing', read: 'data' },
  'a picture to recognise': { file: 'a.png', read: 'input' },
  'drawings to recognise': { file: 'a.ndjson', read: 'input' },
  'text to recognise': { file: 'a.tes', read: 'input' },
  'a configuration': { file: 'a.yaml', read: 'config' },
};
mkdirSync(join(folder, 'nothing'));

let places = 0;
/** Makes room for a hostile file of a kind. */
function placeFor(kind: string, what: string): HostileCase & { file: string } {
  const { good, file, without, read } = PLACES[kind];
  const at = join(folder, `${++places}`);
  if (good) cpSync(good, at, { recursive: true });
  else mkdirSync(at);
  for (const name of [file, without]) if (name) rmSync(join(at, name), { force: true });
  const path = join(at, file);
  return { name: `${what} in place of ${kind}`, read, path: good ? at : path, file: path, named: path };
}

function runChild(cases: HostileCase[]): HostileOutcome[] {
  const script = fileURLToPath(new URL('./hostile-load.js', import.meta.url));
  const env = { ...process.env, SCANSTROKE_CACHE: join(folder, 'cache') };
  const options = { encoding: 'utf8', timeout: 120_000, env } as const;
  const { stdout, stderr } = spawnSync(process.execPath, [script, JSON.stringify(cases)], options);
  const outcomes = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as HostileOutcome);
  const next = cases[outcomes.length]?.name;
  assert.equal(outcomes.length, cases.length, `hangs or crashes at: ${next}\n${stderr}`);
  return outcomes;
}

function assertRefused(cases: HostileCase[]): void {
  for (const [n, { name, message, isUserError, ms, megabytes }] of runChild(cases).entries()) {
    assert.ok(isUserError, `${name}: ${message}`);
    assert.ok(message.includes(cases[n].named), `${name}: ${message}`);
    assert.doesNotMatch(message, /\n/, name);
    assert.ok(ms < MAX_MS, `${name}: ${ms} ms`);
    assert.ok(megabytes < MAX_MEGABYTES, `${name}: ${megabytes} MB`);
  }
}

test('what is no file is refused at once, and the message names it', async () => {
  const pipe = join(folder, 'pipe');
  const pipes = [pipe];
  const held: string[] = [];
  const sockets: string[] = [];
  const makers: Record<string, (path: string) => void> = {
    'a pipe': (path) => pipes.push(path),
    'a pipe with a writer': (path) => {
      pipes.push(path);
      held.push(path);
    },
    'a socket': (path) => sockets.push(path),
    '/dev/zero': (path) => symlinkSync('/dev/zero', path),
    '/dev/null': (path) => symlinkSync('/dev/null', path),
    'a link to a pipe': (path) => symlinkSync(pipe, path),
    'a link to itself': (path) => symlinkSync(path, path),
    'a link to nothing': (path) => symlinkSync(join(folder, 'gone'), path),
    'a folder': (path) => mkdirSync(path),
  };
  const cases = Object.keys(PLACES).flatMap((kind) =>
    Object.entries(makers).map(([what, make]) => {
      const place = placeFor(kind, what);
      make(place.file);
      return place;
    }),
  );
  assert.equal(spawnSync('mkfifo', pipes).status, 0);
  const writers = held.map((path) => openSync(path, constants.O_RDWR | constants.O_NONBLOCK));
  const servers = await Promise.all(
    sockets.map(
      (path) =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(path, () => resolve(server));
        }),
    ),
  );
  try {
    assertRefused(cases);
  } finally {
    for (const writer of writers) closeSync(writer);
    for (const server of servers) server.close();
  }
});

test('sparse files of 4 GB are refused by their first bytes', () => {
  const cases = Object.keys(PLACES).flatMap((kind) =>
    Object.entries({
      zeros: Buffer.alloc(0),
      'gzip and zeros': Buffer.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3),
      'an IDX header and zeros': Buffer.of(0, 0, 8, 1, 0, 0, 0, 40),
    }).map(([what, start]) => {
      const place = placeFor(kind, what);
      writeFileSync(place.file, start);
      truncateSync(place.file, 2 ** 32);
      return place;
    }),
  );
  assertRefused(cases);
});
