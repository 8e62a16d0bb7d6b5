/** Protects the reader of one sequence or list of labels: accepted forms; errors name the line. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatStrokes, parseLabels, parseStrokes } from '#src/data/strokes/files/stroke-text.js';
import { UserError } from '#src/user-error.js';

const bytes = (text: string) => new TextEncoder().encode(text);
const parse = (text: string) => [...parseStrokes(bytes(text), 'a.txt')];

const refused = (text: string, message: RegExp) =>
  assert.throws(
    () => parse(text),
    (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, message);
      return true;
    },
  );

test('moves, with any white space, with and without a line break at the end', () => {
  const moves = [3, 4, 0, 0, -12, 0, 0, 0, 0, 0, 1, 1];
  for (const text of [
    '3 4 0 0\n-12 0 0 0\n0 0 1 1\n',
    '3 4 0 0\n-12 0 0 0\n0 0 1 1',
    '3\t4 0   0 \r\n -12 -0 0 0\r\n\r\n0 0 1 1\r\n\n',
  ]) {
    assert.deepEqual(parse(text), moves);
  }
  assert.deepEqual(parse('-32767 32767 0 0\n0 0 1 1'), [-32767, 32767, 0, 0, 0, 0, 1, 1]);
});

test('an invalid move is refused with its line', () => {
  refused('', /^a\.txt is empty; expected four whole numbers, dx dy eos eod, a line each$/);
  refused('\n \n', /a\.txt is empty/);
  refused('1 2 0 0\n1 2 0\n0 0 1 1', /^a\.txt:2: expected four whole numbers, dx dy eos eod, found "1 2 0"$/);
  refused('1 2 0 0 5\n0 0 1 1', /a\.txt:1: .* found "1 2 0 0 5"/);
  refused('1 2 0 0\n\n1 x 0 0\n0 0 1 1', /a\.txt:3: .* found "1 x 0 0"/);
  refused('1.5 2 0 0\n', /found "1\.5 2 0 0"/);
  refused('1 2 0 - 0\n', /a\.txt:1/);
  refused('1 2 0 0-\n', /a\.txt:1/);
  refused('NaN 2 0 0', /a\.txt:1/);
  refused('1e3 2 0 0', /a\.txt:1/);
  refused('32768 0 0 0', /found "32768 0 0 0"/);
  refused('-99999999999999999999 0 0 0', /a\.txt:1/);
  refused('\u0000\u001b[2J 0 0 0', /a\.txt:1: .* found "\\u0000\\u001b/);
});

test('eos and eod are 0 or 1, and only the last move has eod 1', () => {
  refused('1 2 2 0\n0 0 1 1', /a\.txt:1: eos and eod must be 0 or 1, found 2 0/);
  refused('1 2 0 -1\n0 0 1 1', /found 0 -1/);
  refused('1 2 0 0\n0 0 1 1\n1 2 0 0\n0 0 1 1', /a\.txt:2: eod is 1 before the last move/);
  refused('1 2 0 0\n1 0 0 0\n', /a\.txt:2: the last move must end the drawing .* cut short/);
});

test('labels', () => {
  assert.deepEqual(parseLabels(bytes('7\n3\n0\n'), 'l'), [7, 3, 0]);
  assert.throws(() => parseLabels(bytes('7\n-3\n'), 'l'), /l:2: expected a label, .* found "-3"/);
  assert.throws(() => parseLabels(bytes('7 3\n'), 'l'), /l:1: /);
});

test('any bytes give moves or a UserError', () => {
  const text = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc
      .array(fc.constantFrom('1', '0', '-', ' ', '\n', '\r', '9', 'x', '\t', '0 0 1 1\n', '3 4 0 0\n'), {
        maxLength: 30,
      })
      .map((parts) => bytes(parts.join(''))),
  );
  fc.assert(
    fc.property(text, (input) => {
      try {
        const moves = parseStrokes(input, 'a.txt');
        assert.ok(moves.length >= 4 && moves.length % 4 === 0);
        assert.deepEqual(parseStrokes(bytes(formatStrokes(moves)), 'a.txt'), moves);
      } catch (error) {
        assert.ok(error instanceof UserError, String(error));
      }
    }),
    { seed: 11, numRuns: 3000 },
  );
});
