/** Protects the pictures with which people's hands are measured: one character, dark on light, in the middle, in one size. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { glyphsOf, SIDE } from '#bench/hands/glyphs.js';

const FONT = import.meta.resolve('@fontsource/ibm-plex-sans/files/ibm-plex-sans-latin-400-normal.woff2');

describe('characters of a font', () => {
  it('are 40 pixels long, in the middle, dark on light', async () => {
    const font = { name: 'plex', bytes: await readFile(fileURLToPath(FONT)) };
    const glyphs = glyphsOf([font], '0147Ag');
    assert.equal(glyphs.map(({ character }) => character).join(''), '0147Ag');
    for (const { character, pixels } of glyphs) {
      assert.equal(pixels.length, SIDE * SIDE);
      const inked = [...pixels.keys()].filter((i) => pixels[i] < 128);
      const [xs, ys] = [inked.map((i) => i % SIDE), inked.map((i) => Math.floor(i / SIDE))];
      const [left, right] = [Math.min(...xs), Math.max(...xs)];
      const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
      assert.ok(
        Math.abs(Math.max(right - left, bottom - top) + 1 - 40) <= 2,
        `${character}: ${right - left} × ${bottom - top}`,
      );
      for (const middle of [(left + right) / 2, (top + bottom) / 2])
        assert.ok(Math.abs(middle - (SIDE - 1) / 2) <= 1.5, `${character}: ${middle}`);
    }
    assert.equal(new Set(glyphs.map(({ pixels }) => pixels.join())).size, glyphs.length);
    assert.deepEqual(glyphsOf([font], ' '), []);
  });
});
