/**
 * Protects drawings from other sources: Quick, Draw!, a drawing page, Pendigits' text. All formats give the same
 * strokes. Invalid input is refused with file, line, stroke and point.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { type LabelledDrawing, parseDrawing } from '#src/data/pens/drawing-json.js';
import { PenTextReader } from '#src/data/pens/pen-text.js';
import { loadStrokes } from '#src/data/strokes/stroke-datasets.js';
import { movesOf } from '#src/data/strokes/stroke-examples.js';
import { loadStrokeSamples } from '#src/data/strokes/stroke-samples.js';
import { drawingToStrokes } from '#src/ink/drawing.js';
import { UserError } from '#src/user-error.js';

const refused = (run: () => unknown, message: RegExp) =>
  assert.throws(run, (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, message);
    return true;
  });

/** A made-up drawing: an L with a bar across. */
const L: [number[], number[]][] = [
  [
    [10, 10, 40],
    [5, 60, 62],
  ],
  [
    [2, 30],
    [20, 25],
  ],
];
const plain = ({ drawing, label }: LabelledDrawing) => ({
  label,
  strokes: drawing.strokes.map(({ xs, ys }) => [[...Array.from(xs)], [...Array.from(ys)]]),
});

describe('a drawing as JSON', () => {
  const same: [string, unknown][] = [
    ['columns', { strokes: L.map(([x, y]) => ({ x, y })) }],
    ['columns with times', { strokes: L.map(([x, y]) => ({ x, y, t: x.map((_, n) => 10 * n) })) }],
    ['points as lists', { strokes: L.map(([x, y]) => x.map((_, n) => [x[n], y[n]])) }],
    ['points as objects', { strokes: L.map(([x, y]) => x.map((_, n) => ({ x: x[n], y: y[n], t: n }))) }],
    ['Quick, Draw!, simplified', { drawing: L, recognized: true, key_id: '1', countrycode: 'NL' }],
    ['Quick, Draw!, raw', { drawing: L.map(([x, y]) => [x, y, x.map((_, n) => n * 16.7)]) }],
  ];
  for (const [name, value] of same) {
    test(name, () => {
      assert.deepEqual(plain(parseDrawing(JSON.parse(JSON.stringify(value)), 'd')), {
        label: null,
        strokes: L,
      });
    });
  }

  test('labels', () => {
    for (const [value, label] of [
      [{ strokes: [], label: '7' }, '7'],
      [{ strokes: [], label: 7 }, '7'],
      [{ drawing: [], word: 'cat' }, 'cat'],
      [{ strokes: [], label: null }, null],
    ] as const) {
      assert.equal(parseDrawing(value, 'd').label, label);
    }
  });

  const wrong: [unknown, RegExp][] = [
    [null, /^d: expected an object with "strokes" or "drawing", found "null"/],
    [[], /expected an object/],
    [{}, /expected a list "strokes" .* found nothing/],
    [{ strokes: 'x' }, /found "\\"x\\""/],
    [{ strokes: [5] }, /d: stroke 0: expected \{ x: \[\], y: \[\] \} or a list of points, found "5"/],
    [{ strokes: [{ x: [1] }] }, /stroke 0: expected a list of y, found nothing/],
    [{ strokes: [{ x: [1, 2], y: [1] }] }, /stroke 0 has 2 x and 1 y/],
    [{ strokes: [[[1, 2], [1]]] }, /stroke 0: point 1: expected \[x, y\]/],
    [{ strokes: [[{ x: 1, y: null }]] }, /stroke 0: point 0/],
    [{ strokes: [{ x: ['1'], y: [2] }] }, /point 0: expected finite numbers/],
    [{ strokes: [{ x: [Number.NaN], y: [2] }] }, /point 0/],
    [{ strokes: [{ x: [1e10], y: [2] }] }, /point 0/],
    [{ drawing: [[[1, 2]]] }, /stroke 0: expected \[\[x …\], \[y …\]\]/],
    [{ drawing: [[[1], 'y']] }, /stroke 0: expected a list of y/],
    [{ strokes: [], label: {} }, /d: label: expected a text/],
    [{ strokes: [], label: '' }, /d: label/],
    [{ strokes: [], label: 'x'.repeat(201) }, /d: label/],
    [{ strokes: Array(10_001).fill([]) }, /10001 strokes; at most 10000/],
    [{ strokes: [{ x: Array(100_001).fill(1), y: Array(100_001).fill(1) }] }, /more than 100000 points/],
    [
      { strokes: Array(11).fill({ x: Array(10_000).fill(1), y: Array(10_000).fill(1) }) },
      /more than 100000 points/,
    ],
  ];
  for (const [value, message] of wrong) {
    test(`refused: ${message.source.slice(0, 50)}`, () => refused(() => parseDrawing(value, 'd'), message));
  }

  test('any JSON gives a drawing or a UserError', () => {
    const stroke = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.record({ x: fc.array(fc.integer()), y: fc.array(fc.integer()) }),
      fc.array(fc.tuple(fc.integer(), fc.integer())),
    );
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 4 }),
      fc.record({ strokes: fc.array(stroke), label: fc.jsonValue() }, { requiredKeys: [] }),
      fc.record({ drawing: fc.array(stroke), word: fc.jsonValue() }, { requiredKeys: [] }),
    );
    fc.assert(
      fc.property(value, (json) => {
        try {
          const rows = drawingToStrokes(parseDrawing(json, 'd').drawing);
          assert.ok(rows.length % 4 === 0 && rows.length > 0);
        } catch (error) {
          assert.ok(error instanceof UserError, String(error));
        }
      }),
      { seed: 4, numRuns: 1000 },
    );
  });
});

describe('text with pen-down and pen-up', () => {
  const read = (text: string) => {
    const found: LabelledDrawing[] = [];
    const reader = new PenTextReader('p.tra', (drawing) => found.push(drawing));
    text.split('\n').forEach((line, n) => {
      reader.line(line, n + 1);
    });
    reader.end();
    return found.map(plain);
  };
  const PENDIGITS = `.INCLUDE dene.doc
.LEXICON "0" "1"
.HIERARCHY DIGIT

.SEGMENT DIGIT 0-1 ? "8"
.COMMENT 8 12 1
.PEN_DOWN
  266   443
  260 440  512
.PEN_UP
.DT 100
1 2
.PEN_DOWN
7 1\r
.PEN_UP
.SEGMENT DIGIT 2 ? "1"
.PEN_DOWN
-1 -2.5
.PEN_UP
`;

  test('Pendigits: labels, strokes, y upwards', () => {
    assert.deepEqual(read(PENDIGITS), [
      {
        label: '8',
        strokes: [
          [
            [266, 260],
            [-443, -440],
          ],
          [[7], [-1]],
        ],
      },
      { label: '1', strokes: [[[-1], [2.5]]] },
    ]);
    assert.deepEqual(read(''), []);
  });

  for (const [text, message] of [
    ['.PEN_DOWN\n1 2\n', /^p\.tra:1: \.PEN_DOWN before any \.SEGMENT/],
    ['.SEGMENT DIGIT 0\n', /^p\.tra:1: expected a label in quotes/],
    ['.SEGMENT DIGIT 0 ? ""\n', /label in quotes/],
    ['.SEGMENT D 0 ? "1"\n.PEN_DOWN\n1\n.PEN_UP', /^p\.tra:3: expected a point, two numbers x y, found "1"/],
    ['.SEGMENT D 0 ? "1"\n.PEN_DOWN\n1 NaN\n.PEN_UP', /p\.tra:3/],
    ['.SEGMENT D 0 ? "1"\n.PEN_DOWN\n0x10 1\n.PEN_UP', /p\.tra:3/],
    ['.SEGMENT D 0 ? "1"\n.PEN_DOWN\n1 1e99\n.PEN_UP', /p\.tra:3/],
    ['.SEGMENT D 0 ? "1"\n.PEN_DOWN\n1 1\n', /^p\.tra: ends with the pen down/],
    [`.SEGMENT D 0 ? "1"\n.PEN_DOWN\n${'1 1\n'.repeat(100_001)}`, /p\.tra:100003: more than 100000 points/],
  ] as const) {
    test(`refused: ${message.source.slice(0, 50)}`, () => refused(() => read(text), message));
  }
});

describe('data sets of drawings', () => {
  let parent = '';
  beforeEach(async () => {
    parent = await fs.mkdtemp(join(tmpdir(), 'scanstroke-pens-'));
    process.env.SCANSTROKE_CACHE = join(parent, 'cache');
  });
  afterEach(async () => {
    delete process.env.SCANSTROKE_CACHE;
    await fs.rm(parent, { recursive: true });
  });

  const bar = (n: number) => ({
    drawing: [
      [
        [0, 10 + n],
        [0, 1],
      ],
    ],
  });
  const lines = (values: object[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('');
  async function write(files: Record<string, string>): Promise<string> {
    const folder = join(parent, 'drawn');
    await fs.rm(folder, { recursive: true, force: true });
    await fs.mkdir(folder);
    for (const [name, text] of Object.entries(files)) await fs.writeFile(join(folder, name), text);
    return folder;
  }
  const rejected = (promise: Promise<unknown>, message: RegExp) =>
    assert.rejects(promise, (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, message);
      return true;
    });

  test('one file per class: every seventh drawing is test data', async () => {
    const folder = await write({
      'dogs.ndjson': lines(Array.from({ length: 14 }, (_, n) => bar(n))),
      'cats.ndjson': lines(Array.from({ length: 8 }, (_, n) => ({ word: 'cat', ...bar(n) }))),
      'README.md': 'not a drawing',
    });
    const dataset = await loadStrokes(folder);
    assert.deepEqual(dataset.classes, ['cat', 'dogs']);
    assert.deepEqual([...dataset.train.labels].sort().join(''), '0'.repeat(7) + '1'.repeat(12));
    assert.deepEqual([...dataset.test.labels], [0, 1, 1]);
    const { drawing } = parseDrawing(bar(6), 'd');
    assert.deepEqual(movesOf(dataset.test, 0), drawingToStrokes(drawing));
    assert.equal(dataset.name, 'drawn');
  });

  test('what names of files say beside the class is no part of it', async () => {
    const bars = lines([0, 1, 2].map(bar));
    const names = ['full_simplified_cat', 'dogs', 'test-cat', 'dogs.test', 'test_full_raw_cat', 'test'];
    const folder = await write(Object.fromEntries(names.map((name) => [`${name}.ndjson`, bars])));
    await rejected(loadStrokes(folder), /the class "test" is/);
    await fs.rm(join(folder, 'test.ndjson'));
    const { classes, train, test: held } = await loadStrokes(folder);
    assert.deepEqual([classes, train.count, held.count], [['cat', 'dogs'], 6, 9]);
  });

  test('Pendigits: .tra is training data, .tes is test data; classes are in numerical order', async () => {
    const digit = (label: number) => `.SEGMENT DIGIT 0 ? "${label}"\n.PEN_DOWN\n 0 0\n ${label} 9\n.PEN_UP\n`;
    const folder = await write({
      'pendigits-orig.tra': [10, 9, 2].map(digit).join(''),
      'pendigits-orig.tes': [9].map(digit).join(''),
    });
    const { classes, train, test: held } = await loadStrokes(folder);
    assert.deepEqual(classes, ['2', '9', '10']);
    assert.deepEqual([[...train.labels], [...held.labels]], [[2, 1, 0], [1]]);
  });

  test('order pen follows the pen, and has a separate cache', async () => {
    const there = {
      label: 'a',
      strokes: [
        [
          [0, 0],
          [9, 0],
        ],
      ],
    };
    const back = {
      label: 'b',
      strokes: [
        [
          [9, 0],
          [0, 0],
        ],
      ],
    };
    const file = join(
      await write({ 'test.json': JSON.stringify([there, back]), 'a.jsonl': lines([there, back]) }),
      '',
    );
    const toured = await loadStrokes(file);
    assert.deepEqual(movesOf(toured.train, 0), movesOf(toured.train, 1));
    for (let time = 0; time < 2; time++) {
      const { train } = await loadStrokes(file, { order: 'pen' });
      assert.ok(movesOf(train, 0)[0] < movesOf(train, 1)[0]);
      assert.equal(movesOf(train, 0)[4], 1);
      assert.equal(movesOf(train, 1)[4], -1);
    }
    assert.equal((await fs.readdir(join(parent, 'cache'))).length, 2);
    const { samples } = await loadStrokeSamples(file, { part: 'train', count: 2, order: 'pen' });
    assert.equal(samples[1].image, null);
    assert.equal((await loadStrokeSamples(file, { part: 'train', count: 2 })).samples[1].image?.length, 784);
  });

  test('drawings without strokes are left out and named, and so are classes without drawings, also from the cache', async () => {
    const empty = { word: 'cat', drawing: [] };
    const file = await write({
      'cats.ndjson': lines([
        { ...bar(0), word: 'cat' },
        empty,
        ...[1, 2].map((n) => ({ ...bar(n), word: 'cat' })),
      ]),
      'dogs.ndjson': lines([0, 1, 2].map(bar)),
      'emus.ndjson': '',
      'list.json': JSON.stringify([{ strokes: [{ x: [], y: [] }], label: 'dogs' }]),
      'text.tra': '.SEGMENT DIGIT 0 ? "cat"\n.SEGMENT DIGIT 1 ? "7"\n.PEN_DOWN\n.PEN_UP\n',
    });
    for (const order of ['tour', 'pen'] as const) {
      for (const how of ['made', 'cached']) {
        const said: string[] = [];
        const {
          classes,
          train,
          test: held,
        } = await loadStrokes(file, { order, onNotice: (line) => said.push(line) });
        assert.deepEqual(classes, ['cat', 'dogs'], how);
        assert.deepEqual([train.count, held.count], [4, 2]);
        assert.deepEqual(
          said.map((line) => line.replaceAll(file, '…')),
          [
            'drawn: 4 drawings without strokes left out: …/cats.ndjson:2, …/list.json: drawing 0, …/text.tra:1 and 1 more',
            'drawn: the class "emus" without drawings left out: the network will not know it',
          ],
          how,
        );
      }
    }
  });

  test('order pen is refused for images and the archive', async () => {
    await rejected(loadStrokes('mnist', { order: 'pen' }), /the strokes of mnist have no pen order/);
  });

  test('errors name bad lines, missing parts, and classes that only the test data have', async () => {
    const bars = lines(Array.from({ length: 7 }, (_, n) => bar(n)));
    for (const [files, message] of [
      [{ 'a.ndjson': `${bars}{"drawing": [[[1], [2]]\n` }, /drawn\/a\.ndjson:8: not valid JSON/],
      [
        { 'a.ndjson': `${bars}{"drawing": [[[1], ["2"]]]}\n` },
        /a\.ndjson:8: stroke 0: point 0: expected finite/,
      ],
      [{ 'a.ndjson': `${'['.repeat(100_000)}\n` }, /a\.ndjson:1: nested deeper than 32/],
      [{ 'a.ndjson': `[${'x'.repeat(5_000_000)}` }, /a\.ndjson:1: longer than 4194304 letters/],
      [{ 'a.ndjson': lines([bar(1)]) }, /1 to train and 0 to test; each part needs at least one/],
      [{ 'a.ndjson': '' }, /0 to train and 0 to test/],
      [
        { 'a.ndjson': bars, 'test.ndjson': lines([{ word: 'b', ...bar(1) }]) },
        /class "b" is in the test alone/,
      ],
      [{ 'a.json': '{"strokes": [[[1, 2], [3]]]}' }, /a\.json: stroke 0: point 1/],
      [{ 'a.json': '[{"strokes": []}, 5]' }, /a\.json: drawing 1: expected an object/],
      [{ 'a.tra': '.SEGMENT D 0 ? "1"\n.PEN_DOWN\n1\n' }, /a\.tra:3: expected a point/],
      [
        { 'a.ndjson': Array.from({ length: 300 }, (_, n) => lines([{ word: `w${n}`, ...bar(n) }])).join('') },
        /300 classes; at most 256/,
      ],
    ] as [Record<string, string>, RegExp][]) {
      await rejected(loadStrokes(await write(files)), message);
    }
  });
});
