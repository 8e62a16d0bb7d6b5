/**
 * Protects the reading of several symbols: numbers of test digits come out whole with the networks of the package, in
 * one line and in two, also where digits touch; ink that is no digit is left out; readings can be corrected; malformed
 * and hostile inputs are refused or end soon.
 */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { numberSample } from '#bench/symbols/numbers.js';
import { openBackend } from '#src/backends/open-node.js';
import { loadImages } from '#src/data/images/image-datasets.js';
import { Random } from '#src/random.js';
import type { InputPicture, RecognizerInput } from '#src/recognize/prepare-input.js';
import { openRecognizer, type Recognizer } from '#src/recognize/recognizer.js';
import { readSymbols, regroupSymbols } from '#src/recognize/symbols/read-symbols.js';
import { readingJson } from '#src/recognize/symbols/reading-json.js';
import { shippedModel } from '#src/runs/shipped-models.js';
import { UserError } from '#src/user-error.js';
import { checkpointBytes, ROWS } from '../checkpoint-bytes.js';

const backend = await openBackend('auto', () => {});
const open = async (name: 'digits' | 'digit-strokes') =>
  openRecognizer(await shippedModel(name), backend, { name });
const digits = await open('digits');
const digitStrokes = await open('digit-strokes');
after(() => {
  digits.close();
  digitStrokes.close();
  backend.close();
});
const { test: examples } = await loadImages('mnist', { channelsImg: 1 });
const SPACING = { gaps: [2, 10], offset: 6 } as const;

const numbers = (form: 'picture' | 'drawing', count: number, length: number, spacing = SPACING) =>
  Array.from({ length: count }, (_, n) => numberSample(examples, form, length, spacing, new Random(5, n)));

const one = (x: number, top = 0) => ({ xs: [x, x - 1, x], ys: [top, top + 20, top + 40] });
const seven = (x: number, top = 0) => ({ xs: [x, x + 25, x + 10], ys: [top, top, top + 40] });
const drawing = (...strokes: { xs: number[]; ys: number[] }[]): RecognizerInput => ({
  kind: 'drawing',
  strokes,
});

/** Two pictures, one below the other. */
function stacked(a: InputPicture, b: InputPicture): RecognizerInput {
  const width = Math.max(a.width, b.width);
  const height = a.height + b.height;
  const pixels = new Uint8Array(width * height);
  [a, b].forEach((picture, n) => {
    for (let y = 0; y < picture.height; y++) {
      const row = picture.pixels.subarray(y * picture.width, (y + 1) * picture.width);
      pixels.set(row, (y + n * a.height) * width);
    }
  });
  return { kind: 'picture', width, height, pixels };
}

describe('reading several symbols', () => {
  // bench/symbols measures 300 numbers of ten digits: 95 % of pictures and 82 % of drawings with the network digits.
  for (const { form, recognizer, least } of [
    { form: 'picture', recognizer: digits, least: 18 },
    { form: 'picture', recognizer: digitStrokes, least: 17 },
    { form: 'drawing', recognizer: digits, least: 14 },
    { form: 'drawing', recognizer: digitStrokes, least: 14 },
  ] as const) {
    test(`reads numbers of six digits: ${form}s with ${recognizer.info.name}`, async () => {
      let [right, whole] = [0, 0];
      for (const { input, text } of numbers(form, 20, 6)) {
        const reading = await readSymbols(recognizer, input);
        if (reading.text === text) right++;
        if (reading.symbols.length === 6) whole++;
        assert.equal(reading.symbols.map(({ answer }) => answer).join(''), reading.text);
        assert.equal(reading.of, form === 'picture' ? 'components' : 'strokes');
      }
      assert.ok(right >= least, `${right} of 20 are right`);
      assert.ok(whole >= 19, `${whole} of 20 have six symbols`);
    });
  }

  test('reads a number of ten digits in well under a second', async () => {
    const [{ input }] = numbers('picture', 1, 10);
    await readSymbols(digits, input);
    const begin = performance.now();
    await readSymbols(digits, input);
    // 0.04 s on an idle machine.
    assert.ok(performance.now() - begin < 1000);
  });

  test('reads digits that touch', async () => {
    let right = 0;
    for (const { input, text } of numbers('picture', 20, 4, { gaps: [-1, 0], offset: 2 } as never)) {
      if ((await readSymbols(digits, input)).text === text) right++;
    }
    assert.ok(right >= 12, `${right} of 20 are right`);
  });

  test('says where symbols are, what else they could be, and their ink', async () => {
    const [{ input, text, places }] = numbers('picture', 1, 5);
    const { symbols, text: read } = await readSymbols(digits, input);
    assert.equal(read, text);
    symbols.forEach((symbol, n) => {
      assert.ok(Math.abs(symbol.box.left - places[n].left) <= 2, `left of ${n}`);
      assert.ok(Math.abs(symbol.box.right - places[n].right) <= 2, `right of ${n}`);
      assert.equal(symbol.alternatives.length, 4);
      assert.ok(symbol.alternatives.every(({ class: name }) => name !== 'none' && name !== symbol.answer));
      assert.ok(symbol.alternatives[0].probability >= symbol.alternatives[3].probability);
      assert.equal(symbol.probabilities.length, digits.info.classes.length);
    });
  });

  test('reads two lines from top to bottom', async () => {
    const [a, b] = numbers('picture', 2, 4);
    const input = stacked(a.input as InputPicture, b.input as InputPicture);
    const { text, symbols } = await readSymbols(digits, input);
    assert.equal(text, `${a.text}\n${b.text}`);
    assert.deepEqual(
      symbols.map(({ line }) => line),
      [0, 0, 0, 0, 1, 1, 1, 1],
    );
    const drawn = await readSymbols(digits, drawing(one(0), seven(20), one(5, 70), seven(30, 75)));
    assert.equal(drawn.text, '17\n17');
  });

  test('the order of drawing does not matter', async () => {
    const strokes = [one(0), seven(20), one(70), seven(90)];
    for (const order of [strokes, [...strokes].reverse(), [2, 0, 3, 1].map((n) => strokes[n])]) {
      assert.equal((await readSymbols(digits, drawing(...order))).text, '1717');
    }
  });

  test('dark ink on light paper is read, in any size', async () => {
    const [{ input, text }] = numbers('picture', 1, 4);
    const { width, height, pixels } = input as Required<InputPicture>;
    const large = new Uint8Array(9 * pixels.length);
    for (let i = 0; i < large.length; i++) {
      const [x, y] = [i % (3 * width), Math.floor(i / (3 * width))];
      large[i] = 255 - pixels[Math.floor(y / 3) * width + Math.floor(x / 3)];
    }
    const picture = { kind: 'picture', width: 3 * width, height: 3 * height, pixels: large } as const;
    const reading = await readSymbols(digits, picture);
    assert.equal(reading.text, text);
  });

  test('leaves out what is no digit, and says so', async () => {
    const dash = { xs: [60, 68], ys: [20, 20] };
    const dot = { xs: [142], ys: [40] };
    const reading = await readSymbols(digits, drawing(one(0), seven(20), dash, one(85), seven(100), dot));
    assert.equal(reading.text, '1717');
    assert.deepEqual(
      reading.leftOut.map(({ reason, parts }) => [reason, parts.map(({ index }) => index)]),
      [
        ['none', [2]],
        ['dot', [5]],
      ],
    );
  });

  test('without ink there is no text', async () => {
    const paper: RecognizerInput = { kind: 'picture', width: 40, height: 30, pixels: new Uint8Array(1200) };
    const dots = await readSymbols(digits, drawing({ xs: [3], ys: [4] }, { xs: [30], ys: [4] }));
    assert.deepEqual([dots.text, dots.leftOut.map(({ reason }) => reason)], ['', ['dot', 'dot']]);
    for (const input of [paper, drawing(), drawing({ xs: [], ys: [] })]) {
      const { text, symbols, leftOut } = await readSymbols(digits, input);
      assert.deepEqual({ text, symbols, leftOut }, { text: '', symbols: [], leftOut: [] });
    }
  });

  test('JSON names strokes and components', async () => {
    const drawn = readingJson(await readSymbols(digits, drawing(one(0), seven(20))));
    assert.deepEqual(
      drawn.symbols.map(({ class: name, strokes, components }) => [name, strokes, components]),
      [
        ['1', [{ index: 0, from: 0, to: 3 }], undefined],
        ['7', [{ index: 1, from: 0, to: 3 }], undefined],
      ],
    );
    const [{ input }] = numbers('picture', 1, 2);
    const { symbols } = readingJson(await readSymbols(digits, input));
    assert.ok(symbols.every(({ strokes, components }) => !strokes && components));
  });
});

describe('regrouping', () => {
  test('merges neighbours, and splits what was merged where it was', async () => {
    for (const input of [drawing(one(0), seven(20), one(60)), numbers('picture', 1, 3)[0].input]) {
      const reading = await readSymbols(digits, input);
      assert.equal(reading.symbols.length, 3);
      const merged = await regroupSymbols(digits, input, reading, { merge: 1 });
      assert.equal(merged.symbols.length, 2);
      assert.equal(merged.text.length, 2);
      assert.deepEqual(merged.symbols[0], reading.symbols[0]);
      assert.equal(merged.symbols[1].box.right, reading.symbols[2].box.right);
      const split = await regroupSymbols(digits, input, merged, { split: 1 });
      assert.equal(split.text, reading.text);
      assert.deepEqual(
        split.symbols.map(({ parts }) => parts),
        reading.symbols.map(({ parts }) => parts),
      );
    }
  });

  test('splits a single stroke and a single component', async () => {
    const input = drawing({ xs: [0, 12, 25, 18, 10], ys: [0, 0, 0, 20, 40] });
    const reading = await readSymbols(digits, input);
    assert.equal(reading.symbols.length, 1);
    const split = await regroupSymbols(digits, input, reading, { split: 0 });
    assert.equal(split.symbols.length, 2);
    const [first, second] = split.symbols.map(({ parts }) => parts);
    assert.equal(first[0].to, second[0].from);
    const again = await regroupSymbols(digits, input, split, { merge: 0 });
    assert.deepEqual(again.symbols[0].parts, [{ index: 0, from: 0, to: 5 }]);

    const [{ input: digit }] = numbers('picture', 1, 1);
    const halves = await regroupSymbols(digits, digit, await readSymbols(digits, digit), { split: 0 });
    assert.equal(halves.symbols.length, 2);
    assert.ok(halves.symbols[0].box.right <= halves.symbols[1].box.left);
  });

  test('refuses what is not there', async () => {
    const input = drawing(one(0), seven(20), one(0, 80), seven(20, 80));
    const reading = await readSymbols(digits, input);
    assert.equal(reading.symbols.length, 4);
    for (const [change, message] of [
      [{ merge: 3 }, /expected a symbol from 0 to 2, found 3/],
      [{ split: 4 }, /expected a symbol from 0 to 3, found 4/],
      [{ split: 0.5 }, /found 0.5/],
      [{ merge: -1 }, /found -1/],
      [{ merge: 1 }, /in different lines/],
    ] as const) {
      await assert.rejects(regroupSymbols(digits, input, reading, change), (error) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message, message);
        return true;
      });
    }
    const [{ input: picture }, { input: shorter }] = [
      ...numbers('picture', 1, 4),
      ...numbers('picture', 1, 2),
    ];
    const ofPicture = await readSymbols(digits, picture);
    for (const [other, its] of [
      [picture, reading],
      [drawing(one(0), seven(20)), reading],
      [shorter, ofPicture],
    ] as const) {
      await assert.rejects(regroupSymbols(digits, other, its, { split: 0 }), /of another input/);
    }
  });
});

describe('inputs that cannot be read', () => {
  const refused = (recognizer: Recognizer, input: RecognizerInput, message: RegExp) =>
    assert.rejects(readSymbols(recognizer, input), (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, message);
      return true;
    });

  test('are refused with the way out', async () => {
    await refused(digits, drawing({ xs: [1], ys: [] }), /stroke 0 has 1 x and 0 y/);
    await refused(digits, drawing({ xs: [1, NaN], ys: [0, 1] }), /point 1 of stroke 0/);
    const colours = {
      kind: 'picture',
      width: 3,
      height: 3,
      channels: 3,
      pixels: new Uint8Array(27),
    } as const;
    await refused(digits, colours, /3 channels/);
    const many = Array.from({ length: 201 }, (_, n) => one(20 * n));
    await refused(digits, drawing(...many), /201 separate strokes .* at most 200/);
    const wide = { ...ROWS, width: 32, height: 32, inputSize: 32, sequenceLength: 32 };
    const recognizer = openRecognizer(checkpointBytes(wide, { inputSize: 32, sequenceLength: 32 }), backend, {
      name: 'wide',
    });
    await refused(recognizer, drawing(one(0)), /wide reads 32 × 32/);
    recognizer.close();
  });

  test('noise ends soon', async () => {
    const random = new Random(3);
    const pixels = Uint8Array.from({ length: 600 * 600 }, () => (random.uniform() < 0.1 ? 255 : 0));
    const begin = performance.now();
    await readSymbols(digits, { kind: 'picture', width: 600, height: 600, pixels }).catch((error) =>
      assert.ok(error instanceof UserError, String(error)),
    );
    const strokes = Array.from({ length: 200 }, () => {
      const xs = Array.from({ length: 100 }, () => 1000 * random.uniform());
      return { xs, ys: xs.map(() => 1000 * random.uniform()) };
    });
    await readSymbols(digits, drawing(...strokes));
    assert.ok(performance.now() - begin < 30_000);
  });
});
