/**
 * Protects the numbers that people read and compare: scores, times, the recall table. Only a perfect score is shown as
 * 100 %, and a class name cannot control the terminal.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { classRecalls, mistakeCount, recallFloor, worstConfusion } from '#src/report/recall.js';
import {
  formatCount,
  formatNumber,
  formatPoints,
  formatRecallTable,
  formatScore,
  formatSeconds,
  formatSetting,
  formatShare,
  otherWays,
  plural,
  refusalRows,
} from '#src/report/text.js';

test('a score is shown as counts and percent, and only a perfect one as 100 %', () => {
  assert.equal(formatScore({ correct: 9764, count: 10_000 }), '9764/10000 = 97.64 %');
  assert.equal(formatScore({ correct: 10_000, count: 10_000 }), '10000/10000 = 100.00 %');
  assert.equal(formatScore({ correct: 99_999, count: 100_000 }), '99999/100000 = 99.999 %');
  assert.equal(formatScore({ correct: 0, count: 7 }), '0/7 = 0.00 %');
  assert.equal(formatScore({ correct: 0, count: 0 }), '0/0');
  assert.equal(formatShare(Number.NaN), '–');
  fc.assert(
    fc.property(fc.nat(1e6), fc.integer({ min: 1, max: 1e6 }), (missing, count) => {
      const correct = Math.max(0, count - missing);
      assert.equal(/ 100\.?0* %$/.test(formatScore({ correct, count })), correct === count);
    }),
    { seed: 1 },
  );
});

test('times have two units at most', () => {
  const texts: [number, string][] = [
    [0.8412, '0.84 s'],
    [12.34, '12.3 s'],
    [59.97, '1 min 00 s'],
    [65.2, '1 min 05 s'],
    [3599.7, '1 h 00 min'],
    [7380, '2 h 03 min'],
    [Number.NaN, '–'],
  ];
  for (const [seconds, text] of texts) assert.equal(formatSeconds(seconds), text);
});

test('numbers have three significant digits, counts have thousands separators', () => {
  const texts: [number, string][] = [
    [0.041237, '0.0412'],
    [2.3046, '2.3'],
    [0, '0'],
    [1e-4, '1e-4'],
    [2.4e-8, '2.4e-8'],
    [123_456_789, '1.23e8'],
    [Number.POSITIVE_INFINITY, '–'],
  ];
  for (const [value, text] of texts) assert.equal(formatNumber(value), text);
  assert.equal(formatCount(3_883_018.4), '3,883,018');
  assert.equal(formatCount(999), '999');
  assert.equal(plural(1, 'epoch'), '1 epoch');
  assert.equal(plural(1000, 'epoch'), '1,000 epochs');
});

test('settings are unchanged, except that long fractions are rounded', () => {
  const texts: [number, string][] = [
    [5 / 6, '0.8333'],
    [0.999, '0.999'],
    [1e-8, '1e-8'],
    [0.000123456, '0.0001235'],
    [123_456_789_012, '123456789012'],
    [0.1 + 0.2, '0.3'],
  ];
  for (const [value, text] of texts) assert.equal(formatSetting(value), text);
});

test('differences are points with a sign; zero has no sign', () => {
  const texts: [number, number, string][] = [
    [0.9752, 0.9764, '−0.12'],
    [0.98, 0.9764, '+0.36'],
    [0.9764, 0.9764, '0.00'],
    [0.97640001, 0.9764, '0.00'],
    [0, 1, '−100.00'],
    [Number.NaN, 0.9764, '–'],
  ];
  for (const [share, other, text] of texts) assert.equal(formatPoints(share, other), text);
});

test('otherWays lists the ways that were scored', () => {
  const testScore = { correct: 99, count: 100 };
  assert.deepEqual(otherWays({ testScore, reversedScore: null, reorderedScore: null }), []);
  const reorderedScore = { correct: 98, count: 100 };
  assert.deepEqual(otherWays({ testScore, reversedScore: null, reorderedScore }), [
    { name: 'strokes in reverse order', score: reorderedScore, points: '−1.00' },
  ]);
  const reversedScore = { correct: 97, count: 100 };
  assert.deepEqual(
    otherWays({ testScore, reversedScore, reorderedScore }).map(({ name, points }) => [name, points]),
    [
      ['drawn in reverse', '−2.00'],
      ['strokes in reverse order', '−1.00'],
    ],
  );
});

test('the recall table is aligned, with bars and each class’s most frequent mistake', () => {
  const table = formatRecallTable(
    [
      [95, 5, 0],
      [0, 100, 0],
      [1, 0, 79],
    ],
    ['zero', '一', 'two'],
  );
  assert.equal(
    table,
    [
      'class    recall  90 %           100 %  correct  most often taken for',
      'zero    95.00 %  ██████████             95/100  一 (5 times)',
      '一     100.00 %  ████████████████████  100/100  –',
      'two     98.75 %  █████████████████▌      79/80  zero (once)',
    ].join('\n'),
  );
});

test('a class without samples has no recall; a table without classes is its header', () => {
  const table = formatRecallTable(
    [
      [0, 0],
      [1, 3],
    ],
    [],
  );
  assert.match(table, /^0 +– +0\/0 +–$/m);
  assert.match(table, /^1 +75\.00 % /m);
  assert.equal(formatRecallTable([], []).split('\n').length, 1);
});

test('a class name cannot control the terminal', () => {
  const table = formatRecallTable([[1]], ['\u001b[2J\u0007\u202eevil\r\n']);
  assert.ok(!/[^\n\P{Cc}]|\u202e/u.test(table), JSON.stringify(table));
  assert.equal(table.split('\n').length, 2);
});

test('recalls, mistakes and the worst confusion of a matrix', () => {
  const confusion = [
    [8, 2, 2],
    [0, 0, 0],
    [0, 3, 7],
  ];
  const recalls = classRecalls(confusion, ['a', '', 'c']);
  assert.deepEqual(
    recalls.map(({ name, recall, takenFor }) => [name, recall, takenFor?.name ?? null]),
    [
      ['a', 8 / 12, '1'],
      ['1', null, null],
      ['c', 0.7, '1'],
    ],
  );
  assert.equal(mistakeCount(confusion), 7);
  assert.deepEqual(worstConfusion(confusion), { label: 2, predicted: 1, count: 3 });
  assert.equal(worstConfusion([[4]]), null);
});

test('bars begin where the bar of the lowest recall is still visible', () => {
  const floorOf = (...recalls: number[]) =>
    recallFloor(
      recalls.map((recall) => ({ label: 0, name: '', correct: 0, count: 1, recall, takenFor: null })),
    );
  assert.equal(floorOf(0.995, 1), 0.99);
  assert.equal(floorOf(0.981, 0.99), 0.95);
  assert.equal(floorOf(0.3), 0);
  assert.equal(floorOf(), 0.99);
});

test('refusals are listed for the test samples, all negatives, and each kind', () => {
  assert.deepEqual(refusalRows({ refusals: null }), []);
  const refusals = {
    test: { refused: 1, count: 200 },
    negatives: { refused: 9, count: 10 },
    kinds: [{ kind: 'letters', refused: 9, count: 10 }],
  };
  assert.deepEqual(refusalRows({ refusals }), [
    ['test samples', '1/200 = 0.50 %'],
    ['negatives', '9/10 = 90.00 %'],
    ['letters', '9/10 = 90.00 %'],
  ]);
});
