/**
 * Protects sorted strokes: they do not depend on how a drawing was drawn; training, variation, recognition and written
 * files agree on them; they are stored with the model.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NO_AUGMENTATION } from '#src/data/augmentation.js';
import { KINDS, readPreprocessing } from '#src/data/kinds.js';
import { sequenceIn } from '#src/data/sequences/sequence.js';
import { openAugmented, openSequences } from '#src/data/sources.js';
import { redrawnStrokes, sortedStrokes } from '#src/data/strokes/redrawn-strokes.js';
import { StrokeSorter } from '#src/data/strokes/sort-strokes.js';
import { concatenateStrokes, movesOf } from '#src/data/strokes/stroke-examples.js';
import { ARRIVAL, StrokePoints } from '#src/data/strokes/stroke-points.js';
import { DEFAULT_STROKE_PREPROCESSING } from '#src/data/strokes/stroke-preprocessing.js';
import { imageToStrokes } from '#src/ink/image-to-strokes.js';
import { prepareInput } from '#src/recognize/prepare-input.js';
import { digits } from '../../ink/images.js';
import {
  anyDrawing,
  type Drawing,
  dataOf,
  drawingOf,
  openVaried,
  type Place,
  readAlone,
  straight,
} from './stroke-drawings.js';

const SORTED = { ...DEFAULT_STROKE_PREPROCESSING, sorted: true } as const;
const SIDE = 28;

/** One stroke, rotated about the middle of the picture. */
function pointsOf(places: readonly Place[], degrees: number): StrokePoints {
  const points = new StrokePoints(places.length);
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  points.count = places.length;
  places.forEach(([x, y], n) => {
    const [u, v] = [x - SIDE / 2, y - SIDE / 2];
    points.xs[n] = SIDE / 2 + cos * u - sin * v;
    points.ys[n] = SIDE / 2 + sin * u + cos * v;
    points.arrival[n] = n === 0 ? ARRIVAL.penUp : ARRIVAL.drawn;
  });
  return points;
}

/** A drawing as the network reads it. */
function sorted(drawing: Drawing): Drawing {
  return drawingOf(readAlone(openSequences({ kind: 'strokes', ...dataOf([drawing], SORTED) }), 0));
}

test('the first stroke begins at the top or left, each other one at the end that is nearest to the pen', () => {
  const bar = straight(6, [5, 12]);
  const down = straight(8, [20, 3], [0, 1]);
  const far = straight(3, [6, 26]);
  // From the top of `down` to its end at (20, 10), then to the right end of the bar, then down to the left.
  const expected = [down, [...bar].reverse(), far];
  for (const order of [
    [bar, down, far],
    [far, down, bar],
    [down, far, bar],
  ]) {
    assert.deepEqual(sorted(order), expected);
    assert.deepEqual(sorted(order.map((stroke) => [...stroke].reverse())), expected);
  }
});

test('a line to the right begins left, also where it rises by less than half its length', () => {
  const rising = [
    [5, 20],
    [15, 16],
  ] as Drawing[number];
  const steep = [
    [5, 20],
    [15, 14],
  ] as Drawing[number];
  assert.deepEqual(sorted([[...rising].reverse()]), [rising]);
  assert.deepEqual(sorted([steep]), [[...steep].reverse()]);
});

test('a closed stroke runs anticlockwise, an open one from its upper end', () => {
  const clockwise: Drawing[number] = [
    [10, 5],
    [15, 5],
    [15, 15],
    [10, 15],
    [10, 7],
  ];
  assert.deepEqual(sorted([clockwise]), [[...clockwise].reverse()]);
  assert.deepEqual(sorted([[...clockwise].reverse()]), [[...clockwise].reverse()]);
  const open: Drawing[number] = [
    [10, 5],
    [15, 5],
    [15, 15],
    [10, 15],
    [10, 8],
  ];
  assert.deepEqual(sorted([[...open].reverse()]), [open]);
});

test('a short line encloses next to nothing, so it begins at its upper or left end, however it is rotated', () => {
  const lines: Place[][] = [
    straight(3, [10, 10]),
    straight(3, [10, 10], [0, 1]),
    [
      [10, 10],
      [11, 10],
      [12, 11],
    ],
  ];
  for (const line of lines) {
    for (let degrees = -20; degrees <= 20; degrees += 0.5) {
      const rotated = pointsOf(line, degrees);
      const backwards = pointsOf([...line].reverse(), degrees);
      for (const from of [rotated, backwards]) {
        const to = new StrokePoints(3);
        new StrokeSorter(3, SIDE).sort(from, to);
        assert.deepEqual([to.xs, to.ys], [rotated.xs, rotated.ys], `rotated by ${degrees}°`);
      }
    }
  }
});

test('any drawing: any order and direction of its strokes gives the same moves, and sorting again changes nothing', () => {
  const changes = fc.array(fc.boolean(), { minLength: 9, maxLength: 9 });
  fc.assert(
    fc.property(anyDrawing(3), changes, fc.integer(), (drawing, flips, seed) => {
      const once = sorted(drawing);
      const other = drawing
        .map((stroke, s) => (flips[s] ? [...stroke].reverse() : stroke))
        .map((stroke, s) => ({ stroke, key: Math.imul(seed + s, 0x9e3779b1) }))
        .sort((a, b) => a.key - b.key)
        .map(({ stroke }) => stroke);
      assert.deepEqual(sorted(other), once);
      assert.deepEqual(sorted(once), once);
      const lines = (of: Drawing) =>
        of.map((stroke) => [String(stroke), String([...stroke].reverse())].sort()[0]).sort();
      assert.deepEqual(lines(once), lines(drawing), 'the same lines');
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('digits drawn in reverse or in another order are read as before, with places and without slant too', async () => {
  const moves = (await digits(60)).map(({ pixels }) => imageToStrokes(pixels, SIDE, SIDE));
  const examples = concatenateStrokes(moves, new Uint8Array(moves.length), 'test');
  for (const preprocessing of [
    SORTED,
    { ...SORTED, position: true, scale: 0.3 },
    { ...SORTED, deslant: true },
  ]) {
    const [before, ...others] = [
      examples,
      redrawnStrokes(examples, 'reversed'),
      redrawnStrokes(examples, 'reordered'),
    ].map((each) => openSequences({ kind: 'strokes', name: 'test', examples: each, preprocessing }));
    const data = { kind: 'strokes', name: 'test', examples, preprocessing } as const;
    const unvaried = openAugmented(data, NO_AUGMENTATION, 1).draw(Int32Array.from(moves.keys()), 1);
    moves.forEach((each, i) => {
      const { sequence } = sequenceIn(before, i);
      for (const other of others) assert.deepEqual(sequenceIn(other, i).sequence, sequence);
      assert.deepEqual(sequenceIn(unvaried, i).sequence, sequence);
      assert.deepEqual(prepareInput({ kind: 'strokes', moves: each }, preprocessing)!.sequence, sequence);
    });
  }
  const written = sortedStrokes(examples, SIDE);
  const read = openSequences({ kind: 'strokes', name: 'test', examples, preprocessing: SORTED });
  for (const i of moves.keys()) {
    assert.deepEqual([...movesOf(written, i)], [...sequenceIn(read, i).sequence]);
  }
  assert.ok(
    moves.some((each, i) => String(each) !== String(movesOf(written, i))),
    'some digits change',
  );
});

test('what the network is said to have read are the moves that it read, with the slant that they had', async () => {
  for (const { pixels } of await digits(20)) {
    const input = { kind: 'picture', width: SIDE, height: SIDE, pixels } as const;
    const { saw, sequence } = prepareInput(input, SORTED)!;
    assert.deepEqual([...saw.moves!], [...sequence]);
    const upright = prepareInput(input, { ...SORTED, deslant: true })!;
    // Slant is only across, so y, pen-ups and the end are the same.
    const without = (moves: ArrayLike<number>) => Array.from(moves).filter((_, i) => i % 4 !== 0);
    assert.deepEqual(without(upright.saw.moves!), without(upright.sequence));
  }
});

test('ten thousand strokes are sorted in seconds', () => {
  const random = fc.sample(fc.tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 500 })), {
    numRuns: 10_000,
    seed: 1,
  });
  const data = dataOf(
    [
      random.map(([x, y]): Drawing[number] => [
        [x, y],
        [x + 1, y],
      ]),
    ],
    SORTED,
  );
  const began = performance.now();
  sequenceIn(openSequences({ kind: 'strokes', ...data }), 0);
  assert.ok(performance.now() - began < 10_000, 'quadratic, but without objects');
});

test('a varied drawing is sorted after its variation; reversal has no effect', () => {
  const data = dataOf([[straight(9, [5, 12]), straight(9, [20, 3], [0, 1])]], SORTED);
  for (const seed of [1, 2, 3]) {
    const turned = { rotation: 90, jitter: 0.2 };
    const varied = drawingOf(openVaried(data, turned, seed).movesOf(0, 1));
    const again = drawingOf(
      openVaried(data, { ...turned, reverse: 1, shuffle: 1, flip: 1 }, seed).movesOf(0, 1),
    );
    assert.deepEqual(again, varied);
    const ends = varied.flatMap((stroke) => [stroke[0], stroke.at(-1)!]);
    const rank = ([x, y]: [number, number]) => x + 2 * y;
    assert.ok(
      ends.every((end) => rank(end) >= rank(varied[0][0]) - 1e-4),
      'it begins at the first end',
    );
  }
});

test('a drawing in another form than the archive keeps its number of moves', () => {
  // A break at the start, two in succession, a point as the last move; and a drawing without an end.
  const odd = Int16Array.from([
    0, 0, 1, 0, 3, 3, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 5, 5, 1, 0, 1, 1, 0, 0, 0, 0, 1, 1,
  ]);
  const endless = Int16Array.from([9, 9, 0, 0, 1, 0, 0, 0]);
  const examples = concatenateStrokes([odd, endless], [0, 0], 'test');
  const source = openSequences({ kind: 'strokes', name: 'test', examples, preprocessing: SORTED });
  assert.deepEqual(
    [...sequenceIn(source, 0).sequence],
    [3, 3, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 6, 6, 0, 0, ...[1, 2, 3].flatMap(() => [0, 0, 1, 0]), 0, 0, 1, 1],
  );
  assert.deepEqual([...sequenceIn(source, 1).sequence], [9, 9, 0, 0, 1, 0, 0, 0]);
});

test('is stored with the model, and left out where strokes are read as they are given', () => {
  const stored = KINDS.strokes.writePreprocessing(SORTED);
  assert.deepEqual(readPreprocessing(JSON.parse(JSON.stringify(stored)), 'a'), SORTED);
  assert.ok(!('sorted' in readPreprocessing({ ...DEFAULT_STROKE_PREPROCESSING }, 'a')));
  assert.throws(
    () => readPreprocessing({ ...SORTED, sorted: 'yes' }, 'a'),
    /"sorted": expected true or false/,
  );
});
