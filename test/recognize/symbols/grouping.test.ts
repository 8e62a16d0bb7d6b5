/** Protects the grouping of pieces: the best path for given answers, the lines, and the labels of components. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ComponentCounter } from '#src/ink/components.js';
import { labelComponents } from '#src/ink/label-components.js';
import { bestGroups, candidatesOf, keyOf, ordersOf } from '#src/recognize/symbols/grouping.js';
import { type Piece, typicalHeight } from '#src/recognize/symbols/segmented-ink.js';
import { linesOf } from '#src/recognize/symbols/text-lines.js';
import { anyImage } from '../../ink/images.js';

/** A piece of height 20 between two columns. */
function piece(left: number, right: number, { top = 0, bottom = 20, touching = [] as number[] } = {}): Piece {
  return { parts: [{ index: left, from: 0, to: 1 }], box: { left, top, right, bottom }, touching };
}

/** The groups if the recogniser gives these candidates these probabilities, and 0.001 to all others. */
function grouped(pieces: Piece[], probabilities: Record<string, number>) {
  const orders = ordersOf([...pieces.keys()], pieces, true);
  const answers = new Map(
    candidatesOf(orders, pieces, 20).map((group) => {
      const share = probabilities[keyOf(group)] ?? 0.001;
      return [keyOf(group), { symbol: Math.log(share), none: Math.log(1 - share) }];
    }),
  );
  return bestGroups(orders, pieces, 20, answers).map(({ pieces: group, isSymbol }) =>
    isSymbol ? keyOf(group) : `(${keyOf(group)})`,
  );
}

describe('grouping', () => {
  test('follows the recogniser', () => {
    const pieces = [piece(0, 8), piece(9, 12), piece(20, 30)];
    assert.deepEqual(grouped(pieces, { 0: 0.9, 1: 0.9, 2: 0.9, '0 1': 0.01 }), ['0', '1', '2']);
    assert.deepEqual(grouped(pieces, { 0: 0.02, 1: 0.02, 2: 0.9, '0 1': 0.99 }), ['0 1', '2']);
  });

  test('geometry decides where the recogniser does not', () => {
    const likely = { 0: 0.9, 1: 0.9, '0 1': 0.9 };
    assert.deepEqual(grouped([piece(0, 4), piece(10, 14)], likely), ['0', '1']);
    const low = piece(3, 9, { top: 14, bottom: 17 });
    assert.deepEqual(grouped([piece(0, 10), low], likely), ['0 1']);
    const touching = [piece(0, 9, { bottom: 10, touching: [1] }), piece(9, 14, { top: 6, touching: [0] })];
    assert.deepEqual(grouped(touching, likely), ['0 1']);
  });

  test('a symbol has four pieces at most', () => {
    const pieces = [0, 4, 8, 12, 16].map((left) => piece(left, left + 3));
    const groups = candidatesOf(ordersOf([0, 1, 2, 3, 4], pieces, true), pieces, 20);
    assert.equal(Math.max(...groups.map(({ length }) => length)), 4);
    assert.equal(groups.length, 5 + 4 + 3 + 2);
  });

  test('leaves out what is none of the classes', () => {
    const dash = piece(12, 18, { top: 9, bottom: 11 });
    assert.deepEqual(grouped([piece(0, 8), dash, piece(22, 30)], { 0: 0.9, 2: 0.9 }), ['0', '(1)', '2']);
  });

  test('pieces that were drawn one after the other group across their places', () => {
    // The bar of a symbol, drawn with it, is above the next.
    const pieces = [piece(0, 12), piece(8, 26, { top: 0, bottom: 2 }), piece(15, 18, { top: 4 })];
    const answers = { 0: 0.05, 2: 0.99, '0 1': 0.99, '1 2': 0.02 };
    assert.deepEqual(grouped(pieces, answers), ['0 1', '2']);
  });
});

describe('lines', () => {
  test('neighbours may be at different heights', () => {
    const pieces = [0, 12, 3, 9].map((top, n) => piece(20 * n, 20 * n + 10, { top, bottom: top + 20 }));
    assert.equal(linesOf(pieces, 20).length, 1);
  });

  test('small pieces join the nearest line', () => {
    const pieces = [
      piece(0, 10, { top: 40, bottom: 60 }),
      piece(0, 10),
      piece(20, 30),
      piece(12, 15, { top: 47, bottom: 49 }),
    ];
    assert.deepEqual(linesOf(pieces, 20), [
      [1, 2],
      [0, 3],
    ]);
  });

  test('dots and a long line do not change the typical height', () => {
    const high = (height: number) => piece(0, 8, { bottom: height }).box;
    assert.equal(typicalHeight([20, 22, 18, 21, 20, 19, 2, 1, 3].map(high)), 20);
    const line = piece(-50, 200, { bottom: 1 }).box;
    const dot = piece(3, 3, { bottom: 0 }).box;
    for (const others of [[dot], [dot, dot, dot], [high(3)], [high(3), high(4)], [line], [line, dot, line]]) {
      assert.equal(typicalHeight([high(20), ...others]), 20);
      assert.equal(typicalHeight([...others, high(20), high(22)]), 20);
    }
    // The hat of a five.
    assert.equal(typicalHeight([high(20), piece(0, 10, { bottom: 3 }).box]), 20);
    assert.equal(typicalHeight([line]), 250 / 1.5);
    assert.ok(typicalHeight([dot, dot]) > 0, 'sizes are divided by it');
    assert.equal(typicalHeight([]), 0);
  });
});

test('labels of components agree with their count', () => {
  fc.assert(
    fc.property(anyImage, ({ width, height, pixels }) => {
      const values = Float32Array.from(pixels, (value) => value / 255);
      const { labels, count } = labelComponents({ width, height, values }, 128 / 255, 1);
      const { eight } = new ComponentCounter(width, height).measure(pixels, 127);
      assert.equal(count, eight);
      pixels.forEach((value, i) => {
        assert.equal(labels[i] > 0, value > 127);
      });
    }),
  );
  // Faint pixels join the component that is nearest.
  const values = Float32Array.of(1, 0.1, 0.1, 0.1, 0, 0.1, 1);
  const { labels } = labelComponents({ width: 7, height: 1, values }, 0.5, 0.05);
  assert.deepEqual([...labels], [1, 1, 1, 1, 0, 2, 2]);
});
