/**
 * Protects corrections of a reading: what a person has decided stays while strokes are added beside it, the rest is
 * grouped around it, and corrections of other ink are refused.
 */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { openBackend } from '#src/backends/open-node.js';
import type { RecognizerInput } from '#src/recognize/prepare-input.js';
import { openRecognizer } from '#src/recognize/recognizer.js';
import { type ReadSymbol, readSymbols, regroupSymbols } from '#src/recognize/symbols/read-symbols.js';
import { shippedModel } from '#src/runs/shipped-models.js';
import { UserError } from '#src/user-error.js';

const backend = await openBackend('auto', () => {});
const digits = openRecognizer(await shippedModel('digits'), backend, { name: 'digits' });
after(() => {
  digits.close();
  backend.close();
});

const one = (x: number) => ({ xs: [x, x - 1, x], ys: [0, 20, 40] });
const seven = (x: number) => ({ xs: [x, x + 25, x + 10], ys: [0, 0, 40] });
const drawing = (...strokes: { xs: number[]; ys: number[] }[]): RecognizerInput => ({
  kind: 'drawing',
  strokes,
});
const whole = (index: number, to = 3) => ({ index, from: 0, to });
const strokesOf = ({ parts }: Pick<ReadSymbol, 'parts'>) => parts.map(({ index }) => index);

describe('corrections', () => {
  test('a class that a person gives stays, also with strokes before, after and above', async () => {
    const corrections = [{ parts: [whole(1)], answer: '2' }];
    const input = drawing(one(10), seven(30), seven(80), one(-30));
    const before = await readSymbols(digits, input);
    assert.equal(before.text, '1177');
    const { text, symbols } = await readSymbols(digits, input, { corrections });
    assert.equal(text, '1127');
    const [, , given, last] = symbols;
    assert.ok(given.corrected && !given.unsure && !last.corrected);
    assert.equal(given.probability, before.symbols[2].probabilities[2]);
    assert.equal(given.alternatives[0].class, '7');
    assert.ok(!given.alternatives.some((guess) => guess.class === '2'));
  });

  test('strokes that are one symbol stay one, and are not joined with others', async () => {
    const strokes = [one(0), one(14), one(28)];
    assert.deepEqual((await readSymbols(digits, drawing(...strokes))).symbols.map(strokesOf), [
      [0],
      [1],
      [2],
    ]);
    const corrections = [{ parts: [whole(0), whole(1)] }];
    const { symbols } = await readSymbols(digits, drawing(...strokes, one(42)), { corrections });
    assert.deepEqual(symbols.map(strokesOf), [[0, 1], [2], [3]]);
    assert.deepEqual(
      symbols.map(({ corrected }) => corrected),
      [true, false, false],
    );
  });

  test('a stroke in two symbols stays in two: what a split gives is a correction', async () => {
    const long = { xs: [0, 0, 0, 20, 45, 30], ys: [0, 20, 40, 0, 0, 40] };
    const input = drawing(long);
    const reading = await readSymbols(digits, input, { corrections: [{ parts: [whole(0, 6)] }] });
    const split = await regroupSymbols(digits, input, reading, { split: 0 });
    assert.ok(split.symbols.every(({ corrected }) => corrected));
    const corrections = split.symbols.map(({ parts }) => ({ parts }));
    const more = await readSymbols(digits, drawing(long, one(80)), { corrections });
    assert.deepEqual(
      more.symbols.map(({ parts }) => parts),
      [...corrections.map(({ parts }) => parts), [whole(1)]],
    );
    // The part of the stroke that no correction claims is still read.
    const half = await readSymbols(digits, input, { corrections: corrections.slice(0, 1) });
    assert.deepEqual(
      half.symbols.map(({ parts }) => parts),
      corrections.map(({ parts }) => parts),
    );
  });

  test('what is no symbol is left out, and comes back without the correction', async () => {
    const input = drawing(one(0), seven(20), one(70));
    const corrections = [{ parts: [whole(1)], answer: null }];
    const { text, leftOut } = await readSymbols(digits, input, { corrections });
    assert.equal(text, '11');
    assert.deepEqual(
      leftOut.map(({ reason, parts }) => ({ reason, parts })),
      [{ reason: 'corrected', parts: [whole(1)] }],
    );
    const all = [0, 1, 2].map((index) => ({ parts: [whole(index)], answer: null }));
    assert.equal((await readSymbols(digits, input, { corrections: all })).text, '');
  });

  test('a dot may be a symbol if a person says so', async () => {
    const dot = { xs: [60], ys: [38] };
    const input = drawing(one(0), seven(20), dot);
    assert.equal((await readSymbols(digits, input)).text, '17');
    const corrections = [{ parts: [whole(2, 1)], answer: '0' }];
    assert.equal((await readSymbols(digits, input, { corrections })).text, '170');
  });

  test('components of a picture can be corrected', async () => {
    const [width, height] = [40, 30];
    const pixels = new Uint8Array(width * height);
    for (const left of [8, 26]) {
      for (let y = 5; y < 25; y++) pixels.fill(255, y * width + left, y * width + left + 3);
    }
    const input = { kind: 'picture', width, height, pixels } as const;
    const { text, symbols } = await readSymbols(digits, input);
    assert.equal(text, '11');
    const corrections = [{ parts: symbols[1].parts, answer: '4' }];
    assert.equal((await readSymbols(digits, input, { corrections })).text, '14');
    // Columns are whole.
    const [{ index, from, to }] = symbols[1].parts;
    const about = [{ parts: [{ index, from: from + 0.3, to: to - 0.4 }], answer: '4' }];
    const reading = await readSymbols(digits, input, { corrections: about });
    assert.deepEqual([reading.text, reading.symbols[1].parts], ['14', symbols[1].parts]);
  });

  test('of other ink, of ink that is claimed twice, and of unknown classes are refused', async () => {
    for (const [corrections, message] of [
      [[{ parts: [whole(2)] }], /correction 0 names 0 to 3 of stroke 2, which the input does not have/],
      [[{ parts: [] }], /correction 0 names no part/],
      [[{ parts: [whole(0)] }, { parts: [whole(0, 2)] }], /two corrections claim .* stroke 0/],
      [[{ parts: [whole(0)], answer: 'ten' }], /correction 0 has the class "ten"; give one of 0, 1, .*9, or/],
      [[{ parts: [whole(0)], answer: 'none' }], /the class "none"/],
      [[{ parts: [whole(0, 2.5)] }], /names 0 to 2.5 of stroke 0, which the input does not have/],
    ] as const) {
      const given = corrections.map((each) => ({ ...each, parts: [...each.parts] }));
      await assert.rejects(
        readSymbols(digits, drawing(one(0), seven(20)), { corrections: given }),
        (error) => error instanceof UserError && message.test(error.message),
        String(message),
      );
    }
  });

  test('that are no list, or no lists of parts, are refused with what was expected', async () => {
    for (const [text, message] of [
      ['null', /corrections must be a list of \{ parts, answer \}, found null$/],
      ['{}', /corrections must be a list/],
      ['[null]', /correction 0 must be \{ parts: \[\{ index, from, to \}, …\] \}, found null$/],
      ['[{ "parts": [{ "index": 0, "from": 0, "to": 3 }] }, {}]', /correction 1 must be/],
      ['[{ "parts": null }]', /correction 0 must be/],
      ['[{ "parts": [null] }]', /correction 0 must be/],
      ['[{ "parts": [{ "index": "0", "from": 0, "to": 3 }] }]', /correction 0 must be/],
    ] as const) {
      await assert.rejects(
        readSymbols(digits, drawing(one(0), seven(20)), { corrections: JSON.parse(text) }),
        (error) => error instanceof UserError && message.test(error.message),
        text,
      );
    }
  });
});
