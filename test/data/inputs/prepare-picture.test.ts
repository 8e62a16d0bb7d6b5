/**
 * Protects the preparation of pictures: MNIST's own pass byte for byte; polarity, place, size, thickness and noise of
 * others are undone; specks never become strokes; any picture is answered.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import fc from 'fast-check';
import { isInPlace } from '#src/data/inputs/fit.js';
import { penWidth } from '#src/data/inputs/ink.js';
import { preparePicture } from '#src/data/inputs/prepare-picture.js';
import { loadDataset } from '#src/data/open-dataset.js';
import { drawingToImage } from '#src/ink/drawing.js';
import { thinImage } from '#src/ink/image-to-strokes.js';
import { Random } from '#src/random.js';

const SIDE = 28;
let train: Uint8Array;
let test10k: Uint8Array;
/** Every fiftieth test digit. */
let digits: Uint8Array[];

before(async () => {
  const dataset = await loadDataset('mnist', { channelsImg: 1, order: 'tour' });
  assert.ok(dataset.kind === 'images');
  train = dataset.train.pixels;
  test10k = dataset.test.pixels;
  digits = Array.from({ length: 200 }, (_, n) => test10k.slice(n * 50 * 784, (n * 50 + 1) * 784));
});

const prepare = (pixels: Uint8Array, width = SIDE, height = SIDE) =>
  preparePicture({ pixels, width, height });

/** A picture whose pixel (x, y) is `pixel` of the given one, which is 0 outside. */
function changed(
  pixels: Uint8Array,
  pixel: (at: (x: number, y: number) => number, x: number, y: number) => number,
): Uint8Array {
  const at = (x: number, y: number) => (x < 0 || y < 0 || x >= SIDE || y >= SIDE ? 0 : pixels[y * SIDE + x]);
  return Uint8Array.from(pixels, (_, i) => pixel(at, i % SIDE, Math.floor(i / SIDE)));
}

/** Sum of differences as a share of the ink. */
function difference(one: Uint8Array | null, other: Uint8Array): number {
  assert.ok(one);
  const ink = other.reduce((sum, value) => sum + value, 0);
  return one.reduce((sum, value, i) => sum + Math.abs(value - other[i]), 0) / ink;
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const inkOf = (pixels: Uint8Array) => ({
  width: SIDE,
  height: SIDE,
  values: Float32Array.from(pixels, (value) => value / 255),
});
const grained = (pixels: Uint8Array, deviation: number, random: Random) =>
  Uint8Array.from(pixels, (value) => {
    // The sum of twelve uniform numbers is nearly normal, with variance 1.
    let sum = -6;
    for (let k = 0; k < 12; k++) sum += random.uniform();
    return Math.max(0, Math.min(255, Math.round(value + deviation * sum)));
  });

describe('the preparation of pictures', () => {
  test('leaves all 70,000 pictures of MNIST as they are', () => {
    for (const pixels of [train, test10k]) {
      for (let at = 0; at < pixels.length; at += 784) {
        const picture = pixels.subarray(at, at + 784);
        assert.equal(prepare(picture), picture, `picture ${at / 784}`);
      }
    }
  });

  test('turns dark figures on light paper, to the byte', () => {
    for (const digit of digits) assert.deepEqual(prepare(digit.map((value) => 255 - value)), digit);
    // Grey paper, and ink of any darkness: back within rounding.
    const pale = digits.map((digit) => digit.map((value) => 200 - Math.round(value / 2)));
    pale.forEach((picture, n) => {
      assert.ok(difference(prepare(picture), digits[n]) < 0.03, `digit ${n}`);
    });
  });

  test('undoes the place without resampling', () => {
    const exact = digits.filter((digit) => {
      const moved = changed(digit, (at, x, y) => at(x - 3, y + 2));
      const lost = changed(moved, (at, x, y) => at(x + 3, y - 2)).some((value, i) => value !== digit[i]);
      return lost || difference(prepare(moved), digit) === 0;
    });
    // A centre of mass between two pixels may be rounded the other way.
    assert.ok(exact.length >= 0.97 * digits.length, `${exact.length} of ${digits.length}`);
  });

  test('undoes the size', () => {
    for (const [scale, most] of [
      [0.7, 0.45],
      [1.3, 0.45],
    ]) {
      const differences = digits.map((digit) => {
        const place = (n: number) => (n - 13.5) / scale + 13.5;
        const scaled = changed(digit, (at, x, y) => {
          const [u, v] = [place(x), place(y)];
          const [i, j] = [Math.floor(u), Math.floor(v)];
          const across = (row: number) => at(i, row) * (1 - u + i) + at(i + 1, row) * (u - i);
          return Math.round(across(j) * (1 - v + j) + across(j + 1) * (v - j));
        });
        return difference(prepare(scaled), digit);
      });
      assert.ok(mean(differences) < most, `scale ${scale}: ${mean(differences)}`);
    }
  });

  test('makes very thin lines of a picture wider, but not of one that becomes strokes', () => {
    const thin = digits.map((digit) =>
      changed(digit, (at, x, y) =>
        Math.min(at(x, y), at(x - 1, y), at(x + 1, y), at(x, y - 1), at(x, y + 1)),
      ),
    );
    const widths = (isThinned: boolean) =>
      mean(
        thin.map((pixels) =>
          penWidth(inkOf(preparePicture({ pixels, width: SIDE, height: SIDE }, isThinned) ?? pixels)),
        ),
      );
    assert.ok(widths(false) > 1.9, `${widths(false)}`);
    assert.ok(widths(true) < 1.6, `${widths(true)}`);
  });

  test('makes very thick lines thinner', () => {
    const thick = new Uint8Array(200 * 200);
    for (let y = 20; y < 180; y++) for (let x = 70; x < 130; x++) thick[y * 200 + x] = 255;
    // Of a bar of 7.5 × 20 the measure is 5.5.
    const pen = penWidth(inkOf(prepare(thick, 200, 200)!));
    assert.ok(pen > 1.8 && pen < 4.2, `${pen}`);
  });

  test('removes grain', () => {
    const random = new Random(1);
    for (const deviation of [8, 16, 32]) {
      const differences = digits.map((digit) =>
        difference(prepare(grained(digit, deviation, random)), digit),
      );
      assert.ok(mean(differences) < 0.2, `${deviation}: ${mean(differences)}`);
      assert.equal(prepare(grained(new Uint8Array(784), deviation, random)), null, 'paper alone');
    }
  });

  test('lets no speck become a stroke', () => {
    const random = new Random(2);
    let [kept, strays] = [0, 0];
    for (const digit of digits) {
      const salted = digit.map((value) => {
        const share = random.uniform();
        return share < 0.025 ? 0 : share < 0.05 ? 255 : value;
      });
      const prepared = prepare(salted);
      assert.ok(prepared);
      const lines = thinImage(prepared, SIDE, SIDE);
      const near = changed(digit, (at, x, y) => {
        let most = 0;
        for (let v = -3; v <= 3; v++) for (let u = -3; u <= 3; u++) most = Math.max(most, at(x + u, y + v));
        return most;
      });
      lines.forEach((value, i) => {
        if (value === 1) near[i] > 0 ? kept++ : strays++;
      });
    }
    assert.ok(strays < 0.002 * kept, `${strays} points of specks, ${kept} of lines`);
  });

  test('keeps the dot of an i, and two strokes of one length', () => {
    const i = drawingToImage({
      strokes: [
        { xs: [50, 50], ys: [40, 100] },
        { xs: [50, 50], ys: [10, 10] },
      ],
    });
    const moved = changed(i, (at, x, y) => at(x - 2, y));
    assert.equal(difference(prepare(moved), i), 0);
  });

  test('answers any picture, and prepares a prepared one no further', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.infiniteStream(fc.integer({ min: 0, max: 255 })),
        (width, height, values) => {
          const pixels = Uint8Array.from({ length: width * height }, () => values.next().value);
          const prepared = prepare(pixels, width, height);
          assert.ok(prepared === null || prepared.length === 784);
        },
      ),
      { seed: 1, numRuns: 200 },
    );
    const point = fc.tuple(fc.integer({ min: 0, max: 199 }), fc.integer({ min: 0, max: 199 }));
    fc.assert(
      fc.property(
        fc.array(point, { minLength: 2, maxLength: 6 }),
        fc.integer({ min: 2, max: 12 }),
        (points, pen) => {
          const picture = drawn(points, pen);
          const once = prepare(picture, 200, 200);
          if (once === null) return;
          assert.ok(difference(prepare(once), once) < 0.1);
        },
      ),
      { seed: 1, numRuns: 200 },
    );
  });
});

/** [200, 200] lines between points, drawn with a square pen. */
function drawn(points: [number, number][], pen: number): Uint8Array {
  const picture = new Uint8Array(200 * 200);
  for (let n = 1; n < points.length; n++) {
    const [[x1, y1], [x2, y2]] = [points[n - 1], points[n]];
    const steps = Math.max(1, Math.abs(x2 - x1), Math.abs(y2 - y1));
    for (let k = 0; k <= steps; k++) {
      const [x, y] = [x1 + ((x2 - x1) * k) / steps, y1 + ((y2 - y1) * k) / steps];
      for (let v = Math.round(y); v < Math.min(200, Math.round(y) + pen); v++) {
        picture.fill(255, v * 200 + Math.round(x), v * 200 + Math.min(200, Math.round(x) + pen));
      }
    }
  }
  return picture;
}

test('a drawing is made as MNIST’s pictures are', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
        {
          minLength: 2,
          maxLength: 8,
        },
      ),
      (points) => {
        const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
        fc.pre(Math.max(...xs) - Math.min(...xs) > 0.1);
        const image = drawingToImage({ strokes: [{ xs, ys }] });
        const paper = image.filter((value) => value === 0).length;
        assert.ok(2 * paper <= 784 || isInPlace(image));
      },
    ),
    { seed: 1 },
  );
});
