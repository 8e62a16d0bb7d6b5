/** Protects the amounts of augmentation for strokes: each has the documented effect, frequency and size. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Augmentation } from '#src/data/augmentation.js';
import {
  type Drawing,
  dataOf,
  drawingOf,
  draws,
  openVaried,
  type Place,
  straight,
} from './stroke-drawings.js';

function assertNear(found: number, expected: number, tolerance: number, what: string): void {
  assert.ok(
    Math.abs(found - expected) <= tolerance,
    `${what}: ${found}, expected ${expected} ± ${tolerance}`,
  );
}

/** Rounds to ten-thousandths: places are sums of differences rounded to float32. */
const rounded = (drawing: Drawing): Drawing =>
  drawing.map((stroke) =>
    stroke.map(([x, y]): Place => [Math.round(x * 1e4) / 1e4, Math.round(y * 1e4) / 1e4]),
  );

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

test('orders have the requested frequency, and all other orders are equally likely', () => {
  const drawing = [straight(3, [1, 1]), straight(2, [1, 9]), straight(4, [1, 20])];
  const epochs = 4000;
  const places = (drawn: Drawing) => drawn.flat().join(' ');
  const reversed = draws(drawing, { reverse: 0.3 }, epochs).filter((d) => places(d) !== places(drawing));
  // Three standard deviations of a share of 0.3 in 4000 are 0.022.
  assertNear(reversed.length / epochs, 0.3, 0.022, 'share in reverse');

  const isFlipped = draws(drawing, { flip: 0.3 }, epochs).map((d) => d.map((stroke) => stroke[0][0] !== 1));
  for (const s of [0, 1, 2]) {
    assertNear(
      isFlipped.filter((flips) => flips[s]).length / epochs,
      0.3,
      0.022,
      `share of stroke ${s} flipped`,
    );
  }
  assertNear(isFlipped.filter(([a, b]) => a && b).length / epochs, 0.09, 0.014, 'share of two flipped');

  const orders = new Map<string, number>();
  for (const drawn of draws(drawing, { shuffle: 1 }, epochs)) {
    const order = drawn.map((stroke) => stroke.length).join('');
    orders.set(order, (orders.get(order) ?? 0) + 1 / epochs);
  }
  assert.deepEqual([...orders.keys()].sort(), ['234', '243', '342', '423', '432']);
  for (const [order, share] of orders) assertNear(share, 0.2, 0.02, `share of order ${order}`);
});

test('rotation, scale, shear and shift: one affine map per drawing, about the centre, up to the amounts', () => {
  const far: Place[] = [
    [14, 14],
    [15, 14],
    [14, 15],
    [28, 28],
  ];
  // Images of (0, 0), (1, 0) and (0, 1) from the centre of 27 × 27; the fourth place checks that the map is affine.
  const maps = (amounts: Partial<Augmentation>) => {
    const source = openVaried(dataOf([[far]], { width: 27, height: 27, order: 'pen' }), amounts);
    return Array.from({ length: 2000 }, (_, epoch) => {
      const [[o, a, b, c]] = drawingOf(source.movesOf(0, epoch));
      const map = { xx: a[0] - o[0], yx: a[1] - o[1], xy: b[0] - o[0], yy: b[1] - o[1] };
      assertNear(c[0], o[0] + 14 * (map.xx + map.xy), 1e-4, 'x of the fourth place');
      assertNear(c[1], o[1] + 14 * (map.yx + map.yy), 1e-4, 'y of the fourth place');
      return { ...map, shiftX: o[0] - 14, shiftY: o[1] - 14 };
    });
  };
  const range = (values: number[], low: number, high: number, what: string) => {
    const [least, most] = [Math.min(...values), Math.max(...values)];
    assert.ok(least >= low - 1e-4 && most <= high + 1e-4, `${what}: ${least} … ${most}`);
    // Of 2000 draws, one is within a hundredth of the range of each bound, except in one case in e²⁰.
    assertNear(least, low, (high - low) / 50, `least ${what}`);
    assertNear(most, high, (high - low) / 50, `greatest ${what}`);
  };

  const turned = maps({ rotation: 30 });
  range(
    turned.map(({ xx, yx }) => (Math.atan2(yx, xx) * 180) / Math.PI),
    -30,
    30,
    'angle',
  );
  for (const { xx, xy, yx, yy, shiftX, shiftY } of turned) {
    assertNear(xx * yy - xy * yx, 1, 1e-4, 'area');
    assertNear(xx * xy + yx * yy, 0, 1e-4, 'right angle');
    assertNear(Math.abs(shiftX) + Math.abs(shiftY), 0, 1e-4, 'centre');
  }
  const scaled = maps({ scale: 0.25 });
  range(
    scaled.map(({ xx }) => xx),
    0.8,
    1.25,
    'x scale',
  );
  range(
    scaled.map(({ yy }) => yy),
    0.8,
    1.25,
    'y scale',
  );
  assertNear(scaled.filter(({ xx }) => xx > 1).length / 2000, 0.5, 0.04, 'share enlarged');
  assertNear(scaled.filter(({ xx, yy }) => xx > 1 && yy > 1).length / 2000, 0.25, 0.03, 'independent');
  const sheared = maps({ shear: 0.2 });
  range(
    sheared.map(({ xy }) => xy),
    -0.2,
    0.2,
    'shear',
  );
  for (const { xx, yy, yx } of sheared)
    assertNear(Math.abs(xx - 1) + Math.abs(yy - 1) + Math.abs(yx), 0, 1e-4, 'rest');
  const shifted = maps({ shift: 3 });
  range(
    shifted.map(({ shiftX }) => shiftX),
    -3,
    3,
    'shift in x',
  );
  range(
    shifted.map(({ shiftY }) => shiftY),
    -3,
    3,
    'shift in y',
  );
  const apart = shifted.filter(({ shiftX, shiftY }) => Math.abs(shiftX - shiftY) > 3).length / 2000;
  assertNear(apart, 0.25, 0.03, 'share of shifts that differ by half the range');
  for (const { xx, xy, yx, yy } of shifted) {
    assertNear(Math.abs(xx - 1) + Math.abs(yy - 1) + Math.abs(xy) + Math.abs(yx), 0, 1e-4, 'rest');
  }
});

test('jitter: coordinates are moved independently, nearly normally, with the given standard deviation', () => {
  const drawing = [straight(60), straight(60, [1, 20])];
  const places = drawing.flat();
  const moves = draws(drawing, { jitter: 0.25 }, 200).map((drawn) =>
    drawn.flat().map(([x, y], n): Place => [x - places[n][0], y - places[n][1]]),
  );
  const all = moves.flat();
  for (const axis of [0, 1]) {
    const values = all.map((move) => move[axis]);
    // 24,000 values: standard errors are 0.0016 and 0.0011.
    assertNear(mean(values), 0, 0.005, 'mean');
    assertNear(Math.sqrt(mean(values.map((v) => v * v))), 0.25, 0.004, 'standard deviation');
    // For a normal distribution 0.683 and 0.954; for the sum of four bytes 0.673 and 0.959.
    assertNear(values.filter((v) => Math.abs(v) < 0.25).length / values.length, 0.678, 0.015, 'within one');
    assertNear(values.filter((v) => Math.abs(v) < 0.5).length / values.length, 0.957, 0.006, 'within two');
  }
  const correlation = (pairs: [number, number][]) => mean(pairs.map(([a, b]) => a * b)) / 0.0625;
  assertNear(correlation(all), 0, 0.02, 'x with y');
  assertNear(
    correlation(moves.flatMap((m) => m.slice(1).map(([x], n): Place => [x, m[n][0]]))),
    0,
    0.02,
    'next',
  );
});

test('drop: removes only inner points, with the given probability; the others do not change', () => {
  const drawing = [straight(50), [[5, 9] as Place], straight(2, [1, 12]), straight(50, [1, 20])];
  const drawn = draws(drawing, { drop: 0.1 }, 500);
  for (const strokes of drawn) {
    strokes.forEach((stroke, s) => {
      assert.deepEqual(stroke[0], drawing[s][0]);
      assert.deepEqual(stroke.at(-1), drawing[s].at(-1));
      const rest = new Set(drawing[s].map(String));
      for (const place of stroke) assert.ok(rest.delete(String(place)));
    });
  }
  // 48,000 inner points: three standard deviations are 0.0041.
  assertNear(mean(drawn.map((strokes) => (103 - strokes.flat().length) / 96)), 0.1, 0.0041, 'share removed');
  const ends = drawing.map((stroke) => (stroke.length > 1 ? [stroke[0], stroke[stroke.length - 1]] : stroke));
  assert.deepEqual(draws(drawing, { drop: 1 }, 1), [ends]);
});

test('drop and jitter are independent', () => {
  // The first point is never removed; its jitter must not depend on whether the second is removed.
  const moves: [number[], number[]] = [[], []];
  for (const [[first, second]] of draws([straight(3)], { drop: 0.5, jitter: 0.1 }, 2000)) {
    moves[second[0] > 2.5 ? 0 : 1].push(first[0] - 1);
  }
  assert.ok(moves[0].length > 900 && moves[1].length > 900);
  assertNear(mean(moves[0]) - mean(moves[1]), 0, 0.0135, 'difference (3 standard deviations)');
});

test('resample: equal distances along every stroke, the same ends, spacing × 1/(1 + r) to 1 + r', () => {
  const corner = [...straight(21), ...straight(20, [21, 2], [0, 1])];
  const drawing = [corner, straight(2, [1, 9]), [[5, 5] as Place]];
  const counts: number[] = [];
  for (const [bent, pair, dot] of draws(drawing, { resample: 0.5 }, 500)) {
    counts.push(bent.length - 1);
    // Along this corner, the distance from the beginning is x + y − 2; at the end it is 40.
    const distance = 40 / (bent.length - 1);
    bent.forEach(([x, y], n) => {
      assertNear(x + y - 2, n * distance, 1e-4, 'distance along the stroke');
      assert.ok(Math.abs(y - 1) < 1e-4 || Math.abs(x - 21) < 1e-4, 'on the stroke');
    });
    assert.deepEqual(rounded([pair, dot]), [drawing[1], drawing[2]]);
  }
  assert.deepEqual([Math.min(...counts), Math.max(...counts)], [27, 60]);
  assertNear(counts.filter((count) => count > 40).length / 500, 0.5, 0.08, 'share with more points');
});

test('resample: a drawing has at most maxSteps moves', () => {
  // 11 segments times 1.05 are 11.55: rounding up would give one too many.
  const source = openVaried(dataOf([[straight(12)]]), { resample: 0.05 });
  const lengths = Array.from({ length: 400 }, (_, epoch) => source.draw(Int32Array.of(0), epoch).lengthOf(0));
  assert.equal(source.maxSteps, 13);
  assert.deepEqual([Math.min(...lengths), Math.max(...lengths)], [12, 13]);
});

test('resample: a stroke of length 0 is accepted', () => {
  const still: Drawing = [Array.from({ length: 9 }, (): Place => [3, 3])];
  for (const [stroke] of draws(still, { resample: 1 }, 20)) {
    assert.ok(stroke.length >= 2 && stroke.every(([x, y]) => x === 3 && y === 3));
  }
});

test('resample and drop: the jump at the end of a tour gets no points and keeps its ends', () => {
  const toured = [...straight(9), [27, 27] as Place];
  const isOnJump = ([x, y]: Place) => x > 9.001 && x < 26.999 && y > 1.001;
  const variations = { resample: 1, drop: 0.9, reverse: 0.5 };
  for (const [stroke] of draws([toured], variations, 50)) {
    assert.ok(!stroke.some(isOnJump));
    const places = rounded([stroke])[0].map(String);
    assert.equal(Math.abs(places.indexOf('9,1') - places.indexOf('27,27')), 1, places.join(' '));
  }
  // With order pen, a long move is drawn like any other.
  const pen = openVaried(dataOf([[toured]], { order: 'pen' }), { resample: 1 });
  const drawn = Array.from({ length: 20 }, (_, epoch) => drawingOf(pen.movesOf(0, epoch)).flat());
  assert.ok(drawn.every((places) => places.some(isOnJump)));
});
