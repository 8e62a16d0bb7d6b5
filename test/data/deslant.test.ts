/**
 * Protects the removal of slant: it makes sheared digits alike; training and recognition read the same bits; it is
 * stored with the model, and refused for colours.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Augmentation, NO_AUGMENTATION } from '#src/data/augmentation.js';
import { deslantedExamples, deslantPicture, pictureSlant, strokeSlant } from '#src/data/deslant.js';
import { AugmentedImages } from '#src/data/images/image-augment.js';
import type { Preprocessing } from '#src/data/input-kind.js';
import { KINDS, kindOf, readPreprocessing } from '#src/data/kinds.js';
import { loadDataset } from '#src/data/open-dataset.js';
import { type Sequence, sequenceIn } from '#src/data/sequences/sequence.js';
import { openAugmented, openSequences, sequencesOf } from '#src/data/sources.js';
import { AugmentedStrokes } from '#src/data/strokes/stroke-augment.js';
import { concatenateStrokes } from '#src/data/strokes/stroke-examples.js';
import { DEFAULT_STROKE_PREPROCESSING } from '#src/data/strokes/stroke-preprocessing.js';
import { imageToStrokes } from '#src/ink/image-to-strokes.js';
import { type PreparedInput, prepareInput } from '#src/recognize/prepare-input.js';
import { UserError } from '#src/user-error.js';
import { digits } from '../ink/images.js';
import { ROWS } from '../recognize/checkpoint-bytes.js';

const SIDE = 28;
const IMAGES = { ...ROWS, deslant: true } as const;
const STROKES = { ...DEFAULT_STROKE_PREPROCESSING, scale: 0.3, deslant: true } as const;

const upright = (pixels: Uint8Array) => {
  const target = new Uint8Array(pixels.length);
  deslantPicture(pixels, target, 0, SIDE, SIDE);
  return target;
};

/** A bar of 16 pixel rows that leans: `lean` pixels to the right per pixel upwards. */
function bar(lean: number): Uint8Array {
  const pixels = new Uint8Array(SIDE * SIDE);
  for (let y = 6; y < 22; y++) {
    const left = 12.5 + lean * (13.5 - y);
    for (let x = 0; x < SIDE; x++) {
      const covered = Math.min(x + 1, left + 3) - Math.max(x, left);
      pixels[y * SIDE + x] = Math.round(255 * Math.max(0, Math.min(1, covered)));
    }
  }
  return pixels;
}

test('a leaning bar stands upright, up to 45 degrees', () => {
  const straight = bar(0);
  for (const lean of [-0.9, -0.3, 0.1, 0.5, 0.9]) {
    assert.ok(Math.abs(pictureSlant(bar(lean), 0, SIDE, SIDE).slope + lean) < 0.02);
    const worst = Math.max(...upright(bar(lean)).map((value, i) => Math.abs(value - straight[i])));
    assert.ok(worst < 80, `${lean}: a pixel is ${worst} off`);
  }
  assert.equal(pictureSlant(bar(1.4), 0, SIDE, SIDE).slope, -1);
  assert.deepEqual(upright(straight), straight);
  assert.deepEqual(upright(new Uint8Array(784)), new Uint8Array(784));
});

test('images: recognition reads the bits of training, and the data set stays as it is', async () => {
  const dataset = await loadDataset('mnist', { channelsImg: 1, order: 'tour' });
  assert.ok(dataset.kind === 'images');
  const before = dataset.test.pixels.slice(0, 784);
  const source = openSequences(sequencesOf(dataset, 'test', IMAGES));
  const varied = openAugmented(sequencesOf(dataset, 'test', IMAGES), NO_AUGMENTATION, 1);
  const drawn = varied.draw(
    Int32Array.from({ length: 50 }, (_, i) => i),
    1,
  );
  for (let i = 0; i < 50; i++) {
    const trained: Sequence = sequenceIn(source, i);
    const prepared: PreparedInput = prepareInput(KINDS.images.exampleAt(dataset.test, i), IMAGES)!;
    assert.deepEqual(prepared.sequence, trained.sequence);
    assert.deepEqual(sequenceIn(drawn, i).sequence, trained.sequence);
    assert.deepEqual(
      prepared.saw.picture!.pixels,
      upright(dataset.test.pixels.slice(i * 784, (i + 1) * 784)),
    );
  }
  assert.deepEqual(dataset.test.pixels.slice(0, 784), before);
});

test('strokes: recognition reads the bits of training, and no slant is left', async () => {
  const moves = (await digits(40)).map(({ pixels }) => imageToStrokes(pixels, SIDE, SIDE));
  const labels = new Uint8Array(moves.length);
  const examples = concatenateStrokes(moves, labels, 'test');
  const data = { kind: 'strokes', name: 'test', examples, preprocessing: STROKES } as const;
  const source = openSequences(data);
  const unvaried = openAugmented(data, NO_AUGMENTATION, 1).draw(Int32Array.from(moves.keys()), 1);
  const flipped = openAugmented(data, { ...NO_AUGMENTATION, flip: 1e-300 }, 1).draw(
    Int32Array.from(moves.keys()),
    1,
  );
  moves.forEach((each, i) => {
    const trained = sequenceIn(source, i).sequence;
    assert.deepEqual(prepareInput({ kind: 'strokes', moves: each }, STROKES)!.sequence, trained);
    assert.deepEqual(sequenceIn(unvaried, i).sequence, trained);
    sequenceIn(flipped, i).sequence.forEach((value, k) => {
      assert.ok(Math.abs(value - trained[k]) < 1e-5, 'varied by nothing');
    });
    const fixed = Int16Array.from(trained, (value, k) =>
      k % 4 < 2 ? Math.round((value * 500) / 0.3) : value,
    );
    assert.ok(Math.abs(strokeSlant(fixed, 0, fixed.length / 4).slope) < 0.01);
  });
});

test('is stored with the model, and left out where it has no effect', () => {
  for (const preprocessing of [IMAGES, STROKES, { ...IMAGES, deslant: undefined, fitted: false }]) {
    const stored = kindOf(preprocessing).writePreprocessing(preprocessing as never);
    const read = readPreprocessing(JSON.parse(JSON.stringify(stored)), 'a');
    assert.deepEqual(read, JSON.parse(JSON.stringify(preprocessing)));
  }
  const older = { ...ROWS } as Record<string, unknown>;
  assert.ok(!('deslant' in readPreprocessing(older, 'a')) && !('fitted' in readPreprocessing(older, 'a')));
  assert.throws(() => readPreprocessing({ ...older, deslant: 1 }, 'a'), /"deslant": expected true or false/);
  assert.throws(
    () => readPreprocessing({ ...older, channels: 4, width: 7, deslant: true }, 'a'),
    (error) => error instanceof UserError && /grey pictures only.*4 channels/.test(error.message),
  );
});

test('a network that learnt from other pictures than MNIST’s reads a picture of its size as it is', () => {
  const pixels = bar(0);
  const picture = { kind: 'picture', width: SIDE, height: SIDE, pixels } as const;
  const given: Preprocessing = { ...ROWS, fitted: false };
  assert.deepEqual(prepareInput(picture, given)!.saw.picture!.pixels, pixels);
  assert.notDeepEqual(prepareInput(picture, ROWS)!.saw.picture!.pixels, pixels);
});

test('a network of another size than MNIST’s reads a picture of its size as it is', () => {
  const pixels = Uint8Array.from({ length: 256 }, (_, n) => (n * 37) % 256);
  const small = { ...ROWS, width: 16, height: 16, sequenceLength: 16, inputSize: 16 };
  const prepared = prepareInput({ kind: 'picture', width: 16, height: 16, pixels }, small);
  assert.deepEqual(prepared!.saw.picture!.pixels, pixels);
});

test('variation leaves turned digits upright, as recognition sees them, and shears them afterwards', async () => {
  const dataset = await loadDataset('mnist', { channelsImg: 1, order: 'tour' });
  assert.ok(dataset.kind === 'images');
  const turned = { ...NO_AUGMENTATION, rotation: 25, scale: 0.1, shift: 1 };
  const sources = (augmentation: Augmentation, deslant: boolean) => {
    const examples = deslant ? deslantedExamples(dataset.train) : dataset.train;
    const preprocessing = { ...ROWS, deslant };
    return new AugmentedImages({ data: { name: 'm', examples, preprocessing }, augmentation, seed: 3 });
  };
  const slopes = (augmentation: Augmentation, deslant: boolean) => {
    const source = sources(augmentation, deslant);
    return Array.from({ length: 60 }, (_, i) => pictureSlant(source.pictureOf(i, 1), 0, SIDE, SIDE).slope);
  };
  const most = (values: number[]) => Math.max(...values.map(Math.abs));
  // Ones that are no longer upright have slopes of up to tan 25°.
  assert.ok(most(slopes(turned, false)) > 0.4);
  assert.ok(most(slopes(turned, true)) < 0.04, `${most(slopes(turned, true))}`);
  const sheared = slopes({ ...turned, shear: 0.3 }, true);
  assert.ok(most(sheared) > 0.2 && most(sheared) < 0.34, `${most(sheared)}`);
  // The horizontal line of a 7 or a 5 stays turned: the pictures differ from those that are not turned.
  const [still, moving] = [NO_AUGMENTATION, { ...NO_AUGMENTATION, rotation: 25 }].map((augmentation) =>
    sources(augmentation, true).pictureOf(0, 1),
  );
  assert.ok(still.filter((value, i) => Math.abs(value - moving[i]) > 100).length > 20);
});

test('strokes: variation leaves turned drawings upright', async () => {
  const moves = (await digits(20)).map(({ pixels }) => imageToStrokes(pixels, SIDE, SIDE));
  const examples = concatenateStrokes(moves, new Uint8Array(moves.length), 'test');
  const slopes = (deslant: boolean) => {
    const preprocessing = { ...DEFAULT_STROKE_PREPROCESSING, deslant };
    const augmentation = { ...NO_AUGMENTATION, rotation: 25, scale: 0.1 };
    const source = new AugmentedStrokes({
      data: { name: 's', examples, preprocessing },
      augmentation,
      seed: 3,
    });
    return Array.from({ length: 20 }, (_, i) => {
      // In hundredths of a pixel: strokeSlant reads whole numbers.
      const varied = Int16Array.from(source.movesOf(i, 1), (value, k) =>
        k % 4 < 2 ? Math.round(100 * value) : value,
      );
      return Math.abs(strokeSlant(varied, 0, varied.length / 4).slope);
    });
  };
  assert.ok(Math.max(...slopes(false)) > 0.3);
  assert.ok(Math.max(...slopes(true)) < 0.01, `${Math.max(...slopes(true))}`);
});
