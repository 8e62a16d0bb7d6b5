/**
 * Protects the maps of the ink around each move: they are the shares of a naive sum; training, variation, recognition and
 * any batch agree on them to the bit; a drawing that is cut off has those of its own points; they are stored with the
 * model, and need the right number of values a step.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import { NO_AUGMENTATION } from '#src/data/augmentation.js';
import { KINDS, readPreprocessing } from '#src/data/kinds.js';
import { packBatch } from '#src/data/sequences/batch.js';
import { type Sequence, sequenceIn } from '#src/data/sequences/sequence.js';
import { openAugmented, openSequences } from '#src/data/sources.js';
import { MAX_CONTEXT_MOVES } from '#src/data/strokes/stroke-context.js';
import { concatenateStrokes } from '#src/data/strokes/stroke-examples.js';
import {
  DEFAULT_STROKE_PREPROCESSING,
  type StrokePreprocessing,
  strokeInputSize,
} from '#src/data/strokes/stroke-preprocessing.js';
import { imageToStrokes } from '#src/ink/image-to-strokes.js';
import { prepareInput } from '#src/recognize/prepare-input.js';
import { openRecognizer } from '#src/recognize/recognizer.js';
import { resolveConfig } from '#src/train/config/run-config.js';
import { UserError } from '#src/user-error.js';
import { digits } from '../../ink/images.js';
import { checkpointBytes } from '../../recognize/checkpoint-bytes.js';

const SIDE = 28;
const MAPPED: StrokePreprocessing = { ...DEFAULT_STROKE_PREPROCESSING, context: true };
const VARIED = {
  ...NO_AUGMENTATION,
  rotation: 20,
  scale: 0.2,
  shift: 3,
  jitter: 0.3,
  drop: 0.1,
  resample: 0.3,
};
const moves = (await digits(40)).map(({ pixels }) => imageToStrokes(pixels, SIDE, SIDE));
const all = Int32Array.from(moves.keys());

function dataOf(drawings: readonly Int16Array[], preprocessing: StrokePreprocessing) {
  const examples = concatenateStrokes([...drawings], new Uint8Array(drawings.length), 'test');
  return { kind: 'strokes', name: 'test', examples, preprocessing } as const;
}

/** [T, I] the sequence with the maps of its moves: every point with every cell of every move. */
function mapped({ steps, sequence }: Sequence, preprocessing: StrokePreprocessing): Float32Array {
  const size = strokeInputSize(preprocessing);
  const { width, height, scale } = preprocessing;
  const cell = (3 * Math.max(width, height)) / 28;
  const places: { x: number; y: number; isPoint: boolean }[] = [];
  let [x, y] = [0, 0];
  for (let t = 0; t < steps; t++) {
    x += sequence[size * t] / Math.fround(scale);
    y += sequence[size * t + 1] / Math.fround(scale);
    places.push({ x, y, isPoint: sequence[size * t + 2] === 0 });
  }
  const result = sequence.slice();
  places.forEach((pen, t) => {
    for (let row = -2; row <= 2; row++) {
      for (let column = -2; column <= 2; column++) {
        let sum = 0;
        for (const point of places) {
          const across = 1 - Math.abs((point.x - pen.x) / cell - column);
          const down = 1 - Math.abs((point.y - pen.y) / cell - row);
          if (point.isPoint && across > 0 && down > 0) sum += across * down;
        }
        result[size * (t + 1) - 25 + 5 * (row + 2) + column + 2] = Math.min(2, sum / 3);
      }
    }
  });
  return result;
}

function close(found: Float32Array, wanted: Float32Array): void {
  assert.equal(found.length, wanted.length);
  // Sums run in another order, in float64; values are float32 up to 2.
  found.forEach((value, n) => {
    assert.ok(Math.abs(value - wanted[n]) <= 3e-7, `value ${n}: ${value}, expected ${wanted[n]}`);
  });
}

test('a step has a map of the ink around its end, row by row, and nothing else changes', () => {
  // Three points below the first one, in the middle of the cell below: one cell is full, and the middle one has a third.
  const drawing = Int16Array.of(9, 9, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1);
  const { steps, sequence } = sequenceIn(openSequences(dataOf([drawing], MAPPED)), 0);
  assert.equal(sequence.length, 29 * steps);
  const first = Array.from({ length: 25 }, () => 0);
  first[12] = Math.fround(1 / 3);
  first[17] = 1;
  assert.deepEqual([...sequence.subarray(0, 4)], [9, 9, 0, 0]);
  assert.deepEqual([...sequence.subarray(4, 29)], first);
  const second = Array.from({ length: 25 }, () => 0);
  second[12] = 1;
  second[7] = Math.fround(1 / 3);
  assert.deepEqual([...sequence.subarray(29 + 4, 2 * 29)], second);
  for (const position of [false, true]) {
    const preprocessing = { ...MAPPED, position };
    const without = openSequences(dataOf(moves, { ...preprocessing, context: false }));
    const size = without.inputSize;
    const source = openSequences(dataOf(moves, preprocessing));
    assert.equal(source.inputSize, size + 25);
    moves.forEach((_, i) => {
      const read = sequenceIn(source, i);
      close(read.sequence, mapped(read, preprocessing));
      const plain = sequenceIn(without, i).sequence;
      for (let t = 0; t < read.steps; t++) {
        const step = read.sequence.subarray((size + 25) * t, (size + 25) * t + size);
        assert.deepEqual(step, plain.subarray(size * t, size * (t + 1)));
      }
    });
  }
});

test('any moves, size and scale: the maps of the naive sum', () => {
  const step = fc.integer({ min: -6, max: 6 });
  const drawing = fc.array(fc.tuple(step, step, fc.boolean()), { minLength: 0, maxLength: 60 });
  const about = fc.record({
    width: fc.integer({ min: 4, max: 60 }),
    height: fc.integer({ min: 4, max: 60 }),
    scale: fc.constantFrom(1, 0.3, 7),
    position: fc.boolean(),
    deslant: fc.boolean(),
  });
  fc.assert(
    fc.property(drawing, about, (lines, size) => {
      const rows = lines.map(([dx, dy, up]) => (up ? [0, 0, 1, 0] : [dx, dy, 0, 0]));
      const preprocessing = { ...MAPPED, ...size };
      const source = openSequences(dataOf([Int16Array.from([...rows.flat(), 0, 0, 1, 1])], preprocessing));
      const read = sequenceIn(source, 0);
      const wanted = mapped(read, preprocessing);
      // Places are divided by the cell's side before they are added up, or after.
      read.sequence.forEach((value, n) => {
        assert.ok(Math.abs(value - wanted[n]) < 1e-6, `value ${n}: ${value}, expected ${wanted[n]}`);
      });
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('training, variation and recognition agree to the bit; sorted, without slant and in any batch too', () => {
  for (const about of [
    {},
    { scale: 0.3, position: true },
    { deslant: true, scale: 2 },
    { sorted: true, deslant: true, position: true },
    { order: 'pen' as const, sorted: true },
  ]) {
    const preprocessing = { ...MAPPED, ...about };
    const data = dataOf(moves, preprocessing);
    const source = openSequences(data);
    const unvaried = openAugmented(data, NO_AUGMENTATION, 1).draw(all, 1);
    assert.equal(unvaried.inputSize, source.inputSize);
    const lengths = moves.map((each) => each.length / 4);
    const packed = packBatch(source, all, {
      inputs: new Float32Array(lengths.reduce((sum, length) => sum + length) * source.inputSize),
      batchSizes: new Int32Array(source.maxSteps),
      rowStarts: new Int32Array(source.maxSteps),
      labels: new Int32Array(moves.length),
      order: new Int32Array(moves.length),
    });
    packed.order.forEach((i, column) => {
      const trained = sequenceIn(source, i);
      close(trained.sequence, mapped(trained, preprocessing));
      assert.deepEqual(sequenceIn(unvaried, i).sequence, trained.sequence);
      const input = { kind: 'strokes', moves: moves[i] } as const;
      assert.deepEqual(prepareInput(input, preprocessing)!.sequence, trained.sequence);
      for (let t = 0; t < trained.steps; t++) {
        const at = (packed.rowStarts[t] + column) * source.inputSize;
        const step = trained.sequence.subarray(t * source.inputSize, (t + 1) * source.inputSize);
        assert.deepEqual(packed.inputs.subarray(at, at + source.inputSize), step);
      }
    });
  }
});

test('maps follow the variation of a drawing, whichever drawings are varied with it', () => {
  for (const about of [{}, { sorted: true, position: true, scale: 0.5 }]) {
    const preprocessing = { ...MAPPED, ...about };
    const source = openAugmented(dataOf(moves, preprocessing), VARIED, 1);
    const varied = source.draw(all, 1);
    const sequences = moves.map((_, i) => sequenceIn(varied, i));
    for (const each of sequences) close(each.sequence, mapped(each, preprocessing));
    const [last] = [sequenceIn(source.draw(Int32Array.of(moves.length - 1), 1), 0)];
    assert.deepEqual(last, sequences.at(-1));
  }
});

test('a drawing that is cut off is answered by the ink of its first moves', async () => {
  for (const about of [{}, { sorted: true, deslant: true, position: true, scale: 0.5 }]) {
    const preprocessing = { ...MAPPED, ...about };
    const size = strokeInputSize(preprocessing);
    for (const bidirectional of [true, false]) {
      const bytes = checkpointBytes(preprocessing, { bidirectional });
      const recognizer = openRecognizer(bytes, new ReferenceBackend(), { name: 'a' });
      const input = { kind: 'strokes', moves: moves.find((each) => each.length > 160)! } as const;
      const { saw, sequence } = prepareInput(input, preprocessing)!;
      const trace = await recognizer.trace(input, { over: 'steps', moments: Number.POSITIVE_INFINITY });
      const cuts = Array.from(trace!.moments, (count) => {
        const before = sequence[size * (count - 1) + 2] !== 0 ? count - 1 : count;
        const cut = { steps: before + 1, sequence: sequence.slice(0, size * (before + 1)) };
        const end = [0, 0, 1, 1, ...sequence.subarray(size * (count - 1) + 4, size * count)];
        cut.sequence.set(end, size * before);
        return { saw, steps: cut.steps, sequence: mapped(cut, preprocessing) };
      });
      const answers = await recognizer.recognizePrepared(cuts);
      answers.forEach(({ probabilities }, m) => {
        close(trace!.probabilities.subarray(4 * m, 4 * m + 4), probabilities);
      });
      recognizer.close();
    }
  }
});

test('is stored with the model, left out where there are none, and refused where it cannot be', () => {
  const stored = KINDS.strokes.writePreprocessing(MAPPED);
  assert.deepEqual(readPreprocessing(JSON.parse(JSON.stringify(stored)), 'a'), MAPPED);
  assert.ok(!('context' in readPreprocessing({ ...DEFAULT_STROKE_PREPROCESSING }, 'a')));
  for (const context of ['yes', 1, null, 25, {}]) {
    assert.throws(
      () => readPreprocessing({ ...MAPPED, context }, 'a'),
      (error) => error instanceof UserError && /"context": expected true or false/.test(error.message),
    );
  }
  assert.throws(
    () => readPreprocessing({ ...MAPPED, order: 'points' }, 'a'),
    (error) => error instanceof UserError && /^a: preprocessing: .*the order points/.test(error.message),
  );
  const { examples } = dataOf(moves, MAPPED);
  const dataset = { kind: 'strokes' as const, name: 'mine', classes: ['a'], width: SIDE, height: SIDE };
  const open = (flags: Record<string, unknown>) =>
    KINDS.strokes.preprocessingFor(
      { ...dataset, train: examples, test: examples },
      resolveConfig({ flags: { preset: 'strokes', strokeContext: true, ...flags } }),
    );
  assert.equal(open({ inputSize: 29 }).context, true);
  assert.equal(open({ inputSize: 29, strokeOrder: 'pen' }).context, true);
  assert.equal(open({ inputSize: 31, strokePosition: true }).position, true);
  assert.throws(() => open({ inputSize: 4 }), /with context have 29 values a step.*input size 4/);
  assert.throws(() => open({ inputSize: 29, strokePosition: true }), /with context have 31 values a step/);
  assert.throws(
    () => open({ inputSize: 29, strokeOrder: 'points' }),
    (error) => error instanceof UserError && /the order points leaves out most/.test(error.message),
  );
});

test('a drawing of many moves is refused: the time grows with their square', () => {
  const long = (count: number) => {
    const drawing = new Int16Array(4 * count);
    drawing.set([0, 0, 1, 1], 4 * (count - 1));
    return drawing;
  };
  const began = performance.now();
  prepareInput({ kind: 'strokes', moves: long(MAX_CONTEXT_MOVES) }, MAPPED);
  assert.ok(performance.now() - began < 10_000);
  assert.throws(
    () => prepareInput({ kind: 'strokes', moves: long(MAX_CONTEXT_MOVES + 1) }, MAPPED),
    (error) => error instanceof UserError && /has 4097 moves; with context at most 4096/.test(error.message),
  );
  assert.ok(
    prepareInput({ kind: 'strokes', moves: long(MAX_CONTEXT_MOVES + 1) }, { ...MAPPED, context: false }),
  );
});
