/** Protects the text of a reading: the same spaces in files and in the page, whichever symbols are written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textLines } from '#src/recognize/symbols/reading-text.js';

const symbols = [
  { answer: 'A', line: 0 },
  { answer: 'B', line: 0 },
  { answer: 'A', line: 2 },
];

test('names are separated if the network has one of several letters, and by the names that people gave', () => {
  assert.deepEqual(textLines(symbols, ['A', 'B', 'none']), ['AB', 'A']);
  assert.deepEqual(textLines(symbols, ['A', 'B', 'ring']), ['A B', 'A']);
  const called = new Map([['A', 'a ring']]);
  const nameOf = (name: string) => called.get(name) ?? name;
  assert.deepEqual(textLines(symbols, ['A', 'B'], nameOf), ['a ring B', 'a ring']);
});
