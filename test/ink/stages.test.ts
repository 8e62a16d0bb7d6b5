/**
 * Protects every stage from the image to the start of the tour (threshold, thinning, removal of specks, start): each
 * gives the result of its slow definition in definitions.ts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ComponentCounter } from '#src/ink/components.js';
import { thinImage, thresholdImage } from '#src/ink/image-to-strokes.js';
import { removeSpecks, thin } from '#src/ink/thin.js';
import { inkThreshold } from '#src/ink/threshold.js';
import { tourPoints } from '#src/ink/tour.js';
import {
  cleanByDefinition,
  components,
  maskOf,
  startByDefinition,
  thinByDefinition,
  thresholdByDefinition,
} from './definitions.js';
import { anyImage, digits, picture } from './images.js';

const seeded = { seed: 3, numRuns: 400 };

test('components of a small image', () => {
  const { pixels, width, height } = picture(
    '##.#', //
    '..#.',
    '#..#',
    '#.##',
  );
  const counter = new ComponentCounter(width, height);
  assert.deepEqual(counter.measure(pixels, 0), { count: 9, four: 5, eight: 2 });
  assert.deepEqual(counter.measure(pixels, 255), { count: 0, four: 0, eight: 0 });
});

test('components of any image at any threshold, with reused memory', () => {
  fc.assert(
    fc.property(anyImage, fc.nat(255), ({ pixels, width, height }, threshold) => {
      const counter = new ComponentCounter(width, height);
      counter.measure(pixels, 0);
      const mask = maskOf(pixels, width, height, threshold);
      assert.deepEqual(counter.measure(pixels, threshold), {
        count: mask.flat().filter((ink) => ink === 1).length,
        four: components(mask, 4).length,
        eight: components(mask, 8).length,
      });
    }),
    seeded,
  );
});

test('the threshold stops before a loop opens, before half is lost, and at 225', () => {
  const of = (...rows: string[]) => {
    const { pixels, width, height } = picture(...rows);
    return inkThreshold(pixels, width, height);
  };
  // 25 d + 1 is above 25 t for t ≤ d. The bridge, a digit 3, connects both sides up to threshold 75.
  assert.equal(of('#####3#####'), 75);
  // At 125, three of the four ink pixels are below the threshold.
  assert.equal(of('#44.', '4...'), 100);
  assert.equal(of('###', '###'), 225);
  assert.equal(of('...', '...'), 225, 'nothing changes where there is nothing');
  assert.equal(of('0'), 0, 'T is never below 0');
});

test('threshold, thinning and cleaning of any image', () => {
  fc.assert(
    fc.property(anyImage, ({ pixels, width, height }) => {
      const threshold = thresholdByDefinition(pixels, width, height);
      assert.equal(inkThreshold(pixels, width, height), threshold);
      const inked = maskOf(pixels, width, height, threshold);
      assert.deepEqual([...thresholdImage(pixels, width, height)], inked.flat());

      const thinned = thinByDefinition(inked);
      const mask = Uint8Array.from(inked.flat());
      thin(mask, width, height);
      assert.deepEqual([...mask], thinned.flat());

      const clean = cleanByDefinition(thinned);
      removeSpecks(mask, width, height);
      assert.deepEqual([...mask], clean.flat());
      assert.deepEqual([...thinImage(pixels, width, height)], clean.flat());
    }),
    seeded,
  );
});

test('all stages of digits', async () => {
  for (const { pixels, width, height } of await digits(200)) {
    const threshold = thresholdByDefinition(pixels, width, height);
    const mask = cleanByDefinition(thinByDefinition(maskOf(pixels, width, height, threshold)));
    assert.deepEqual([...thinImage(pixels, width, height)], mask.flat());
  }
});

test('at most two iterations: a wide square stays wide', () => {
  const mask = new Uint8Array(12 * 12).fill(1);
  thin(mask, 12, 12);
  assert.ok(mask.reduce((sum, ink) => sum + ink) > 60);
});

test('specks of one or two pixels are removed, of three are kept, also at the border', () => {
  const { pixels, width, height } = picture(
    '#...##', //
    '......',
    '#..#..',
    '.#..#.',
    '...#..',
  );
  const mask = pixels.map((pixel) => pixel / 255);
  removeSpecks(mask, width, height);
  assert.equal(
    mask.reduce((sum, ink) => sum + ink),
    3,
  );
});

test('the start is the end point with the smallest x + y; without one, the leftmost such pixel', () => {
  const start = (...rows: string[]) => {
    const { pixels, width, height } = picture(...rows);
    const points = tourPoints(
      pixels.map((pixel) => pixel / 255),
      width,
      height,
    );
    return [points.xs[points.start], points.ys[points.start]];
  };
  // The corner (1, 0) has a smaller x + y, but is no end point.
  assert.deepEqual(start('.###', '.#..', '.#..', '.#..'), [3, 0]);
  assert.deepEqual(start('..#', '...', '#..'), [2, 0], 'of two end points, the first in reading order');
  assert.deepEqual(start('.###', '#..#', '#..#', '####'), [0, 1], 'in a ring, the leftmost');
});

test('the start of any image', () => {
  fc.assert(
    fc.property(anyImage, ({ pixels, width, height }) => {
      const mask = maskOf(pixels, width, height, 127);
      const points = tourPoints(Uint8Array.from(mask.flat()), width, height);
      const expected = startByDefinition(mask);
      if (expected === null) assert.equal(points.start, -1);
      else assert.deepEqual([points.xs[points.start], points.ys[points.start]], expected);
    }),
    seeded,
  );
});
