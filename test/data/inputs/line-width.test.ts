/**
 * Protects what is read of faint, broken and very thick lines: faint parts become ink, closed gaps open again for strokes,
 * and MNIST's own digits, noise and large pictures stay as they are.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inkOf } from '#src/data/inputs/ink.js';
import { joinLines } from '#src/data/inputs/join-lines.js';
import { withUsualLines } from '#src/data/inputs/line-width.js';
import { thickened, thinned } from '#src/data/inputs/picture-changes.js';
import { preparePicture } from '#src/data/inputs/prepare-picture.js';
import { loadDataset } from '#src/data/open-dataset.js';
import { imageToStrokes } from '#src/ink/image-to-strokes.js';

const SIDE = 28;
const GAPS = { apart: 4, opened: 2, detour: 6 };

function pictureOf(pixelAt: (x: number, y: number) => number, side = SIDE) {
  const pixels = Uint8Array.from({ length: side * side }, (_, i) => pixelAt(i % side, Math.floor(i / side)));
  return { width: side, height: side, channels: 1, pixels };
}

/** A 7 whose stem a scan has left faint, with two gaps. */
const faintSeven = pictureOf((x, y) => {
  if (y === 6 && x >= 8 && x < 18) return 255;
  if (x === 17 && y > 6 && y < 22 && y !== 11 && y !== 16) return 4;
  return 0;
});

describe('lines of small pictures', () => {
  it('are read where they are faint and broken', () => {
    for (const isThinned of [false, true]) {
      const prepared = preparePicture(faintSeven, isThinned);
      assert.ok(prepared);
      const rows = Array.from({ length: SIDE }, (_, y) =>
        Math.max(...prepared.subarray(y * SIDE, (y + 1) * SIDE)),
      );
      const inked = rows.filter((most) => most >= 25).length;
      assert.ok(inked >= 14, `${inked} rows have ink`);
      if (!isThinned) assert.ok(Math.max(...rows) === 255 && inked >= 18, `${inked} rows have ink`);
    }
  });

  it('are the digit as it was before: eroded ones differ less from it', async () => {
    const dataset = await loadDataset('mnist', { channelsImg: 1, order: 'tour' });
    assert.ok(dataset.kind === 'images');
    let [difference, ink, changed] = [0, 0, 0];
    for (let n = 0; n < 200; n++) {
      const pixels = dataset.test.pixels.slice(n * 784, (n + 1) * 784);
      const digit = { width: SIDE, height: SIDE, channels: 1, pixels };
      const prepared = preparePicture(thinned(digit));
      assert.ok(prepared);
      pixels.forEach((value, i) => {
        ink += value;
        difference += Math.abs(value - prepared[i]);
      });
      const own = inkOf(digit)!;
      for (const isThinned of [false, true]) changed += Number(withUsualLines(own, isThinned) !== own);
    }
    assert.ok(difference < 0.48 * ink, `${difference / ink}`);
    assert.ok(changed <= 20, `${changed} of 400 digits that are as MNIST has them were changed`);
  });

  it('are the digit as it was before: dilated ones differ little from it', async () => {
    const dataset = await loadDataset('mnist', { channelsImg: 1, order: 'tour' });
    assert.ok(dataset.kind === 'images');
    const pixels = dataset.test.pixels.subarray(0, 200 * 784);
    const differenceOf = (pixels: Uint8Array, others: Uint8Array) =>
      pixels.reduce((sum, value, i) => sum + Math.abs(value - others[i]), 0);
    for (const isThinned of [false, true]) {
      let [difference, undone] = [0, 0];
      for (let n = 0; n < 200; n++) {
        const digit = pixels.slice(n * 784, (n + 1) * 784);
        const dilated = thickened({ width: SIDE, height: SIDE, channels: 1, pixels: digit });
        const prepared = preparePicture(dilated, isThinned);
        assert.ok(prepared);
        difference += differenceOf(digit, prepared);
        undone += differenceOf(digit, dilated.pixels);
      }
      assert.ok(difference < 0.15 * undone, `${difference / undone}, thinned: ${isThinned}`);
    }
  });

  it('become thinner only where they stay whole', () => {
    const widths = [1, 3, 5, 7];
    for (const [thick, thin] of widths.flatMap((thick) => widths.map((thin) => [thick, thin]))) {
      // A 7 with lines of two widths.
      const seven = pictureOf((x, y) => {
        const isTop = y >= 3 && y < 3 + thick && x >= 5 && x < 22;
        return isTop || (y >= 3 && y < 25 && x < 22 && x >= 22 - thin) ? 255 : 0;
      });
      for (const isThinned of [false, true]) {
        const { values } = withUsualLines(inkOf(seven)!, isThinned);
        const dark = (x: number, y: number) => values[y * SIDE + x] >= 0.3;
        for (let x = 7; x < 22 - thin; x++) {
          assert.ok(dark(x, 3 + Math.floor(thick / 2)), `${thick}, ${thin}: ${x}`);
        }
        for (let y = 3 + thick; y < 23; y++) {
          assert.ok(dark(21 - Math.floor(thin / 2), y), `${thick}, ${thin}: ${y}`);
        }
      }
    }
  });

  it('are joined where they are broken, and gaps that people leave stay', () => {
    const joined = (...rows: string[]) => {
      const values = Float32Array.from([...rows.join('')], (sign) => Number(sign === '#'));
      const ink = joinLines({ width: rows[0].length, height: rows.length, values }, GAPS);
      return rows.map((row, y) =>
        Array.from(row, (_, x) => (ink.values[y * row.length + x] > 0 ? '#' : '.')).join(''),
      );
    };
    assert.deepEqual(joined('##..#......#'), ['#####......#']);
    assert.deepEqual(joined('#...', '....', '...#'), ['#...', '.##.', '...#']);
    const ring = ['.####.', '#....#', '#....#', '......', '#....#', '.####.'];
    const closed = ring.map((row) => (row === '......' ? '#....#' : row));
    assert.deepEqual(joined(...ring), closed);
    const open = ['#....#', '#....#', '#....#', '######'];
    assert.deepEqual(joined(...open), open);
  });

  it('open their gaps again where they become strokes', () => {
    // A ring whose hole is grey: a thick pen has closed it.
    const ring = pictureOf((x, y) => {
      const r = Math.hypot(x - 13.5, y - 13.5);
      return r < 2 ? 150 : r < 9.5 ? 255 : 0;
    });
    const longest = (pixels: Uint8Array) => imageToStrokes(pixels, SIDE, SIDE).length / 4;
    const prepared = preparePicture(ring, true);
    assert.ok(prepared);
    assert.ok(longest(prepared) > 15, `${longest(prepared)} points, not a dot`);
  });

  it('stay as they are with noise, and in large pictures', () => {
    const salted = pictureOf((x, y) =>
      faintSeven.pixels[y * SIDE + x] || (x === 3 && y % 9 === 4) ? 255 : 0,
    );
    const grained = pictureOf((x, y) => faintSeven.pixels[y * SIDE + x] || ((x * 7 + y * 13) % 5) * 6);
    const large = pictureOf(
      (x, y) => (x === 50 && y > 20 && y < 80 ? 255 : x === 51 && y === 30 ? 4 : 0),
      100,
    );
    for (const picture of [salted, grained, large]) {
      const ink = inkOf(picture)!;
      for (const isThinned of [false, true]) assert.equal(withUsualLines(ink, isThinned), ink);
    }
    const ink = inkOf(faintSeven)!;
    assert.notEqual(withUsualLines(ink, false), ink);
  });
});
