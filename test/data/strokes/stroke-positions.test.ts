/**
 * Protects the places of moves: they are the sums of the moves; training, recognition, a cut-off drawing and exported
 * models agree on them; they are stored with the model, and need six values a step.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_AUGMENTATION } from '#src/data/augmentation.js';
import { KINDS, readPreprocessing } from '#src/data/kinds.js';
import { sequenceIn } from '#src/data/sequences/sequence.js';
import { openAugmented, openSequences } from '#src/data/sources.js';
import { concatenateStrokes } from '#src/data/strokes/stroke-examples.js';
import { DEFAULT_STROKE_PREPROCESSING } from '#src/data/strokes/stroke-preprocessing.js';
import { imageToStrokes } from '#src/ink/image-to-strokes.js';
import { prepareInput } from '#src/recognize/prepare-input.js';
import { resolveConfig } from '#src/train/config/run-config.js';
import { digits } from '../../ink/images.js';

const SIDE = 28;
const PLACED = { ...DEFAULT_STROKE_PREPROCESSING, position: true } as const;
const moves = (await digits(40)).map(({ pixels }) => imageToStrokes(pixels, SIDE, SIDE));
const examples = concatenateStrokes(moves, new Uint8Array(moves.length), 'test');
const all = Int32Array.from(moves.keys());

test('a step has the place where its move ends, in quarters of the sides from the middle', () => {
  const data = { kind: 'strokes', name: 'test', examples, preprocessing: PLACED } as const;
  const source = openSequences(data);
  assert.equal(source.inputSize, 6);
  moves.forEach((each, i) => {
    const { steps, sequence } = sequenceIn(source, i);
    assert.equal(sequence.length, 6 * steps);
    let [x, y] = [0, 0];
    for (let t = 0; t < steps; t++) {
      x += each[4 * t];
      y += each[4 * t + 1];
      assert.deepEqual([...sequence.subarray(6 * t, 6 * t + 4)], [...each.subarray(4 * t, 4 * t + 4)]);
      assert.equal(sequence[6 * t + 4], Math.fround((x - 14.5) / 7));
      assert.equal(sequence[6 * t + 5], Math.fround((y - 14.5) / 7));
    }
  });
});

test('training, variation and recognition agree to the bit, with a scale and without slant too', () => {
  for (const preprocessing of [PLACED, { ...PLACED, scale: 0.3 }, { ...PLACED, deslant: true, scale: 2 }]) {
    const data = { kind: 'strokes', name: 'test', examples, preprocessing } as const;
    const source = openSequences(data);
    const unvaried = openAugmented(data, NO_AUGMENTATION, 1).draw(all, 1);
    assert.equal(unvaried.inputSize, 6);
    moves.forEach((each, i) => {
      const trained = sequenceIn(source, i).sequence;
      assert.deepEqual(sequenceIn(unvaried, i).sequence, trained);
      assert.deepEqual(prepareInput({ kind: 'strokes', moves: each }, preprocessing)!.sequence, trained);
    });
  }
});

test('places follow the variation of a drawing', () => {
  const data = { kind: 'strokes', name: 'test', examples, preprocessing: PLACED } as const;
  const varied = openAugmented(data, { ...NO_AUGMENTATION, rotation: 20, shift: 3, reverse: 1 }, 1).draw(
    all,
    1,
  );
  moves.forEach((_, i) => {
    const { steps, sequence } = sequenceIn(varied, i);
    let [x, y] = [0, 0];
    for (let t = 0; t < steps; t++) {
      x += sequence[6 * t];
      y += sequence[6 * t + 1];
      assert.ok(Math.abs(sequence[6 * t + 4] - (x - 14.5) / 7) < 1e-4);
      assert.ok(Math.abs(sequence[6 * t + 5] - (y - 14.5) / 7) < 1e-4);
    }
  });
});

test('a drawing that is cut off ends where the pen was', () => {
  const { after, replaces } = KINDS.strokes.ending!;
  const step = Float32Array.of(1, -1, 0, 0, 0.5, -0.25);
  assert.deepEqual([...after(step)], [0, 0, 1, 1, 0.5, -0.25]);
  assert.deepEqual([...after(step.subarray(0, 4))], [0, 0, 1, 1]);
  assert.equal(replaces(step), false);
  assert.equal(replaces(Float32Array.of(0, 0, 1, 0, 0.5, -0.25)), true);
});

test('is stored with the model, left out where there are none, and needs six values a step', () => {
  const stored = KINDS.strokes.writePreprocessing(PLACED);
  assert.deepEqual(readPreprocessing(JSON.parse(JSON.stringify(stored)), 'a'), PLACED);
  assert.ok(!('position' in readPreprocessing({ ...DEFAULT_STROKE_PREPROCESSING }, 'a')));
  assert.throws(
    () => readPreprocessing({ ...PLACED, position: 'yes' }, 'a'),
    /"position": expected true or false/,
  );
  const dataset = { kind: 'strokes' as const, name: 'mine', classes: ['a'], width: SIDE, height: SIDE };
  const settings = resolveConfig({ flags: { preset: 'strokes', inputSize: 4, strokePosition: true } });
  assert.throws(
    () => KINDS.strokes.preprocessingFor({ ...dataset, train: examples, test: examples }, settings),
    /with positions have 6 values a step.*input size 4.*input size 6 and head mean/,
  );
});
