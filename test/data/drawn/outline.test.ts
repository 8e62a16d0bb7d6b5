/** Protects curves in outlines, numbers chosen from ranges, and ends of strokes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dice } from '#src/data/drawn/dice.js';
import { drawnByHand, type Hand } from '#src/data/drawn/handwriting.js';
import { chosenOutline, outlineStrokes } from '#src/data/drawn/outline.js';
import { Random } from '#src/random.js';

const dice = (seed: number) => new Dice(new Random(seed, 1));

test('a curve goes through its points, smoothly, and straight through points on a line', () => {
  const [{ xs, ys }] = outlineStrokes('M0 0 C.5 .5 1 0 .5 -.5');
  for (const [x, y] of [
    [0, 0],
    [0.5, 0.5],
    [1, 0],
    [0.5, -0.5],
  ]) {
    assert.ok(
      xs.some((each, n) => Math.hypot(each - x, ys[n] - y) < 1e-9),
      `${x} ${y}`,
    );
  }
  // Directions change by little from point to point.
  for (let n = 2; n < xs.length; n++) {
    const before = Math.atan2(ys[n - 1] - ys[n - 2], xs[n - 1] - xs[n - 2]);
    const after = Math.atan2(ys[n] - ys[n - 1], xs[n] - xs[n - 1]);
    assert.ok(Math.cos(after - before) > 0.7, `corner at point ${n}`);
  }
  const [line] = outlineStrokes('M0 0 C.2 .2 .7 .7');
  for (const [n, x] of line.xs.entries()) assert.ok(Math.abs(x - line.ys[n]) < 1e-9);
  const [still] = outlineStrokes('M.5 .5 C.5 .5 .5 .5');
  assert.ok([...still.xs, ...still.ys].every((value) => value === 0.5));
});

test('a text that is no outline is refused', () => {
  for (const text of ['M0 0 C1 1', 'M0 0 C1 1 2', 'M0 0 L1']) {
    assert.throws(() => outlineStrokes(text), /^Error: outline: /);
  }
});

test('a number in a range is chosen anew each time, and others stay', () => {
  const numbers = Array.from({ length: 50 }, (_, seed) => chosenOutline('M-.2~.4 .5 L1 1', dice(seed)));
  for (const text of numbers) {
    const x = Number(text.match(/^M(\S+) \.5 L1 1$/)?.[1]);
    assert.ok(x >= -0.2 && x <= 0.4, text);
  }
  assert.ok(new Set(numbers).size > 40);
});

test('strokes with ends are longer or shorter, by little', () => {
  const hand: Hand = { rounding: 0, rotation: 0, stretch: 0, slant: 0, bend: 0, ends: 0.1 };
  const lengths = Array.from({ length: 40 }, (_, seed) => {
    const [{ ys }] = drawnByHand(outlineStrokes('M.5 0 L.5 1'), dice(seed), hand);
    return ys[ys.length - 1] - ys[0];
  });
  assert.ok(Math.min(...lengths) < 0.95 && Math.max(...lengths) > 1.05);
  assert.ok(lengths.every((length) => length > 0.5 && length < 1.5));
});
