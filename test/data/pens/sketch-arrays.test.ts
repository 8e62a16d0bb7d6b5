/**
 * Protects sketch-rnn's files: arrays of arrays, pickled by Python 2 and 3 (test/fixtures/sketch-rnn/make.py), give drawings
 * with their parts; nothing else than arrays of whole numbers is read, and nothing is executed.
 */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sketchDrawings } from '#src/data/pens/sketch-arrays.js';
import { loadStrokes } from '#src/data/strokes/stroke-datasets.js';
import { movesOf, type StrokeExamples } from '#src/data/strokes/stroke-examples.js';
import { pickledArrays } from '#src/formats/pickle/numpy-arrays.js';
import { movesToStrokes } from '#src/ink/render-strokes.js';
import { UserError } from '#src/user-error.js';
import {
  BUILD,
  type Code,
  EMPTY_TUPLE,
  FALSE,
  global,
  int,
  list,
  pickle,
  REDUCE,
  text,
  tuple,
} from '../../exchange/pytorch/pickle-bytes.js';

const fixtures = fileURLToPath(new URL('../../../../test/fixtures/sketch-rnn/', import.meta.url));
const NAMES = ['python2', 'protocol2', 'protocol3', 'protocol4'];
const parent = mkdtempSync(join(tmpdir(), 'sketches-'));

before(() => {
  process.env.SCANSTROKE_CACHE = join(parent, 'cache');
});
after(() => {
  delete process.env.SCANSTROKE_CACHE;
  rmSync(parent, { recursive: true });
});

const refused = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof UserError, String(error));
  assert.match(error.message, message);
  return true;
};

for (const name of NAMES) {
  test(`${name}.npz: every sketch with its strokes and its part`, async () => {
    const found: { part: unknown; strokes: number[][][] }[] = [];
    const named = (drawing: { drawing: { strokes: unknown } }) => ({ ...drawing, label: 'x' }) as never;
    for await (const { drawings } of sketchDrawings(join(fixtures, `${name}.npz`), named)) {
      for (const each of drawings) {
        assert.ok('drawing' in each, JSON.stringify(each));
        const strokes = each.drawing.strokes.map(({ xs, ys }) => [Array.from(xs), Array.from(ys)]);
        found.push({ part: each.part, strokes });
      }
    }
    assert.deepEqual(
      ['train', 'validation', 'test'].map((part) => found.filter((each) => each.part === part).length),
      [12, 4, 5],
    );
    assert.equal(found[0].strokes[2][0].length, 60);
    assert.deepEqual(found[3].strokes, [
      [
        [7, 122, 122],
        [3, 3, 118],
      ],
      [
        [7, 7],
        [129, 172],
      ],
    ]);
  });
}

test('a folder of such files is a data set with the parts of the files; nothing of them is left unpacked', async () => {
  const folder = join(parent, 'npz');
  mkdirSync(folder);
  copyFileSync(join(fixtures, 'python2.npz'), join(folder, 'cat.npz'));
  copyFileSync(join(fixtures, 'protocol4.npz'), join(folder, 'dog.full.npz'));
  const plain = (part: StrokeExamples, label: number) =>
    Array.from({ length: part.count }, (_, i) => i)
      .filter((i) => part.labels[i] === label)
      .map((i) => JSON.stringify(movesToStrokes(movesOf(part, i)).map(({ xs, ys }) => [[...xs], [...ys]])))
      .sort();
  const {
    classes,
    train,
    test: held,
    validation,
  } = await loadStrokes(folder, { order: 'points', threads: 2 });
  assert.deepEqual([classes, train.count, held.count, validation?.length], [['cat', 'dog'], 32, 10, 8]);
  assert.deepEqual(plain(train, 0), plain(train, 1));
  assert.deepEqual(plain(held, 0), plain(held, 1));
  for (const name of readdirSync(join(parent, 'cache'))) {
    assert.deepEqual(readdirSync(join(parent, 'cache', name)), ['test.safetensors', 'train.safetensors']);
  }
  const few = await loadStrokes(folder, { order: 'points', perClass: { train: 3, validation: 2, test: 1 } });
  assert.deepEqual([few.train.count, few.validation?.length, few.test.count], [10, 4, 2]);
});

test('other arrays are refused with the way out', async () => {
  const path = join(fixtures, '../tables');
  const npz = readdirSync(path).find((name) => name.endsWith('.npz'));
  assert.ok(npz);
  const named = () => assert.fail('no drawing');
  await assert.rejects(
    async () => {
      for await (const _ of sketchDrawings(join(path, npz), named));
    },
    refused(/expected the arrays train, valid and test of sketch-rnn's files, found /),
  );
  writeFileSync(join(parent, 'cut.npz'), 'PK');
  await assert.rejects(loadStrokes(join(parent, 'cut.npz'), { order: 'points' }), refused(/ZIP archive/));
});

/** An array of NumPy's with a state. */
const array = (...state: Code[]): Code => [
  ...global('numpy.core.multiarray', '_reconstruct'),
  ...EMPTY_TUPLE,
  ...REDUCE,
  ...tuple(...state),
  ...BUILD,
];
const dtype = (name: string, order: string): Code => [
  ...global('numpy', 'dtype'),
  ...tuple(text(name), int(0), int(1)),
  ...REDUCE,
  ...tuple(int(3), text(order)),
  ...BUILD,
];
const numbers = (shape: number[], type: string, bytes: number): Code =>
  array(int(1), tuple(...shape.map(int)), dtype(type, '<'), FALSE, [
    0x43,
    bytes,
    ...new Array(bytes).fill(1),
  ]);
const outer = (...items: Code[]): Code =>
  array(int(1), tuple(int(items.length)), dtype('O8', '|'), FALSE, list(...items));

test('arrays of whole numbers are read, others are named', () => {
  const read = (code: Code) => pickledArrays(pickle(code), 'a', 0).map((each) => each());
  const [one, two] = read(outer(numbers([1, 3], 'i2', 6), numbers([2, 3], 'i4', 24)));
  assert.deepEqual([...one.values], [257, 257, 257]);
  assert.deepEqual([two.rows, two.columns, two.values.length], [2, 3, 6]);
  const refusals: [Code, RegExp][] = [
    [outer(numbers([2, 3], 'i2', 6)), /a: array 0: \[2, 3\] of 2 bytes each, but there are 6 bytes/],
    [outer(numbers([1, 3], 'f8', 24)), /expected int16 or int32, found the type .<f8/],
    [outer(numbers([3], 'i2', 6)), /expected \[rows, columns\]/],
    [outer(text('x')), /array 0: expected an array, found a text/],
    [numbers([1, 3], 'i2', 6), /expected a list of arrays, found 6 bytes/],
    [text('x'), /a: expected an array/],
    [
      [...global('os', 'system'), ...tuple(text('true')), ...REDUCE],
      /Python would call .os\.system.*no data need.*executed nothing/,
    ],
    [[...global('numpy', 'load'), ...tuple(text('x')), ...REDUCE], /made without .numpy\.load/],
  ];
  for (const [code, message] of refusals) assert.throws(() => read(code), refused(message));
});
