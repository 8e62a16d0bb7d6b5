/** Protects inputs as JSON: each form is recognised, and error messages name the mistake. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseInput } from '#src/recognize/json-input.js';
import type { RecognizerInput } from '#src/recognize/prepare-input.js';
import { UserError } from '#src/user-error.js';

type DrawingInput = Extract<RecognizerInput, { kind: 'drawing' }>;

test('a drawing may begin with a stroke without points', () => {
  const line = [
    [1, 2],
    [30, 40],
  ];
  const { kind, strokes } = parseInput({ strokes: [[], line] }, 'a') as DrawingInput;
  assert.equal(kind, 'drawing');
  assert.deepEqual(
    strokes.map(({ xs }) => Array.from(xs)),
    [[], [1, 30]],
  );
});

test('pixels as numbers or base64, strokes as moves, drawings in every form', () => {
  const picture = { kind: 'picture', width: 2, height: 1, channels: 1, pixels: Uint8Array.of(0, 255) };
  assert.deepEqual(parseInput({ pixels: [0, 255], width: 2, height: 1 }, 'a'), picture);
  assert.deepEqual(parseInput({ pixels: 'AP8=', width: 2, height: 1 }, 'a'), picture);
  assert.deepEqual(
    parseInput(
      {
        strokes: [
          [1, 2, 0, 0],
          [0, 0, 1, 1],
        ],
      },
      'a',
    ),
    {
      kind: 'strokes',
      moves: Int16Array.of(1, 2, 0, 0, 0, 0, 1, 1),
    },
  );
  const lines = [{ xs: Float64Array.of(1, 2), ys: Float64Array.of(3, 4) }];
  for (const value of [
    {
      strokes: [
        [
          [1, 3],
          [2, 4],
        ],
      ],
    },
    { strokes: [{ x: [1, 2], y: [3, 4] }], label: '7' },
    {
      drawing: [
        [
          [1, 2],
          [3, 4],
        ],
      ],
    },
    {
      drawing: {
        strokes: [
          [
            { x: 1, y: 3, t: 0 },
            { x: 2, y: 4, pressure: 0.5 },
          ],
        ],
      },
    },
  ]) {
    assert.deepEqual(parseInput(value, 'a'), { kind: 'drawing', strokes: lines });
  }
  assert.deepEqual(parseInput({ strokes: [] }, 'a'), { kind: 'drawing', strokes: [] });
});

test('errors name the wrong member and the expected value', () => {
  const refusals: [unknown, RegExp][] = [
    [null, /^a: expected an object with pixels, strokes or a drawing, found "null"/],
    [[], /expected an object/],
    [{}, /expected one of pixels, strokes or drawing, found none of them/],
    [{ pixels: [], strokes: [] }, /found pixels and strokes/],
    [{ pixels: [1] }, /a: width: expected a whole number from 1 to 65535, found nothing/],
    [{ pixels: [1], width: 1, height: 1.5 }, /height: .* found "1.5"/],
    [{ pixels: [256], width: 1, height: 1 }, /pixel 0: expected a whole number from 0 to 255, found "256"/],
    [{ pixels: '§', width: 1, height: 1 }, /expected base64/],
    [{ pixels: {}, width: 1, height: 1 }, /expected a list of numbers, or base64/],
    [{ strokes: [[1, 2, 0, 2]] }, /move 0 of strokes: expected \[dx, dy, eos, eod\]/],
    [
      {
        strokes: [
          [1, 2, 0, 0],
          [40_000, 0, 1, 1],
        ],
      },
      /move 1 of strokes/,
    ],
    [
      { strokes: [[1, 2, 0, 0]] },
      /the end of the drawing \(eod 1\) in the last move of strokes, 0, found none/,
    ],
    [
      {
        strokes: [
          [0, 0, 1, 1],
          [0, 0, 1, 1],
        ],
      },
      /found it in move 0/,
    ],
    [{ drawing: { strokes: [[[1, 'x']]] } }, /a: drawing: stroke 0: point 0: expected/],
  ];
  for (const [value, message] of refusals) {
    assert.throws(
      () => parseInput(value, 'a'),
      (error) => {
        assert.ok(error instanceof UserError, String(error));
        assert.match(error.message, message);
        return true;
      },
    );
  }
});

test('any JSON gives an input or a UserError', () => {
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(null, true, 0, 1, -1, 1e300, 'AP8='),
      fc.array(tie('value')),
      tie('object'),
    ),
    object: fc.dictionary(
      fc.constantFrom('pixels', 'width', 'height', 'strokes', 'drawing', 'x', 'y'),
      tie('value'),
    ),
  })).object;
  fc.assert(
    fc.property(json, (value) => {
      try {
        parseInput(value, 'a');
      } catch (error) {
        assert.ok(error instanceof UserError, String(error));
      }
    }),
    { numRuns: 2000, seed: 5 },
  );
});
