/**
 * Protects reading untrusted JPEG and WebP files: they give the picture that a PNG of the same pixels gives, upright;
 * photos of paper in uneven light give the ink; sizes are checked before decoding; damage ends in a message.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { preparePicture } from '#src/data/inputs/prepare-picture.js';
import { announcedPixels, readPicture } from '#src/data/pictures/picture.js';
import { UserError } from '#src/user-error.js';
import { digits } from '../../ink/images.js';
import { exif, type Grey, jpegFile, webpFile, withSegment } from './photo-file.js';
import { greyPng } from './png-file.js';

/** A mark in a corner: no two orientations give the same picture. */
const CORNER: Grey = {
  width: 40,
  height: 24,
  pixels: Uint8Array.from({ length: 40 * 24 }, (_, i) =>
    Math.floor(i / 40) < 8 && i % 40 < 16 && !(Math.floor(i / 40) > 3 && i % 40 > 7) ? 0 : 255,
  ),
};
const [jpeg, progressive] = [await jpegFile(CORNER), await jpegFile(CORNER, { progressive: true })];
const [webp, lossless] = [await webpFile(CORNER), await webpFile(CORNER, { lossless: 1 })];

const read = (bytes: Uint8Array, channels?: number) => readPicture(bytes, 'a.jpg', { channels });
const closeTo = (found: ArrayLike<number>, expected: ArrayLike<number>, most: number) => {
  assert.equal(found.length, expected.length);
  const mean = Array.from(found).reduce((sum, value, i) => sum + Math.abs(value - expected[i]), 0);
  assert.ok(mean / found.length <= most, `mean difference ${mean / found.length}`);
};

describe('JPEG and WebP pictures', () => {
  const ink = Array.from(CORNER.pixels, (value) => 255 - value);

  test('are read as grey, dark ink on light paper inverted', async () => {
    for (const file of [jpeg, progressive, webp, lossless]) {
      const picture = await read(file);
      assert.deepEqual([picture.width, picture.height, picture.channels], [40, 24, 1]);
      // Loss of the compression.
      closeTo(picture.pixels, ink, 4);
    }
    assert.deepEqual([...(await read(lossless)).pixels], ink);
  });

  test('have three channels for a network that reads colours', async () => {
    const { channels, pixels } = await read(lossless, 3);
    assert.equal(channels, 3);
    assert.deepEqual(
      [...pixels.subarray(0, 120)],
      [...Array(3)].flatMap(() => [...CORNER.pixels].slice(0, 40)),
    );
  });

  test('are turned upright as their Exif data say', async () => {
    // Where the pixel at x, y of the upright picture is stored (Exif 2.3).
    const stored: Record<number, (x: number, y: number) => [number, number]> = {
      2: (x, y) => [39 - x, y],
      3: (x, y) => [39 - x, 23 - y],
      4: (x, y) => [x, 23 - y],
      5: (x, y) => [y, x],
      6: (x, y) => [y, 23 - x],
      7: (x, y) => [39 - y, 23 - x],
      8: (x, y) => [39 - y, x],
    };
    for (const [orientation, from] of Object.entries(stored)) {
      for (const channels of [1, 3]) {
        const mark = exif(Number(orientation));
        const { width, height, pixels } = await read(withSegment(jpeg, 0xe1, mark), channels);
        assert.deepEqual([width, height], Number(orientation) >= 5 ? [24, 40] : [40, 24]);
        const expected = Array.from({ length: width * height * channels }, (_, i) => {
          const [x, y] = [i % width, Math.floor(i / width / channels)];
          const [u, v] = from(x, y);
          return channels === 1 ? ink[v * 40 + u] : CORNER.pixels[v * 40 + u];
        });
        closeTo(pixels, expected, 4);
        // PNG has Exif data without their mark; some programs write it, too.
        for (const data of [mark.subarray(6), mark]) {
          const png = await read(greyPng(CORNER.pixels, CORNER.width, [['eXIf', data]]), channels);
          assert.deepEqual([png.width, png.height, ...png.pixels], [width, height, ...expected]);
        }
      }
    }
    closeTo((await read(withSegment(jpeg, 0xe1, exif(9)))).pixels, ink, 4);
  });

  test('of a digit on paper in uneven light give the digit', async () => {
    const lights: Record<string, (x: number, y: number) => number> = {
      even: () => 225,
      dim: () => 100,
      'from one side': (x, y) => 60 + 90 * (x + y),
      'from the middle': (x, y) => 220 - 280 * ((x - 0.5) ** 2 + (y - 0.5) ** 2),
      'in a shadow': (x, y) => 215 - 105 * Math.min(1, Math.max(0, (x + 0.3 * y - 0.4) / 0.4)),
    };
    const [W, H, SIZE] = [600, 800, 300];
    for (const image of await digits(3)) {
      for (const [name, light] of Object.entries(lights)) {
        const pixels = Uint8Array.from({ length: W * H }, (_, i) => {
          const [x, y] = [i % W, Math.floor(i / W)];
          const [u, v] = [x - 120, y - 310].map((at) => Math.floor((at / SIZE) * 28));
          const inside = u >= 0 && v >= 0 && u < 28 && v < 28;
          const share = inside ? image.pixels[v * 28 + u] / 255 : 0;
          return light(x / W, y / H) * (1 - 0.75 * share) + ((i * 7919) % 13) - 6;
        });
        const picture = await read(await jpegFile({ width: W, height: H, pixels }));
        const found = preparePicture(picture);
        const expected = preparePicture(image);
        assert.ok(found && expected, name);
        // A faint end of a line may be lost, which moves the figure's box by a pixel or two.
        const shifts = [-2, -1, 0, 1, 2].flatMap((y) => [-2, -1, 0, 1, 2].map((x) => 28 * y + x));
        const best = Math.max(...shifts.map((shift) => correlation(found, shifted(expected, shift))));
        assert.ok(best > 0.8, `${name}: ${best}`);
      }
    }
  });
});

function shifted(pixels: Uint8Array, by: number): Uint8Array {
  return pixels.map((_, i) => pixels[i + by] ?? 0);
}

function correlation(a: Uint8Array, b: Uint8Array): number {
  const mean = (values: Uint8Array) => values.reduce((x, y) => x + y, 0) / values.length;
  const [m, n] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((value, i) => {
    ab += (value - m) * (b[i] - n);
    aa += (value - m) ** 2;
    bb += (b[i] - n) ** 2;
  });
  return ab / Math.sqrt(aa * bb);
}

describe('invalid JPEG and WebP files', () => {
  const refused = (bytes: Uint8Array, message: RegExp) =>
    assert.rejects(read(bytes), (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, message);
      return true;
    });
  /** The bytes with others from the first place after `marker` on. */
  const patched = (bytes: Uint8Array, marker: number[], offset: number, values: number[]) => {
    const at = Buffer.from(bytes).indexOf(Uint8Array.from(marker));
    const copy = bytes.slice();
    copy.set(values, at + offset);
    return copy;
  };
  const FRAME = [0xff, 0xc0, 0, 17];

  test('are refused before they are decoded if they are too large, and the header tells the size', async () => {
    const huge = patched(jpeg, FRAME, 5, [0xff, 0xff, 0xff, 0xff]);
    assert.equal(announcedPixels(huge), 65535 * 65535);
    await refused(huge, /a JPEG of 65535 × 65535; from 1 × 1 to 16777216 pixels/);
    await refused(patched(jpeg, FRAME, 5, [0, 0]), /a JPEG of 40 × 0/);
    const wide = patched(webp, [0x9d, 0x01, 0x2a], 3, [0xff, 0x3f, 0xff, 0x3f]);
    assert.equal(announcedPixels(wide), 16383 * 16383);
    await refused(wide, /a WebP of 16383 × 16383/);
    assert.equal(announcedPixels(lossless), 40 * 24);
    assert.equal(announcedPixels(jpeg.subarray(0, 30)), 0);
  });

  test('that are not read say so', async () => {
    await refused(patched(jpeg, FRAME, 4, [12]), /12 bits a sample/);
    await refused(patched(jpeg, FRAME, 1, [0xc9]), /with arithmetic coding/);
    await refused(patched(jpeg, FRAME, 1, [0xc3]), /lossless/);
    const cmyk = Uint8Array.of(8, 0, 9, 0, 9, 4, 1, 17, 0, 2, 17, 0, 3, 17, 0, 4, 17, 0);
    await refused(withSegment(jpeg, 0xc0, cmyk), /CMYK/);
    const extended = Buffer.concat([
      webp.subarray(0, 12),
      Buffer.from('VP8X\x0a\0\0\0\x02\0\0\0\x27\0\0\x17\0\0', 'latin1'),
      webp.subarray(12),
    ]);
    extended.writeUInt32LE(extended.length - 8, 4);
    await refused(extended, /an animated WebP/);
  });

  test('with hundreds of scans are refused', async () => {
    const at = Buffer.from(progressive).indexOf(Uint8Array.of(0xff, 0xda));
    const scan = progressive.subarray(at, -2);
    const many = Buffer.concat([
      progressive.subarray(0, at),
      ...Array(101).fill(scan),
      progressive.subarray(-2),
    ]);
    await refused(many, /in \d+ scans; at most 100 scans/);
  });

  test('are refused with a message if cut or damaged at any byte, and the next picture is read', async () => {
    for (const file of [jpeg, progressive, webp, lossless]) {
      for (let length = 0; length < file.length; length += 7)
        await refused(file.subarray(0, length), /^a\.jpg: /);
      const damage = fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
      await fc.assert(
        fc.asyncProperty(damage, async (changes) => {
          const damaged = file.slice();
          for (const [at, value] of changes) damaged[at] = value;
          try {
            const { width, height, pixels } = await read(damaged);
            assert.equal(pixels.length, width * height);
          } catch (error) {
            assert.ok(error instanceof UserError, String(error));
          }
        }),
        { numRuns: 60, seed: 3 },
      );
    }
    assert.equal((await read(jpeg)).width, 40);
  });
});
