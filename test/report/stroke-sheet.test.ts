/** Protects the contact sheet of strokes: every sample has its panels, for any strokes and names. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { renderPng } from '#src/report/charts/chart-files.js';
import { type SheetEntry, sheetSvg } from '#src/report/stroke-sheet.js';
import { assertTextsApart, assertWellFormed } from './svg.js';

const stroke = (...points: [number, number][]) => ({
  xs: points.map(([x]) => x),
  ys: points.map(([, y]) => y),
});

function entry(changes: Partial<SheetEntry> = {}): SheetEntry {
  const thinned = new Uint8Array(28 * 28);
  for (let n = 5; n < 20; n++) thinned[n * 28 + n] = 1;
  return {
    label: 3,
    index: 41,
    steps: 17,
    width: 28,
    height: 28,
    thinned,
    picture: { width: 28, height: 28, channels: 1, pixels: thinned.map((ink) => 255 * ink) },
    strokes: [stroke([5, 5], [6, 6], [7, 7]), stroke([10, 10], [11, 11])],
    ...changes,
  };
}

const sheet = (entries: SheetEntry[], classes = ['a', 'b', 'c', 'three']) =>
  sheetSvg({ title: 'Strokes', note: 'A note.', entries, classes });

test('a column for each sample: name, number of steps, image, thinned image, strokes', async () => {
  const { svg, width, height } = sheet([entry(), entry({ label: 0, index: 7, steps: 1 })]);
  assertWellFormed(svg);
  assertTextsApart(svg);
  for (const text of [
    'Strokes',
    'A note.',
    'three',
    '17 steps, #41',
    'a',
    '1 step, #7',
    'image',
    'thinned',
    'strokes',
  ]) {
    assert.ok(svg.includes(`>${text}</text>`), text);
  }
  assert.equal(svg.match(/<image /g)?.length, 2);
  assert.ok(svg.includes(`viewBox="0 0 ${width} ${height}"`));
  // The width and height in the header of a PNG, which is drawn twice as large.
  const png = Buffer.from(await renderPng({ width, height }, svg));
  assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [2 * width, 2 * height]);
});

test('without images there is no row of images', () => {
  const { svg } = sheet([entry({ picture: null })]);
  assert.ok(!svg.includes('<image ') && !svg.includes('>image</text>'));
});

test('a row for each epoch: the varied strokes, clipped at the frame, on the thinned image', () => {
  const variations = [1, 2].map((epoch) => ({ epoch, strokes: [stroke([0.5, epoch], [90.25, 2])] }));
  const entries = [entry({ variations }), entry({ variations })];
  const { svg, height } = sheetSvg({ title: 'T', note: 'N', details: 'rotation 8', entries, classes: [] });
  assertWellFormed(svg);
  assertTextsApart(svg);
  for (const text of ['epoch 1', 'epoch 2', 'rotation 8']) assert.ok(svg.includes(`>${text}</text>`), text);
  const frames = [
    ...svg.matchAll(
      /<svg x="(\d+)" y="(\d+)" width="96" height="96" viewBox="(\d+) (\d+) 96 96">(.*?)<\/svg>/g,
    ),
  ];
  assert.equal(frames.length, 4);
  for (const [, x, y, left, top, drawn] of frames) {
    assert.deepEqual([left, top], [x, y]);
    assert.match(drawn, /<path .*<circle /);
  }
  // Position of the ring at the first point, in pixels of the picture: it differs between the epochs.
  const begins = frames.map(([, x, y, , , drawn]) => {
    const [, cx, cy] = /<circle cx="([\d.]+)" cy="([\d.]+)"[^>]*stroke=/.exec(drawn) ?? [];
    return [Number(cx) - Number(x), Number(cy) - Number(y)].map((at) => ((at * 28) / 96 - 0.5).toFixed(1));
  });
  const [first, second] = [
    ['0.5', '1.0'],
    ['0.5', '2.0'],
  ];
  assert.deepEqual(begins, [first, second, first, second]);
  const plain = sheet([entry(), entry()]);
  assert.equal(height - plain.height, 22 + 2 * (96 + 12));
});

test('25 samples are three bands of up to ten', () => {
  const [one, three] = [10, 25].map((count) => sheet(Array.from({ length: count }, () => entry())));
  assert.equal(one.width, three.width);
  assert.ok(three.height > 2.5 * (one.height - 104));
  assertTextsApart(three.svg);
});

test('any strokes and names give a well-formed picture without NaN', () => {
  const anyStroke = fc
    .array(fc.tuple(fc.integer({ min: -5, max: 40 }), fc.integer({ min: -5, max: 40 })), { minLength: 1 })
    .map((points) => stroke(...points));
  const anyEntry = fc
    .record({
      strokes: fc.array(anyStroke, { maxLength: 4 }),
      label: fc.nat(5),
      index: fc.nat(),
      steps: fc.nat(),
    })
    .map((changes) => entry(changes));
  fc.assert(
    fc.property(
      fc.array(anyEntry, { maxLength: 4 }),
      fc.array(fc.string({ unit: 'binary' })),
      (entries, classes) => {
        const { svg } = sheetSvg({ title: classes.join(''), note: '<&>', entries, classes });
        assertWellFormed(svg);
        assert.doesNotMatch(svg.replace(/data:[^"]*/g, ''), /NaN|Infinity|undefined/);
      },
    ),
    { seed: 2, numRuns: 60 },
  );
});
