/**
 * Protects recognition: a recogniser's network reads inputs like in training; answers do not depend on the batch; empty
 * inputs get no answer; malformed inputs are refused with a message.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import { ImageSequences } from '#src/data/images/image-sequences.js';
import { preparePicture } from '#src/data/inputs/prepare-picture.js';
import { packBatch } from '#src/data/sequences/batch.js';
import { concatenateStrokes } from '#src/data/strokes/stroke-examples.js';
import { StrokeSequences } from '#src/data/strokes/stroke-sequences.js';
import { imageToStrokes } from '#src/ink/image-to-strokes.js';
import { SequenceClassifier } from '#src/model/classifier.js';
import type { RecognizerInput } from '#src/recognize/prepare-input.js';
import { openRecognizer } from '#src/recognize/recognizer.js';
import { softmax } from '#src/recognize/softmax.js';
import { readSymbols } from '#src/recognize/symbols/read-symbols.js';
import { decodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import { UserError } from '#src/user-error.js';
import { digits } from '../ink/images.js';
import { checkpointBytes, ROWS, recognizerFor, STROKES } from './checkpoint-bytes.js';

const rows = recognizerFor(ROWS);
const strokes = recognizerFor(STROKES);
/** A drawing of a seven. */
const SEVEN = {
  kind: 'drawing',
  strokes: [
    { xs: [10, 60, 110, 80, 50], ys: [20, 18, 22, 90, 160] },
    { xs: [40, 100], ys: [90, 88] },
  ],
} satisfies RecognizerInput;
const DOT: RecognizerInput = { kind: 'drawing', strokes: [{ xs: [5, 5], ys: [7, 7] }] };
const PAPER: RecognizerInput = { kind: 'picture', width: 28, height: 28, pixels: new Uint8Array(784) };

const pictures = async (count: number) =>
  (await digits(count)).map((image) => ({ kind: 'picture' as const, ...image }));

describe('recognition', () => {
  const likeTraining: [string, typeof ROWS][] = [
    ['', { ...ROWS, permutationSeed: 3 }],
    [', with edges', { ...ROWS, sequenceLength: 14, inputSize: 168, edges: true }],
  ];
  for (const [what, preprocessing] of likeTraining) {
    test(`reads pictures like training${what}`, async () => {
      const inputs = await pictures(70);
      const bytes = checkpointBytes(preprocessing);
      const recognizer = openRecognizer(bytes, new ReferenceBackend(), { name: 'a' });
      const examples = {
        count: inputs.length,
        channels: 1,
        width: 28,
        height: 28,
        labels: new Uint8Array(inputs.length),
        pixels: Uint8Array.from(inputs.flatMap(({ pixels }) => [...pixels])),
      };
      const source = new ImageSequences({ name: 'test', examples, preprocessing });
      const logits = await logitsOf(bytes, source);
      const answers = await recognizer.recognize(inputs);
      answers.forEach((answer, i) => {
        assert.deepEqual(
          answer?.probabilities,
          softmax(logits.subarray(4 * i, 4 * i + 4), { name: 'a', temperature: 1 }),
        );
      });
    });
  }

  test('reads a drawing with edges as the picture of it', async () => {
    const edges = recognizerFor({ ...ROWS, sequenceLength: 14, inputSize: 168, edges: true });
    const [drawn] = await edges.recognize([SEVEN]);
    const inspected = await edges.inspect(SEVEN);
    const { width, height, pixels } = inspected!.saw.picture!;
    const [read] = await edges.recognize([{ kind: 'picture', width, height, pixels }]);
    assert.deepEqual(drawn, read);
    assert.equal((await rows.inspect(SEVEN))!.saw.picture!.pixels.join(), pixels.join());
    assert.deepEqual(await edges.recognize([DOT, PAPER]), [null, null]);
    const trace = await edges.trace(SEVEN, { over: 'steps' });
    assert.equal(trace!.moments.at(-1), 14);
    const found = await readSymbols(edges, SEVEN);
    assert.ok(found.symbols.length > 0);
  });

  test('reads strokes, and the strokes of pictures, like training', async () => {
    const inputs = await pictures(5);
    const sequences = inputs.map(({ pixels }) => imageToStrokes(pixels, 28, 28));
    const source = new StrokeSequences({
      name: 'test',
      preprocessing: STROKES,
      examples: concatenateStrokes(sequences, [0, 0, 0, 0, 0], 'test'),
    });
    const logits = await logitsOf(checkpointBytes(STROKES), source);
    const fromPictures = await strokes.recognize(inputs);
    const fromMoves = await strokes.recognize(sequences.map((each) => ({ kind: 'strokes', moves: each })));
    assert.deepEqual(fromMoves, fromPictures);
    fromMoves.forEach((answer, i) => {
      assert.deepEqual(
        answer?.probabilities,
        softmax(logits.subarray(4 * i, 4 * i + 4), { name: 'a', temperature: 1 }),
      );
    });
  });

  test('divides the logits by the temperature of the checkpoint, in every answer', async () => {
    const backend = new ReferenceBackend();
    const about = { name: 'a' };
    const model = { bidirectional: false };
    const [plain, scaled] = [undefined, 2.5].map((temperature) =>
      openRecognizer(checkpointBytes(STROKES, model, undefined, temperature), backend, about),
    );
    assert.deepEqual([plain.info.temperature, scaled.info.temperature], [1, 2.5]);
    /** softmax(z / 2.5) from softmax(z): the powers 1/2.5 of the probabilities, normalised. */
    const flattened = (probabilities: Float32Array) => {
      const powers = Float64Array.from(probabilities, (each) => each ** (1 / 2.5));
      const sum = powers.reduce((a, b) => a + b);
      return powers.map((power) => power / sum);
    };
    const assertFlattened = (found: Float32Array, from: Float32Array) =>
      flattened(from).forEach((expected, k) => {
        assert.ok(Math.abs(found[k] - expected) < 1e-6, `${k}: ${found[k]}, expected ${expected}`);
      });
    const [[before], [after]] = [await plain.recognize([SEVEN]), await scaled.recognize([SEVEN])];
    assert.ok(before && after);
    assert.notDeepEqual(before.probabilities, after.probabilities);
    assertFlattened(after.probabilities, before.probabilities);
    assert.equal(after.top[0].index, before.top[0].index);
    const inspected = await scaled.inspect(SEVEN);
    assert.deepEqual(inspected?.recognition, after);
    const moves = imageToStrokes((await pictures(1))[0].pixels, 28, 28);
    for (const over of ['pen', 'steps'] as const) {
      const input: RecognizerInput = over === 'pen' ? SEVEN : { kind: 'strokes', moves };
      const traces = [await plain.trace(input, { over }), await scaled.trace(input, { over })];
      const [first, second] = traces.map((trace) => trace?.probabilities ?? new Float32Array());
      assert.ok(first.length > 4);
      for (let m = 0; m < first.length; m += 4) {
        if (first[m] > 0) assertFlattened(second.subarray(m, m + 4), first.subarray(m, m + 4));
      }
    }
    plain.close();
    scaled.close();
  });

  test('gives the same answer to an input alone and in a batch', async () => {
    const inputs: RecognizerInput[] = [SEVEN, DOT, ...(await pictures(130)), PAPER, SEVEN];
    for (const recognizer of [rows, strokes]) {
      const together = await recognizer.recognize(inputs);
      for (const i of [0, 1, 2, 70, 131, 132, 133]) {
        assert.deepEqual((await recognizer.recognize([inputs[i]]))[0], together[i]);
      }
      assert.deepEqual(await recognizer.recognize([]), []);
    }
  });

  test('gives the same answer for any direction, order and unit of a drawing', async () => {
    const reversed = SEVEN.strokes
      .toReversed()
      .map(({ xs, ys }) => ({ xs: xs.map((x) => 4 * x - 9).reverse(), ys: ys.map((y) => 4 * y).reverse() }));
    for (const recognizer of [rows, strokes]) {
      const [one, other] = await recognizer.recognize([SEVEN, { kind: 'drawing', strokes: reversed }]);
      assert.deepEqual(one, other);
    }
  });

  test('reads the moves of the pen if the network was trained with order pen', async () => {
    const recognizer = recognizerFor({ ...STROKES, order: 'pen' });
    const turned = { ...SEVEN, strokes: SEVEN.strokes.toReversed() };
    const [one, other] = await recognizer.recognize([SEVEN, turned]);
    assert.notDeepEqual(one, other);
    assert.deepEqual([...recognizer.prepare(SEVEN)!.saw.moves!.subarray(0, 8)], [7, 9, 0, 0, 1, 0, 0, 0]);
  });

  test('gives no answer to empty inputs', async () => {
    const nothing: RecognizerInput[] = [
      { kind: 'drawing', strokes: [] },
      { kind: 'drawing', strokes: [{ xs: [], ys: [] }] },
      DOT,
      PAPER,
      { kind: 'picture', width: 200, height: 90, pixels: new Uint8Array(18_000).fill(255) },
    ];
    for (const recognizer of [rows, strokes]) {
      assert.deepEqual(await recognizer.recognize(nothing), [null, null, null, null, null]);
      assert.equal(await recognizer.trace(DOT), null);
      assert.equal(await recognizer.inspect(DOT), null);
    }
    assert.deepEqual(await strokes.recognize([{ kind: 'strokes', moves: Int16Array.of(0, 0, 1, 1) }]), [
      null,
    ]);
  });

  test('gives the three likeliest classes, and marks unsure answers', async () => {
    const [answer] = await rows.recognize([SEVEN]);
    assert.ok(answer);
    const sorted = [...answer.probabilities].sort((a, b) => b - a);
    assert.deepEqual(
      answer.top.map(({ probability }) => probability),
      sorted.slice(0, 3),
    );
    assert.equal(answer.top[0].class, 'abcd'[answer.top[0].index]);
    assert.equal(answer.unsure, sorted[0] < 0.7);
    const flat = recognizerFor(ROWS, { hiddenSize: 1 });
    const [guess] = await flat.recognize([SEVEN]);
    assert.equal(guess?.unsure, guess!.top[0].probability < 0.7);
  });

  test('answers or refuses any picture and any drawing', async () => {
    const picture = fc
      .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }))
      .chain(([width, height]) =>
        fc
          .uint8Array({ minLength: width * height, maxLength: width * height })
          .map((pixels): RecognizerInput => ({ kind: 'picture', width, height, pixels })),
      );
    const numbers = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { maxLength: 9 });
    const drawing = fc
      .array(
        numbers.map((xs) => ({ xs, ys: xs.map((x, n) => (n * x) % 100) })),
        { maxLength: 3 },
      )
      .map((strokes): RecognizerInput => ({ kind: 'drawing', strokes }));
    await fc.assert(
      fc.asyncProperty(fc.oneof(picture, drawing), async (input) => {
        for (const recognizer of [rows, strokes]) {
          const [answer] = await recognizer.recognize([input]);
          const sum = answer?.probabilities.reduce((a, b) => a + b);
          if (answer) assert.ok(Math.abs(sum! - 1) < 1e-5, `sum ${sum}`);
        }
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  test('refuses malformed inputs with a message', async () => {
    const refusals: [RecognizerInput, RegExp][] = [
      [
        { kind: 'picture', width: 28, height: 28, pixels: new Uint8Array(700) },
        /28 × 28 × 1 = 784 bytes expected.*found 700/,
      ],
      [
        { kind: 'picture', width: 0, height: 28, pixels: new Uint8Array() },
        /width must be a whole number from 1, found 0/,
      ],
      [
        { kind: 'picture', width: 50_000, height: 50_000, pixels: new Uint8Array() },
        /at most 16777216 pixels/,
      ],
      [
        { kind: 'picture', width: 4, height: 4, channels: 3, pixels: new Uint8Array(48) },
        /3 channels, and the network reads grey/,
      ],
      [{ kind: 'strokes', moves: Int16Array.of(1, 2, 3) }, /moves of 4 values .*found 3 values/],
      [{ kind: 'strokes', moves: new Int16Array(100_000) }, /strokes of 25000 moves; at most 20000/],
      [{ kind: 'drawing', strokes: [{ xs: [1, Number.NaN], ys: [1, 2] }] }, /coordinates must be finite/],
      [{ kind: 'drawing', strokes: [{ xs: [1, 2], ys: [1] }] }, /2 x and 1 y/],
    ];
    for (const [input, message] of refusals) {
      await assert.rejects(strokes.recognize([SEVEN, input]), (error) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message, message);
        return true;
      });
    }
    const others: [input: unknown, message: RegExp][] = [
      [undefined, /expected an input of the kind picture, strokes or drawing, found nothing$/],
      [{ kind: 'photo' }, /expected an input of the kind .*, found the kind "photo"$/],
      [SEVEN.strokes, /expected an input of the kind .*, found a list$/],
      [{ kind: 'drawing' }, /a drawing must have a list of strokes, found nothing$/],
      [
        { kind: 'drawing', strokes: [{ x: [1, 2], y: [1, 2] }] },
        /stroke 0 must be \{ xs: .*found an object$/,
      ],
      [{ kind: 'drawing', strokes: [[[1, 2]]] }, /stroke 0 must be \{ xs: .*, found a list$/],
      [{ kind: 'drawing', strokes: [null] }, /stroke 0 must be \{ xs: .*, found null$/],
    ];
    for (const [given, message] of others) {
      const input = given as RecognizerInput;
      for (const call of [
        () => strokes.recognize([SEVEN, input]),
        () => strokes.inspect(input),
        () => strokes.trace(input),
        () => readSymbols(strokes, input),
      ]) {
        await assert.rejects(call, { name: 'UserError', message });
      }
    }
    await assert.rejects(
      strokes.recognize(Object(SEVEN)),
      /expected a list of inputs, found an object; give/,
    );
    const wide = recognizerFor({ ...ROWS, width: 56, inputSize: 56 });
    await assert.rejects(wide.recognize([SEVEN]), /reads pictures of 56 × 28 pixels.*found a drawing/);
  });

  test('refuses checkpoints that do not fit together', () => {
    const open = (bytes: Uint8Array) =>
      openRecognizer(bytes, new ReferenceBackend(), { name: 'b.safetensors' });
    assert.throws(() => open(new Uint8Array(9)), /b\.safetensors/);
    const others: [bytes: object, found: RegExp][] = [
      [
        new ArrayBuffer(9),
        /^b\.safetensors: the content of the file: expected a Uint8Array, found an ArrayBuffer$/,
      ],
      [Promise.resolve(checkpointBytes(ROWS)), /found a promise, which must be awaited$/],
      [Object('b.safetensors'), /expected a Uint8Array, found a String$/],
    ];
    for (const [bytes, message] of others) {
      assert.throws(() => open(Object(bytes)), { name: 'UserError', message });
    }
    assert.throws(
      () => open(checkpointBytes(ROWS, { numClasses: 3 }, ['a', 'b', 'c', 'd'])),
      /names of 4 classes, but the network has 3/,
    );
    assert.throws(
      () => open(checkpointBytes(STROKES, { inputSize: 5 })),
      /input size 5, but its preprocessing gives 4/,
    );
    assert.throws(
      () => open(checkpointBytes(ROWS, { sequenceLength: 27 })),
      /reads 27 steps, but its preprocessing gives 28/,
    );
    assert.throws(
      () => open(checkpointBytes(STROKES, { head: 'flatten', sequenceLength: 9 })),
      /reads 9 steps, but its preprocessing gives any number/,
    );
  });
});

test('a digit that is enlarged eight times, moved and made paler is fitted back', async () => {
  const differences: number[] = [];
  for (const { pixels } of await digits(20)) {
    const [width, height] = [400, 300];
    const large = new Uint8Array(width * height).fill(30);
    for (let y = 0; y < 224; y++) {
      for (let x = 0; x < 224; x++) {
        large[(y + 60) * width + x + 130] = 30 + (pixels[(y >> 3) * 28 + (x >> 3)] >> 1);
      }
    }
    const fitted = preparePicture({ pixels: large, width, height });
    const ink = pixels.reduce((sum, value) => sum + value, 0);
    differences.push(fitted!.reduce((sum, value, i) => sum + Math.abs(value - pixels[i]), 0) / ink);
  }
  // Of the other five, two digits of MNIST are one pixel off our centre, one is smaller than our box, and two have lines
  // so thin that they are made as wide as most.
  assert.equal(differences.filter((difference) => difference < 0.03).length, 15, differences.join());
});

test('a thin pen becomes as wide as MNIST’s', () => {
  const [width, height] = [600, 600];
  const pixels = new Uint8Array(width * height);
  for (let k = 100; k < 500; k++) for (const side of [0, 1]) pixels[k * width + k + side] = 200;
  const fitted = preparePicture({ pixels, width, height })!;
  const ink = fitted.reduce((sum, value) => sum + value, 0) / 255;
  // A diagonal of width 2.4 with round ends in a box of 20. Without the widening it would have a third of the ink.
  const expected = 17.6 * Math.SQRT2 * 2.4 + Math.PI * 1.2 ** 2;
  assert.ok(Math.abs(ink / expected - 1) < 0.125, `${ink}, expected ${expected}`);
});

async function logitsOf(bytes: Uint8Array, source: ImageSequences | StrokeSequences): Promise<Float32Array> {
  const { model, parameters } = decodeCheckpoint(bytes, 'a');
  const classifier = new SequenceClassifier(model as never, new ReferenceBackend());
  await classifier.loadStateDict(parameters);
  const [B, T, I] = [source.count, source.maxSteps, source.inputSize];
  const inputs = new Float32Array(B * T * I);
  const lengths = new Int32Array(B);
  for (let b = 0; b < B; b++) {
    lengths[b] = source.lengthOf(b);
    const buffers = {
      inputs: new Float32Array(T * I),
      batchSizes: new Int32Array(T),
      rowStarts: new Int32Array(T),
      labels: new Int32Array(1),
      order: new Int32Array(1),
    };
    inputs.set(packBatch(source, Int32Array.of(b), buffers).inputs, b * T * I);
  }
  return (await classifier.forward({ inputs, batchSize: B, steps: T, lengths })).logits;
}
