/**
 * Protects data sets of drawings that stay on the disk: the same for any number of threads and both of Quick, Draw!'s
 * formats; counts per class; mixed classes; lines that are no drawings; an interrupted conversion and a damaged cache.
 */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { className, madeDrawing } from '#bench/quickdraw/made-drawings.js';
import { makeQuickdraw } from '#bench/quickdraw/make-quickdraw.js';
import { openReadAhead } from '#src/data/sequences/read-ahead.js';
import type { Progress } from '#src/data/strokes/files/stroke-archive.js';
import { type LoadStrokesOptions, loadStrokes } from '#src/data/strokes/stroke-datasets.js';
import { movesOf, type StrokeExamples } from '#src/data/strokes/stroke-examples.js';
import { DEFAULT_STROKE_PREPROCESSING } from '#src/data/strokes/stroke-preprocessing.js';
import { pointMoves } from '#src/ink/simplify.js';
import { UserError } from '#src/user-error.js';

const parent = mkdtempSync(join(tmpdir(), 'stored-drawings-'));
const lines = join(parent, 'lines');
const binary = join(parent, 'binary');
const cache = join(parent, 'cache');

before(async () => {
  const making = { drawings: 2000, classes: 5, seed: 1 };
  await makeQuickdraw({ ...making, out: lines, format: 'ndjson' });
  await makeQuickdraw({ ...making, out: binary, format: 'bin' });
});
beforeEach(() => {
  process.env.SCANSTROKE_CACHE = cache;
  rmSync(cache, { recursive: true, force: true });
});
after(() => {
  delete process.env.SCANSTROKE_CACHE;
  rmSync(parent, { recursive: true });
});

const load = (path: string, options: LoadStrokesOptions = {}) =>
  loadStrokes(path, { order: 'points', threads: 1, ...options });
const plain = (part: StrokeExamples) =>
  Array.from({ length: part.count }, (_, i) => `${part.labels[i]} ${movesOf(part, i).join()}`);
const refused = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof UserError, String(error));
  assert.match(error.message, message);
  return true;
};

test('every drawing is there once, with its class; a block has drawings of all classes', async () => {
  const { train, test: held, classes, width, validation } = await load(lines);
  assert.deepEqual(classes, [0, 1, 2, 3, 4].map(className));
  assert.deepEqual([width, train.count + held.count, held.count, validation], [256, 2000, 5 * 57, undefined]);
  const found = new Set([...plain(train), ...plain(held)]);
  for (let k = 0; k < 5; k++) {
    for (let index = 0; index < 400; index++) {
      assert.ok(found.has(`${k} ${pointMoves(madeDrawing(1, k, index)).join()}`), `${k}, ${index}`);
    }
  }
  assert.equal(new Set(Array.from(train.labels.subarray(0, 60))).size, 5);
});

test('threads and format change nothing; the second time the cache is read', async () => {
  const first = await load(lines);
  const names = readdirSync(cache);
  const progress: Progress[] = [];
  const again = await load(lines, { onProgress: (now) => progress.push(now) });
  assert.deepEqual([readdirSync(cache), progress], [names, []]);
  assert.deepEqual(plain(again.train), plain(first.train));
  const other = await load(binary, { threads: 3, onProgress: (now) => progress.push(now) });
  assert.deepEqual([plain(other.train), plain(other.test)], [plain(first.train), plain(first.test)]);
  const { done, total, what } = progress.at(-1) as Progress;
  assert.deepEqual([done, what], [total, 'converting binary']);
  assert.equal(readdirSync(cache).length, 2);
});

test('counts per class: the first drawings of each, and files are not read further', async () => {
  const perClass = { train: 30, validation: 7, test: 5 };
  const { train, test: held, validation } = await load(lines, { perClass });
  assert.deepEqual([train.count, validation?.length, held.count], [5 * 37, 5 * 7, 5 * 5]);
  const ofValidation = new Set(Array.from(validation ?? [], (i) => plain(train)[i]));
  for (let k = 0; k < 5; k++) {
    for (let index = 0; index < 37; index++) {
      const text = `${k} ${pointMoves(madeDrawing(1, k, index)).join()}`;
      assert.equal(ofValidation.has(text), index >= 30, `${k}, ${index}`);
    }
  }
  await assert.rejects(
    load(lines, { perClass: { train: 400, validation: 1, test: 1 } }),
    refused(/each part needs at least one/),
  );
  await assert.rejects(loadStrokes(lines, { order: 'pen', perClass }), refused(/stroke order points only/));
});

test('several files, and a file with drawings of several classes', async () => {
  const [one, two] = [0, 1].map((k) => join(lines, `${className(k)}.ndjson`));
  const { classes, train } = await load(`${one},${two}`);
  assert.deepEqual([classes, train.count], [[0, 1].map(className), 2 * 343]);
  const mixed = join(parent, 'mixed.ndjson');
  const line = (word: string, x: number) =>
    `${JSON.stringify({
      word,
      drawing: [
        [
          [0, x],
          [0, 255],
        ],
      ],
    })}\n`;
  writeFileSync(mixed, Array.from({ length: 40 }, (_, n) => line(n < 20 ? 'cat' : 'dog', n)).join(''));
  const both = await load(mixed, { perClass: { train: 10, validation: 2, test: 2 } });
  const notices: string[] = [];
  await load(`${mixed},${one}`, {
    perClass: { train: 18, validation: 1, test: 9 },
    onNotice: (each) => notices.push(each),
  });
  assert.match(
    notices.join(),
    /2 of 3 classes have fewer than the 28 drawings that were asked for; "cat" has 20$/,
  );
  assert.deepEqual([both.classes, both.train.count, both.test.count], [['cat', 'dog'], 24, 4]);
});

test('lines that are no drawings are left out, counted and named, also from the cache; too many are an error', async () => {
  const path = join(parent, 'some.ndjson');
  const good = Array.from({ length: 40 }, (_, n) =>
    JSON.stringify({
      word: n % 2 ? 'a' : 'b',
      drawing: [
        [
          [n, 9],
          [0, 255],
        ],
      ],
    }),
  );
  writeFileSync(path, [...good, 'no JSON', '{"word":"a","drawing":[]}', ''].join('\n'));
  for (let time = 0; time < 2; time++) {
    const notices: string[] = [];
    const { train, test: held } = await load(path, { onNotice: (line) => notices.push(line) });
    assert.equal(train.count + held.count, 40);
    assert.match(
      notices.join(),
      /2 lines or records are no drawings and are left out; the first: .*some\.ndjson:41: /,
    );
  }
  appendFileSync(path, 'x\n'.repeat(5));
  await assert.rejects(
    load(path),
    refused(/7 of the first 47 lines or records are no drawings, more than a tenth: .*:41: /),
  );
  assert.equal(readdirSync(cache).length, 1);
});

test('a damaged or foreign .bin file is refused with the byte', async () => {
  const path = join(parent, 'cut.bin');
  writeFileSync(path, Buffer.alloc(100, 0xff));
  await assert.rejects(
    load(path),
    refused(/cut\.bin: byte 0: expected a drawing in Quick, Draw!'s binary form, found 255/),
  );
});

test('an interrupted conversion leaves nothing; a damaged cache is made again', async () => {
  const stop = new AbortController();
  const why = new Error('stopped');
  const onProgress = () => stop.abort(why);
  await assert.rejects(load(lines, { signal: stop.signal, onProgress }), why);
  assert.deepEqual(readdirSync(cache), []);
  const first = plain((await load(lines)).train);
  const [name] = readdirSync(cache);
  const file = join(cache, name, 'train.safetensors');
  truncateSync(file, 2 ** 20 + 5);
  assert.deepEqual(plain((await load(lines)).train), first);
  assert.ok(existsSync(file));
});

test('blocks are read ahead without an effect on anything', async () => {
  const { train: examples, name } = await load(lines);
  const data = { kind: 'strokes', name, examples, preprocessing: DEFAULT_STROKE_PREPROCESSING } as const;
  const ahead = openReadAhead(
    data,
    Int32Array.from({ length: examples.count }, (_, n) => n),
  );
  ahead?.advance(0);
  ahead?.advance(500);
  assert.ok(ahead);
  const memory = { ...examples, moves: new Int16Array(8) };
  assert.equal(openReadAhead({ ...data, examples: memory }, new Int32Array(1)), null);
});
