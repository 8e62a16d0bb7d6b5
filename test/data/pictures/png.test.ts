/**
 * Protects reading untrusted PNG files: all pixel formats are converted correctly, paper and ink are distinguished, and
 * no file needs more memory than the limit for its picture.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { encode } from 'fast-png';
import { announcedPixels } from '#src/data/pictures/picture.js';
import { readPng } from '#src/data/pictures/png.js';
import { UserError } from '#src/user-error.js';
import { digits } from '../../ink/images.js';
import { greyPng, pngFile, unfiltered } from './png-file.js';

const read = (bytes: Uint8Array, channels?: number) => [...readPng(bytes, 'a.png', channels).pixels];

describe('PNG pictures', () => {
  test('are read unchanged, with any filters', async () => {
    for (const { pixels, width, height } of await digits(10)) {
      assert.deepEqual(read(greyPng(pixels, width)), [...pixels]);
      assert.deepEqual(read(encode({ width, height, data: pixels, channels: 1, depth: 8 })), [...pixels]);
    }
  });

  test('of dark ink on light paper are inverted', async () => {
    const [{ pixels, width }] = await digits(1);
    assert.deepEqual(
      read(
        greyPng(
          pixels.map((value) => 255 - value),
          width,
        ),
      ),
      [...pixels],
    );
  });

  test('may have 1 to 16 bits per sample, or a palette', () => {
    const packed = { width: 5, height: 1, raw: Uint8Array.of(0, 0b0001_1011, 0b0000_0000) };
    assert.deepEqual(read(pngFile({ ...packed, depth: 2 })), [0, 85, 170, 255, 0]);
    const bits = { width: 9, height: 2, depth: 1, raw: Uint8Array.of(0, 0b0100_0000, 0, 0, 0b0000_0001, 0) };
    assert.deepEqual(
      read(pngFile(bits))
        .map((value, i) => (value > 0 ? i : -1))
        .filter((i) => i >= 0),
      [1, 16],
    );
    const deep = Uint8Array.of(0, 0, 0, 0x80, 0x12, 0, 7);
    assert.deepEqual(read(pngFile({ width: 3, height: 1, depth: 16, raw: deep })), [0, 128, 0]);
    const before: [string, Uint8Array][] = [['PLTE', Uint8Array.of(0, 0, 0, 255, 255, 255, 0, 255, 0)]];
    const indexed = { width: 4, height: 1, depth: 4, type: 3, before, raw: Uint8Array.of(0, 0x01, 0x20) };
    assert.deepEqual(read(pngFile(indexed)), [0, 255, 150, 0]);
  });

  test('in colours become grey, or have three channels in each pixel row', () => {
    const raw = unfiltered([0, 0, 0, 255, 0, 0, 0, 0, 255, 0, 0, 0], 6);
    const file = pngFile({ width: 2, height: 2, type: 2, raw });
    assert.deepEqual(read(file), [0, 76, 29, 0]);
    assert.deepEqual(read(file, 3), [0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 255, 0]);
  });

  test('with a transparent background: the opaque pixels are ink', () => {
    const opaque = (grey: number) => {
      const rgba = Array.from({ length: 25 }, (_, i) => [grey, grey, grey, i === 12 ? 200 : 0]).flat();
      return read(pngFile({ width: 5, height: 5, type: 6, raw: unfiltered(rgba, 20) }));
    };
    const expected = Array.from({ length: 25 }, (_, i) => (i === 12 ? 200 : 0));
    assert.deepEqual(opaque(0), expected);
    assert.deepEqual(opaque(255), expected);
    const keyed = pngFile({
      width: 3,
      height: 3,
      raw: unfiltered([9, 9, 9, 9, 80, 9, 9, 9, 9], 3),
      before: [['tRNS', Uint8Array.of(0, 9)]],
    });
    assert.deepEqual(read(keyed), [0, 0, 0, 0, 255, 0, 0, 0, 0]);
  });

  test('with a transparent margin around a card: the edge of the card is paper', async () => {
    const [{ pixels, width, height }] = await digits(1);
    const margin = 9;
    const [wide, high] = [width + 2 * margin, height + 2 * margin];
    const framed = Array.from({ length: wide * high }, (_, i) => {
      const [x, y] = [(i % wide) - margin, Math.floor(i / wide) - margin];
      return x >= 0 && y >= 0 && x < width && y < height ? pixels[y * width + x] : null;
    });
    for (const isDark of [true, false]) {
      const rgba = framed.flatMap((ink) => {
        if (ink === null) return [7, 7, 7, 0];
        const grey = isDark ? 255 - ink : ink;
        return [grey, grey, grey, 255];
      });
      const card = pngFile({ width: wide, height: high, type: 6, raw: unfiltered(rgba, 4 * wide) });
      assert.deepEqual(
        read(card),
        framed.map((ink) => ink ?? 0),
      );
    }
  });
});

describe('invalid PNG files', () => {
  const refused = (bytes: Uint8Array, message: RegExp) =>
    assert.throws(
      () => readPng(bytes, 'a.png'),
      (error) => error instanceof UserError && message.test(error.message),
    );

  test('are refused before any pixel is inflated if they are too large', () => {
    const memory = process.memoryUsage().arrayBuffers;
    refused(pngFile({ width: 40_000, height: 40_000, raw: new Uint8Array(9) }), /40000 × 40000; from 1 × 1/);
    refused(pngFile({ width: 0, height: 5, raw: new Uint8Array(9) }), /0 × 5/);
    refused(pngFile({ width: 4000, height: 4000, depth: 16, type: 6 }), /bytes of pixels; at most/);
    assert.ok(process.memoryUsage().arrayBuffers - memory < 2 ** 24);
  });

  test('have a number of pixels that is read from the header alone', () => {
    assert.equal(announcedPixels(pngFile({ width: 40_000, height: 40_000 })), 1_600_000_000);
    assert.equal(announcedPixels(new Uint8Array(30)), 0);
    assert.equal(announcedPixels(pngFile({ width: 3, height: 4 }).subarray(0, 20)), 0);
  });

  test('are inflated at most to the size of the picture', () => {
    const bomb = deflateSync(new Uint8Array(2 ** 26));
    const began = process.memoryUsage().arrayBuffers;
    const before: [string, Uint8Array][] = [['IDAT', bomb]];
    refused(pngFile({ width: 8, height: 8, before }), /damaged, or more than 8 × 8/);
    const profile: [string, Uint8Array][] = [['iCCP', Buffer.concat([Buffer.from('p\0\0'), bomb])]];
    const raw = unfiltered(new Uint8Array(64).fill(7, 20, 30), 8);
    assert.equal(read(pngFile({ width: 8, height: 8, before: profile, raw })).length, 64);
    assert.ok(process.memoryUsage().arrayBuffers - began < 2 ** 25);
  });

  test('are refused with a message if cut or damaged at any byte', () => {
    const file = greyPng(
      Uint8Array.from({ length: 200 }, (_, i) => i),
      20,
    );
    for (let length = 0; length < file.length - 4; length++) refused(file.subarray(0, length), /^a\.png: /);
    const damage = fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(damage, (changes) => {
        const damaged = file.slice();
        for (const [at, value] of changes) damaged[at] = value;
        try {
          const { width, height, pixels } = readPng(damaged, 'a.png');
          assert.equal(pixels.length, width * height);
        } catch (error) {
          assert.ok(error instanceof UserError, String(error));
        }
      }),
      { numRuns: 500, seed: 3 },
    );
  });
});
