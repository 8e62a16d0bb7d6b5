/** Protects the division of drawings on the disk: what names of files say about parts and classes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Division, type DrawingPart } from '#src/data/strokes/stored/division.js';

const LIMITS = { train: 3, validation: 1, test: 2 };
const file = (name: string, isTest = false) => ({ path: name, name, isTest, bytes: 0 });

/** The parts of so many drawings of class 0 of a file. */
const partsOf = (division: Division, place: number, count: number) =>
  Array.from({ length: count }, () => division.partFor(place, 0, 'any'));

test('with files for the test, the others give no test drawings, and are full without them', () => {
  const division = new Division([file('cat.ndjson'), file('test-cat.ndjson', true)], LIMITS);
  const own: (DrawingPart | null)[] = ['train', 'train', 'train', 'validation', null];
  assert.deepEqual(partsOf(division, 0, 5), own);
  assert.ok(division.isFull(0, ['cat'], [0]));
  assert.ok(!division.isFull(1, ['cat'], [0]));
  assert.deepEqual(partsOf(division, 1, 3), ['test', 'test', null]);
  assert.ok(division.isFull(1, ['cat'], [0]));
});

test('a file is full only if its name is that of the class', () => {
  const names: [string, string, boolean][] = [
    ['cat.ndjson', 'cat', true],
    ['Full_Simplified_The Eiffel Tower.ndjson', 'The Eiffel Tower', true],
    ['full_raw_cat.ndjson', 'cat', true],
    ['cat.full.npz', 'cat', true],
    ['cat.test.ndjson', 'cat', true],
    ['education.ndjson', 'cat', false],
    ['drawings.ndjson', 'a', false],
    ['a.ndjson.ndjson', 'ndjson', false],
    ['dog-and-cat.ndjson', 'cat', false],
  ];
  for (const [name, word, expected] of names) {
    const division = new Division([file(name)], LIMITS);
    partsOf(division, 0, 6);
    assert.equal(division.isFull(0, [word], [0]), expected, name);
  }
});

test('where a part stays empty, the numbers that were asked for are named, and the way out', () => {
  const refusal = (limits: typeof LIMITS | null, drawings: number) => {
    const division = new Division([file('cat.ndjson')], limits);
    partsOf(division, 0, drawings);
    let message = '';
    assert.throws(
      () => division.check('drawings', new Map([['cat', 0]])),
      (error: Error) => {
        message = error.message;
        return true;
      },
    );
    return message;
  };
  assert.match(
    refusal({ train: 1000, validation: 100, test: 10 }, 40),
    /^drawings: 40 .* The first 1000 .* validation \(100\) and test \(10\); "cat" has 40\. Ask for fewer, or for none/,
  );
  assert.match(
    refusal(null, 6),
    /at least one\. Give at least 7 drawings of each class, or files for the test/,
  );
  const empty = new Division([file('cat.ndjson')], LIMITS);
  assert.throws(() => empty.check('drawings', new Map()), /0 drawings are for training/);
});
