/**
 * Protects rotated views of networks that read strokes: pictures and drawings have three, thinned anew; the answer is the
 * mean of their logits, in every way to ask; moves have one view; the rotation is stored with the model.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rotation } from '#src/data/affine.js';
import { pictureToRead } from '#src/data/inputs/input.js';
import { movedPicture } from '#src/data/inputs/picture-changes.js';
import { KINDS, readPreprocessing } from '#src/data/kinds.js';
import { concatenateStrokes } from '#src/data/strokes/stroke-examples.js';
import { imageToStrokes } from '#src/ink/image-to-strokes.js';
import type { RecognizerInput } from '#src/recognize/prepare-input.js';
import { softmax } from '#src/recognize/softmax.js';
import { resolveConfig } from '#src/train/config/run-config.js';
import { UserError } from '#src/user-error.js';
import { digits } from '../ink/images.js';
import { recognizerFor, STROKES } from './checkpoint-bytes.js';

const DEGREES = 12;
const VIEWED = { ...STROKES, viewRotation: DEGREES };
const SIZE = { width: 28, height: 28, channels: 1 };
const SEVEN: RecognizerInput = {
  kind: 'drawing',
  strokes: [{ xs: [10, 60, 110, 80, 50], ys: [20, 18, 22, 90, 160] }],
};
const viewed = recognizerFor(VIEWED);
const plain = recognizerFor(STROKES);

/** The mean of the logits, as far as probabilities tell: softmax takes a sum from all of them. */
function together(probabilities: readonly Float32Array[]): Float32Array {
  const logits = probabilities[0].map(
    (_, k) => probabilities.reduce((sum, each) => sum + Math.log(each[k]), 0) / probabilities.length,
  );
  return softmax(logits, { name: 'test', temperature: 1 });
}

function near(a: ArrayLike<number>, b: ArrayLike<number>): void {
  assert.equal(a.length, b.length);
  for (let k = 0; k < a.length; k++) assert.ok(Math.abs(a[k] - b[k]) < 1e-5, `${a[k]} and ${b[k]}`);
}

test('a picture is thinned as it is and as rotated either way; the answer is the mean of the logits', async () => {
  let differing = 0;
  for (const image of await digits(20)) {
    const input = { kind: 'picture', ...image } as const;
    const prepared = viewed.prepare(input)!;
    const rotated = [-DEGREES, DEGREES].map((degrees) => {
      const moved = movedPicture({ ...SIZE, pixels: image.pixels }, rotation(degrees));
      const read = pictureToRead(moved, SIZE, { isFitted: true, isThinned: true })!;
      return plain.prepare({ kind: 'strokes', moves: imageToStrokes(read.pixels, 28, 28) })!;
    });
    assert.deepEqual(
      prepared.views,
      rotated.map(({ steps, sequence }) => ({ steps, sequence })),
    );
    const { views: _, ...single } = prepared;
    assert.deepEqual(single, plain.prepare(input));
    const [answer] = await viewed.recognize([input]);
    const alone = await plain.probabilitiesOf([single, ...rotated]);
    near(answer!.probabilities, together(alone));
    differing += Number(alone[0].some((value, k) => Math.abs(value - alone[1][k]) > 1e-4));
  }
  assert.ok(differing > 10, 'views differ');
});

test('a drawing has three views in every answer; batches of inputs with and without views keep their order', async () => {
  const [image] = await digits(1);
  const inputs: RecognizerInput[] = [SEVEN, { kind: 'strokes', moves: imageToStrokes(image.pixels, 28, 28) }];
  inputs.push({ kind: 'picture', ...image }, SEVEN);
  const answers = await viewed.recognize(inputs);
  const stepping = recognizerFor(VIEWED, { bidirectional: false, head: 'last' });
  for (const [n, input] of inputs.entries()) {
    const [alone] = await viewed.recognize([input]);
    assert.deepEqual(answers[n], alone);
    const trace = await viewed.trace(input);
    near(trace!.probabilities.slice(-4), alone!.probabilities);
    const steps = await viewed.trace(input, { over: 'steps', moments: 5 });
    near(steps!.probabilities.slice(-4), alone!.probabilities);
    const [stepped] = await stepping.recognize([input]);
    const stepwise = await stepping.trace(input, { over: 'steps' });
    near(stepwise!.probabilities.slice(-4), stepped!.probabilities);
    const { recognition } = (await viewed.inspect(input))!;
    near(recognition.probabilities, alone!.probabilities);
  }
  assert.equal(viewed.prepare(inputs[0])!.views!.length, 2);
  assert.equal(viewed.prepare(inputs[1])!.views, undefined, 'moves are read as they are');
});

test('is stored with the model, left out for one view, and needs pictures that are thinned', () => {
  const stored = KINDS.strokes.writePreprocessing(VIEWED);
  assert.deepEqual(readPreprocessing(JSON.parse(JSON.stringify(stored)), 'a'), VIEWED);
  assert.ok(!('viewRotation' in readPreprocessing({ ...STROKES, viewRotation: 0 }, 'a')));
  for (const viewRotation of [-1, 46, '12', null]) {
    assert.throws(
      () => readPreprocessing({ ...STROKES, viewRotation }, 'a'),
      /"view_rotation": expected a number from 0 to 45/,
    );
  }
  assert.throws(
    () => readPreprocessing({ ...VIEWED, order: 'pen' }, 'a'),
    /"view_rotation" rotates pictures that are thinned, but the order of the strokes is pen/,
  );
  const examples = concatenateStrokes([Int16Array.of(1, 1, 0, 0, 0, 0, 1, 1)], [0], 'mine');
  const dataset = { kind: 'strokes' as const, name: 'mine', classes: ['a'], width: 28, height: 28 };
  const settings = resolveConfig({ flags: { preset: 'strokes', viewRotation: 12, strokeOrder: 'pen' } });
  assert.throws(
    () => KINDS.strokes.preprocessingFor({ ...dataset, train: examples, test: examples }, settings),
    (error: unknown) =>
      error instanceof UserError && /rotated views are of thinned pictures.*order is pen/.test(error.message),
  );
});
