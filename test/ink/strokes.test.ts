/**
 * Protects the strokes of an image: they visit every pixel of the thinned image once, each move goes to a nearest
 * unvisited pixel, no tour of that kind is shorter, and the pen is lifted at jumps. The same seed gives the same
 * strokes. renderStrokes draws the thinned image again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { imageToStrokes, renderStrokes, UserError } from 'scanstroke';
import { thinImage } from '#src/ink/image-to-strokes.js';
import { movesToStrokes } from '#src/ink/render-strokes.js';
import { orderPoints, tourPoints } from '#src/ink/tour.js';
import { Random } from '#src/random.js';
import {
  breaksByDefinition,
  closedLength,
  cost,
  decode,
  firstWrongMove,
  maskOf,
  startByDefinition,
} from './definitions.js';
import { anyImage, digits, type Image, picture } from './images.js';

const seeded = { seed: 5, numRuns: 400 };

const sorted = (points: readonly (readonly [number, number])[]) => points.map(([x, y]) => `${y} ${x}`).sort();

function pixelsOf(mask: Uint8Array, width: number): [number, number][] {
  return [...mask.keys()].filter((i) => mask[i]).map((i) => [i % width, Math.floor(i / width)]);
}

/** Properties of the strokes of every image. */
function check({ pixels, width, height }: Image, seed: number): void {
  const moves = imageToStrokes(pixels, width, height, { seed });
  const mask = thinImage(pixels, width, height);
  const { points, breaks } = decode(moves);
  assert.deepEqual(sorted(points), sorted(pixelsOf(mask, width)), 'every pixel of the thinned image, once');
  assert.deepEqual(points[0] ?? null, startByDefinition(maskOf(mask, width, height)));
  assert.equal(firstWrongMove(points), -1, 'each move to a nearest unvisited pixel');
  assert.deepEqual(breaks, breaksByDefinition(points));
  assert.deepEqual(
    renderStrokes(moves, { width, height }).map((value) => Math.min(1, value)),
    mask,
    'renderStrokes gives the thinned image',
  );
  assert.deepEqual(imageToStrokes(pixels, width, height, { seed }), moves, 'the same seed, the same strokes');
}

test('a single stroke, move by move', () => {
  const { pixels, width, height } = picture('.....', '####.', '....#', '.....');
  assert.deepEqual(
    [...imageToStrokes(pixels, width, height, { seed: 0 })],
    [1, 2, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1],
  );
});

test('two strokes: the pen is lifted between them', () => {
  const { pixels, width, height } = picture('###....', '.......', '....###');
  assert.deepEqual(decode(imageToStrokes(pixels, width, height, { seed: 0 })), {
    points: [
      ...([
        [0, 0],
        [1, 0],
        [2, 0],
      ] as [number, number][]),
      ...([
        [4, 2],
        [5, 2],
        [6, 2],
      ] as [number, number][]),
    ],
    breaks: [2],
  });
});

test('no break between the last two points, as in the original', () => {
  const { pixels, width, height } = picture('.#..', '..##', '.#..');
  const moves = imageToStrokes(pixels, width, height, { seed: 0 });
  assert.deepEqual(
    [...moves],
    [
      2,
      1,
      0,
      0, //
      1,
      1,
      0,
      0,
      1,
      0,
      0,
      0,
      -2,
      1,
      0,
      0,
      0,
      0,
      1,
      1,
    ],
  );
});

test('the strokes of any image have these properties', () => {
  fc.assert(fc.property(anyImage, fc.nat(), check), seeded);
});

test('the strokes of digits have these properties', async () => {
  for (const image of await digits(300)) check(image, 1);
});

test('so have images of one pixel, one pixel row or column, without ink, all ink, and of 200 × 150', () => {
  const filled = (width: number, height: number, ink: (n: number) => number): Image => ({
    width,
    height,
    pixels: Uint8Array.from({ length: width * height }, (_, n) => ink(n)),
  });
  const random = new Random(9);
  for (const image of [
    filled(1, 1, () => 255),
    filled(1, 1, () => 0),
    filled(1, 30, () => 255),
    filled(30, 1, () => 200),
    filled(2, 2, () => 255),
    filled(28, 28, () => 0),
    filled(28, 28, () => 255),
    filled(28, 28, () => random.below(256)),
    filled(200, 150, (n) => (Math.hypot((n % 200) - 100, Math.floor(n / 200) - 75) % 20 < 4 ? 255 : 0)),
  ]) {
    check(image, 7);
  }
});

test('an image of noise, 200 × 150, takes a bounded time', () => {
  const random = new Random(4);
  const pixels = Uint8Array.from({ length: 200 * 150 }, () => random.below(256));
  const began = performance.now();
  const moves = imageToStrokes(pixels, 200, 150, { seed: 0 });
  // It takes 0.4 s on a busy machine. A search of all points for each move would take minutes.
  assert.ok(performance.now() - began < 10_000);
  const drawn = renderStrokes(moves, { width: 200, height: 150 });
  assert.deepEqual(
    drawn.map((value) => Math.min(1, value)),
    thinImage(pixels, 200, 150),
  );
});

test('without ink there is the last move alone', () => {
  for (const { pixels, width, height } of [picture('...', '...'), picture('#...', '#..#')]) {
    assert.deepEqual([...imageToStrokes(pixels, width, height, { seed: 0 })], [0, 0, 1, 1]);
  }
});

test('no tour to nearest points is shorter', () => {
  const small = anyImage.filter(({ pixels }) => pixels.filter((pixel) => pixel > 127).length <= 12);
  fc.assert(
    fc.property(small, fc.nat(), ({ pixels, width, height }, seed) => {
      const mask = pixels.map((pixel) => (pixel > 127 ? 1 : 0));
      const points = tourPoints(mask, width, height);
      const at = (n: number): [number, number] => [points.xs[n], points.ys[n]];
      const order = [...orderPoints(points, new Random(seed))].map(at);
      assert.equal(firstWrongMove(order), -1);
      let least = Number.POSITIVE_INFINITY;
      // Visits every possible tour.
      const walk = (tour: [number, number][], left: [number, number][]): void => {
        if (left.length === 0) least = Math.min(least, closedLength(tour));
        const here = tour[tour.length - 1];
        const nearest = Math.min(...left.map((point) => cost(here, point)));
        for (const point of left.filter((other) => cost(here, other) === nearest)) {
          walk(
            [...tour, point],
            left.filter((other) => other !== point),
          );
        }
      };
      const all = [...points.xs.keys()].map(at);
      if (all.length > 0) {
        walk(
          [all[points.start]],
          all.filter((_, n) => n !== points.start),
        );
        assert.equal(closedLength(order), least);
      }
    }),
    seeded,
  );
});

test('no tour of a digit is shorter', async () => {
  let compared = 0;
  for (const { pixels, width, height } of await digits(150)) {
    const points = tourPoints(thinImage(pixels, width, height), width, height);
    const at = (n: number): [number, number] => [points.xs[n], points.ys[n]];
    const all = [...points.xs.keys()].map(at);
    let least = Number.POSITIVE_INFINITY;
    let visits = 0;
    // Abandons a branch only when it is already longer than the shortest tour.
    const walk = (here: [number, number], left: Set<[number, number]>, length: number): void => {
      if (++visits > 20_000 || length >= least) return;
      if (left.size === 0) least = Math.min(least, length + cost(here, all[points.start]));
      const nearest = Math.min(...[...left].map((point) => cost(here, point)));
      for (const point of [...left].filter((other) => cost(here, other) === nearest)) {
        left.delete(point);
        walk(point, left, length + nearest);
        left.add(point);
      }
    };
    walk(all[points.start], new Set(all.filter((_, n) => n !== points.start)), 0);
    if (visits > 20_000) continue;
    compared++;
    const order = [...orderPoints(points, new Random(0))].map(at);
    assert.equal(closedLength(order), least);
  }
  assert.ok(compared > 100, `${compared} compared`);
});

test('random tours are tried if there are too many for a complete search', () => {
  // A filled rectangle. The first 65,536 visits of the complete search find a tour of cost 2692.
  const points = tourPoints(new Uint8Array(9 * 30).fill(1), 9, 30);
  const order = [...orderPoints(points, new Random(2))].map((n): [number, number] => [
    points.xs[n],
    points.ys[n],
  ]);
  assert.equal(firstWrongMove(order), -1);
  assert.ok(closedLength(order) < 2000, `${closedLength(order)}`);
});

test('the seed decides among tours of the same length only', () => {
  const { pixels, width, height } = picture('..#..', '.#.#.', '#...#', '.#.#.', '..#..');
  const sequences = Array.from({ length: 20 }, (_, seed) => imageToStrokes(pixels, width, height, { seed }));
  assert.equal(new Set(sequences.map((moves) => moves.join())).size, 2, 'around the ring in both directions');
  assert.equal(new Set(sequences.map((moves) => closedLength(decode(moves).points))).size, 1);
});

test('pixels of a canvas are accepted', () => {
  const { pixels, width, height } = picture('####');
  assert.deepEqual(
    imageToStrokes(Uint8ClampedArray.from(pixels), width, height, { seed: 0 }),
    imageToStrokes(pixels, width, height, {}),
  );
});

const refused = (run: () => unknown, message: RegExp) =>
  assert.throws(run, (error) => error instanceof UserError && message.test(error.message));

test('a size that does not match the pixels is refused with both numbers', () => {
  refused(
    () => imageToStrokes(new Uint8Array(783), 28, 28, { seed: 0 }),
    /expected 28 × 28 = 784 pixels, found 783/,
  );
  refused(() => imageToStrokes(new Uint8Array(0), 0, 5, { seed: 0 }), /the width must be .* found 0/);
  refused(() => imageToStrokes(new Uint8Array(4), 4, 1.5, { seed: 0 }), /the height must be .* found 1.5/);
  refused(() => imageToStrokes(new Uint8Array(4), Number.NaN, 1, { seed: 0 }), /found NaN/);
  refused(() => imageToStrokes(new Uint8Array(40000), 40000, 1, { seed: 0 }), /to 32767, found 40000/);
  refused(() => imageToStrokes(new Uint8Array(4), 2, 2, { seed: -1 }), /seed must be .* found -1/);
  const floats = new Float32Array(4) as unknown as Uint8Array;
  refused(() => imageToStrokes(floats, 2, 2, { seed: 0 }), /must be a Uint8Array/);
});

test('rendered: 1 at points, 2 at the end of a stroke, 3 at the end of the drawing', () => {
  const { pixels, width, height } = picture('###....', '.......', '....###');
  assert.deepEqual(
    [...renderStrokes(imageToStrokes(pixels, width, height, { seed: 0 }), { width, height })],
    [1, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 3],
  );
  assert.deepEqual([...renderStrokes([0, 0, 1, 1], { width: 2, height: 1 })], [0, 0]);
});

test('moves that lead out of the picture, or are incomplete, are refused', () => {
  const size = { width: 3, height: 2 };
  refused(() => renderStrokes([4, 1, 0, 0, 0, 0, 1, 1], size), /move 0 leads to column 4, pixel row 1/);
  refused(() => renderStrokes([1, 1, 0, 0, -1, 0, 0, 0], size), /move 1 leads to column 0/);
  refused(() => renderStrokes([Number.NaN, 1, 0, 0], size), /NaN/);
  refused(() => renderStrokes([1, 1, 0], size), /moves of 4 values .* found 3/);
  refused(() => renderStrokes([], size), /found 0/);
  refused(() => renderStrokes([1, 1, 0, 0], { width: 0, height: 2 }), /0 × 2/);
});

test('movesToStrokes: one stroke from each pen down to the next pen up', () => {
  const { pixels, width, height } = picture('###....', '.......', '....###');
  const strokes = movesToStrokes(imageToStrokes(pixels, width, height, { seed: 0 }));
  assert.deepEqual(
    strokes.map(({ xs, ys }) => [[...xs], [...ys]]),
    [
      [
        [0, 1, 2],
        [0, 0, 0],
      ],
      [
        [4, 5, 6],
        [2, 2, 2],
      ],
    ],
  );
  assert.deepEqual(movesToStrokes([0, 0, 1, 1]), []);
});
