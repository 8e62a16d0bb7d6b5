/**
 * Protects traces and inspections: a trace has the answers to the beginnings of the input and ends with the answer to
 * the whole; hidden states are those of the classifier; the input gradient is the slope of the loss.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { prepareInput, type RecognizerInput } from '#src/recognize/prepare-input.js';
import type { Recognizer } from '#src/recognize/recognizer.js';
import { UserError } from '#src/user-error.js';
import { digits } from '../ink/images.js';
import { ROWS, recognizerFor, STROKES } from './checkpoint-bytes.js';

/** A drawing: a wavy stroke of 30 points, then a dash. */
const WAVE = {
  kind: 'drawing',
  strokes: [
    {
      xs: Array.from({ length: 30 }, (_, n) => 4 * n),
      ys: Array.from({ length: 30 }, (_, n) => 50 * Math.sin(n / 4)),
    },
    { xs: [30, 90], ys: [70, 75] },
  ],
} satisfies RecognizerInput;

const EDGES = { ...ROWS, sequenceLength: 14, inputSize: 168, edges: true };
const KINDS: [string, Recognizer][] = [
  ['rows', recognizerFor(ROWS)],
  ['rows, mean', recognizerFor(ROWS, { head: 'mean', sequenceLength: undefined })],
  ['edges', recognizerFor(EDGES)],
  ['strokes', recognizerFor(STROKES)],
  ['strokes in one direction', recognizerFor(STROKES, { bidirectional: false, head: 'final' })],
  ['strokes in one direction, mean', recognizerFor(STROKES, { bidirectional: false })],
  ['strokes with context', recognizerFor({ ...STROKES, context: true })],
  [
    'strokes with context, in one direction',
    recognizerFor({ ...STROKES, context: true, position: true }, { bidirectional: false }),
  ],
];

/** Fails unless probabilities agree to 1e-6: with the head `mean`, a stepper sums the outputs in another order. */
function same(one: Float32Array, other: Float32Array): void {
  one.forEach((value, k) => {
    assert.ok(Math.abs(value - other[k]) < 1e-6, `${one.join()} and ${other.join()}`);
  });
}

/** Steps of a network that reads pictures. */
function stepsOf({ info: { preprocessing } }: Recognizer): number | null {
  return preprocessing.kind === 'images' ? preprocessing.sequenceLength : null;
}

for (const [name, recognizer] of KINDS) {
  describe(`a trace, ${name}`, () => {
    test('over the pen has the answers to the first points of the drawing', async () => {
      const trace = await recognizer.trace(WAVE);
      assert.ok(trace);
      assert.equal(trace.over, 'pen');
      assert.deepEqual(
        [...trace.moments],
        Array.from({ length: 32 }, (_, m) => m + 1),
      );
      assert.deepEqual([...trace.probabilities.subarray(0, 4)], [0, 0, 0, 0], 'a dot is not guessed');
      for (const points of [9, 30, 32]) {
        const [first, second] = WAVE.strokes;
        const lines = [
          { xs: first.xs.slice(0, points), ys: first.ys.slice(0, points) },
          ...(points > 30 ? [second] : []),
        ];
        const [answer] = await recognizer.recognize([{ kind: 'drawing', strokes: lines }]);
        assert.deepEqual(trace.probabilities.slice(4 * (points - 1), 4 * points), answer?.probabilities);
      }
    });

    test('over the steps ends with the answer, and can have fewer moments', async () => {
      const [digit] = await digits(1);
      for (const input of [WAVE, { kind: 'picture' as const, ...digit }]) {
        const [answer] = await recognizer.recognize([input]);
        const trace = await recognizer.trace(input, { over: 'steps' });
        const few = await recognizer.trace(input, { over: 'steps', moments: 7 });
        assert.ok(trace && few);
        assert.equal(trace.over, 'steps');
        same(trace.probabilities.slice(-4), answer!.probabilities);
        assert.equal(
          trace.moments.at(-1),
          trace.saw.moves ? trace.saw.moves.length / 4 : stepsOf(recognizer),
        );
        assert.equal(few.moments.length, 7);
        const { moves } = trace.saw;
        for (const count of moves ? [1, 2, 7, trace.moments.length - 1] : []) {
          const lifted = moves![4 * count - 2] === 1;
          const part = [...moves!.subarray(0, 4 * (lifted ? count - 1 : count)), 0, 0, 1, 1];
          const [cut] = await recognizer.recognize([{ kind: 'strokes', moves: Int16Array.from(part) }]);
          same(trace.probabilities.slice(4 * count - 4, 4 * count), cut!.probabilities);
        }
        few.moments.forEach((moment, m) => {
          const at = trace.moments.indexOf(moment);
          assert.deepEqual(
            few.probabilities.slice(4 * m, 4 * m + 4),
            trace.probabilities.slice(4 * at, 4 * at + 4),
          );
        });
      }
    });
  });

  describe(`an inspection, ${name}`, () => {
    test('has the answer and its hidden states', async () => {
      const inspection = await recognizer.inspect(WAVE);
      assert.ok(inspection);
      const [answer] = await recognizer.recognize([WAVE]);
      assert.deepEqual(inspection.recognition, answer);
      const { hiddenSize, numLayers, bidirectional } = recognizer.info.model;
      assert.equal(inspection.units, hiddenSize * numLayers * (bidirectional ? 2 : 1));
      assert.equal(inspection.hidden.length, inspection.steps * inspection.units);
      assert.ok(inspection.hidden.every((value) => Math.abs(value) <= 1));
      const column = (unit: number) =>
        Array.from({ length: inspection.steps }, (_, t) => inspection.hidden[t * inspection.units + unit]);
      for (const unit of [0, hiddenSize, inspection.units - 1]) {
        assert.ok(new Set(column(unit)).size > 1, `unit ${unit} changes`);
      }
    });

    test('has the slope of the loss of the answer as input gradient', async () => {
      const inspection = await recognizer.inspect(WAVE);
      assert.ok(inspection);
      const { sequence, steps, inputGradient, recognition } = inspection;
      const loss = async (at: number, change: number) => {
        const changed = sequence.slice();
        changed[at] += change;
        const [probabilities] = await recognizer.probabilitiesOf([{ steps, sequence: changed }]);
        return -Math.log(probabilities[recognition.top[0].index]);
      };
      const largest = inputGradient.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      assert.ok(largest > 0);
      for (const at of [0, 1, Math.floor(sequence.length / 2), sequence.length - 4]) {
        const slope = ((await loss(at, 1e-2)) - (await loss(at, -1e-2))) / 2e-2;
        // Rounding errors of float32 losses, in the sixth place, are divided by 0.02.
        assert.ok(
          Math.abs(slope - inputGradient[at]) < 2e-3 + 0.02 * largest,
          `${slope} ${inputGradient[at]}`,
        );
      }
    });
  });
}

test('the pixel gradient has the order of the pixels', async () => {
  const permuted = recognizerFor({ ...ROWS, permutationSeed: 4 });
  const plain = await KINDS[0][1].inspect(WAVE);
  assert.deepEqual(plain?.pixelGradient, plain?.inputGradient);
  const inspection = await permuted.inspect(WAVE);
  assert.ok(inspection?.pixelGradient && inspection.saw.picture);
  const { sequence, inputGradient, pixelGradient, saw } = inspection;
  // If a grey value occurs only once, its index in the sequence is known.
  const values = Array.from(saw.picture!.pixels, (value) =>
    Math.fround(Math.fround(Math.fround(value / 255) - 0.5) / 0.5),
  );
  let compared = 0;
  values.forEach((value, pixel) => {
    if (values.indexOf(value) !== values.lastIndexOf(value)) return;
    assert.equal(pixelGradient![pixel], inputGradient[sequence.indexOf(value)]);
    compared++;
  });
  assert.ok(compared > 5);
  assert.equal((await recognizerFor(STROKES).inspect(WAVE))?.pixelGradient, null);

  // A pixel that is read twice has the sum of both gradients.
  const twice = await recognizerFor({ ...ROWS, inputSize: 56, scan: 'both' }).inspect(WAVE);
  const [byRows, byColumns] = [0, 28].map((half) => twice!.inputGradient.at(3 * 56 + half + 5)!);
  assert.notEqual(byRows, 0);
  const gradient = (y: number, x: number) => twice!.pixelGradient![28 * y + x];
  const fromColumns = (y: number, x: number) => twice!.inputGradient[x * 56 + 28 + y];
  assert.equal(gradient(3, 5), Math.fround(byRows + fromColumns(3, 5)));
  assert.equal(gradient(5, 3), Math.fround(twice!.inputGradient[5 * 56 + 3] + byColumns));
});

test('with edges, the pixel gradient is the slope of the loss when a pixel and its edges change', async () => {
  const preprocessing = { ...EDGES, width: 10, height: 8, sequenceLength: 4, inputSize: 60, std: 0.3081 };
  const recognizer = recognizerFor(preprocessing);
  // Steep everywhere, and no gradient lies along an axis or a diagonal: there an edge would have no slope.
  const pixels = Uint8Array.from({ length: 80 }, (_, n) => {
    const [x, y] = [n % 10, Math.floor(n / 10)];
    return (
      90 + Math.round(60 * Math.sin(0.9 * x + 0.4 * y) + 40 * Math.cos(1.3 * y - 0.3 * x)) + ((n * 7) % 5)
    );
  });
  const inspection = await recognizer.inspect({ kind: 'picture', width: 10, height: 8, pixels });
  assert.deepEqual(inspection?.saw.picture?.pixels, pixels);
  const { pixelGradient, recognition, steps } = inspection!;
  const loss = async (changed: Uint8Array) => {
    const prepared = prepareInput({ kind: 'picture', width: 10, height: 8, pixels: changed }, preprocessing);
    const [probabilities] = await recognizer.probabilitiesOf([{ steps, sequence: prepared!.sequence }]);
    return -Math.log(probabilities[recognition.top[0].index]);
  };
  const largest = pixelGradient!.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  let agree = 0;
  for (const pixel of pixels.keys()) {
    const [more, less] = await Promise.all(
      [1, -1].map((by) => loss(pixels.map((value, n) => (n === pixel ? value + by : value)))),
    );
    const slope = (more - less) / (2 / (255 * preprocessing.std));
    if (Math.abs(slope - pixelGradient![pixel]) < 0.05 * largest) agree++;
  }
  assert.ok(agree >= 72, `${agree} of 80 pixels`);
});

test('options of a trace that would give other moments are refused', async () => {
  const [[, recognizer]] = KINDS;
  for (const moments of [1.5, Number.NaN, 0, -1]) {
    await assert.rejects(recognizer.trace(WAVE, { moments }), (error) => {
      return error instanceof UserError && /^trace: moments must be a whole number/.test(error.message);
    });
  }
  await assert.rejects(recognizer.trace(WAVE, JSON.parse('{ "over": "points" }')), (error) => {
    return (
      error instanceof UserError && /^trace: over must be pen or steps, found "points"/.test(error.message)
    );
  });
  const all = await recognizer.trace(WAVE, { moments: Number.POSITIVE_INFINITY });
  assert.equal(all?.moments.length, 32);
});
