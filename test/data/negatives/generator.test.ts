/** Protects the generator of negatives: the same for the same seed, varied, never empty, and no digits among them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Dice } from '#src/data/drawn/dice.js';
import { outlineStrokes } from '#src/data/drawn/outline.js';
import type { ExampleInput } from '#src/data/inputs/input.js';
import { NEGATIVE_KINDS, NegativeGenerator, type NegativeKind } from '#src/data/negatives/generator.js';
import { GLYPHS } from '#src/data/negatives/glyphs.js';
import { type PieceExamples, piecePicture, pieceStrokes, planPiece } from '#src/data/negatives/pieces.js';
import { SHAPES } from '#src/data/negatives/shapes.js';
import { drawingToImage, drawingToStrokes } from '#src/ink/drawing.js';
import { Random } from '#src/random.js';

/** Ten drawings, one of each class: a hook that is the larger the higher the class. */
const hooks = Array.from({ length: 10 }, (_, k) => ({
  strokes: [{ xs: [0, 0, 10 + k, 10 + k], ys: [0, 30, 30, 12 - k] }],
}));
const pictures: PieceExamples = {
  count: 10,
  labelOf: (i) => i,
  at: (i): ExampleInput => ({
    kind: 'picture',
    width: 28,
    height: 28,
    channels: 1,
    pixels: drawingToImage(hooks[i]),
  }),
};
const strokes: PieceExamples = {
  ...pictures,
  at: (i): ExampleInput => ({ kind: 'strokes', moves: drawingToStrokes(hooks[i]) }),
};

const generatorOf = (seed: number, examples = pictures, digits = true) =>
  new NegativeGenerator({ seed, digits, examples, strokes: examples === strokes });
const ink = (pixels: Uint8Array) => pixels.reduce((sum, value) => sum + value, 0);

describe('generator of negatives', () => {
  it('gives the same negative for the same seed and index, and others for another seed, index or attempt', () => {
    const [one, same, other] = [generatorOf(3), generatorOf(3), generatorOf(4)];
    for (let i = 0; i < 60; i++) assert.deepEqual(one.at(i), same.at(i));
    assert.notDeepEqual(one.at(7, 'letters').pixels, other.at(7, 'letters').pixels);
    assert.notDeepEqual(one.at(7, 'letters').pixels, one.at(8, 'letters').pixels);
    assert.notDeepEqual(one.at(7, 'letters').pixels, one.at(7, 'letters', 1).pixels);
  });

  for (const examples of [pictures, strokes]) {
    it(`has ink in every negative that is not blank, of ${examples === pictures ? 'pictures' : 'strokes'}`, () => {
      const generator = generatorOf(1, examples);
      for (const kind of generator.kinds.filter((name) => name !== 'blanks')) {
        const seen = new Set<string>();
        for (let i = 0; i < 80; i++) {
          const { pixels } = generator.at(i, kind);
          assert.equal(pixels.length, 784);
          assert.ok(ink(pixels) > 1000, `${kind} ${i} has ${ink(pixels) / 255} pixels of ink`);
          seen.add(Buffer.from(pixels).toString('base64'));
        }
        assert.ok(seen.size > 60, `${seen.size} different ${kind} of 80`);
      }
    });
  }

  it('draws every kind about as often as its share, and blanks for pictures only', () => {
    const counts = new Map<NegativeKind, number>();
    const generator = generatorOf(0);
    for (let i = 0; i < 1000; i++) {
      const { kind } = generator.at(i);
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    assert.deepEqual(generator.kinds, NEGATIVE_KINDS);
    assert.ok(NEGATIVE_KINDS.every((kind) => (counts.get(kind) ?? 0) >= 10));
    assert.ok((counts.get('letters') ?? 0) > 300);
    assert.ok(!generatorOf(0, strokes).kinds.includes('blanks'));
  });

  it('has no letters, shapes and clothes where the classes are not digits', () => {
    const generator = generatorOf(0, pictures, false);
    assert.deepEqual(generator.kinds, ['scribbles', 'pieces', 'textures', 'blanks']);
    for (let i = 0; i < 200; i++) assert.ok(generator.kinds.includes(generator.at(i).kind));
  });

  it('has outlines for all letters and signs but those that look like digits', () => {
    for (const letter of 'OoIl|/ZzSsbqg0123456789') assert.ok(!(letter in GLYPHS), letter);
    for (const letter of 'ABCDEFGHJKLMNPQRTUVWXYadefhijkmnprtuvxy') assert.ok(letter in GLYPHS, letter);
    for (const text of [...Object.values(GLYPHS).flat(), ...Object.values(SHAPES)]) {
      for (const { xs, ys } of outlineStrokes(text)) {
        assert.ok(xs.length > 0 && xs.length === ys.length, text);
        assert.ok(
          [...xs, ...ys].every((value) => value > -0.15 && value < 1.15),
          text,
        );
      }
    }
    assert.throws(() => outlineStrokes('M0 L1 1'), /outline: M0/);
  });

  it('draws curves and ellipses through their ends', () => {
    const [curve, ellipse, dot] = outlineStrokes('M0 0 Q.5 1 1 0 E.5 .5 .5 .25 0 180 D.3 .4');
    assert.deepEqual([curve.xs.at(-1), curve.ys.at(-1), curve.ys[4]], [1, 0, 0.5]);
    assert.deepEqual([ellipse.xs[0], ellipse.ys[0]], [1, 0.5]);
    assert.ok(Math.abs((ellipse.xs.at(-1) ?? 9) - 0) < 1e-9);
    assert.deepEqual(dot, { xs: [0.3, 0.36], ys: [0.4, 0.46] });
  });
});

describe('pieces', () => {
  it('never keep a whole digit in its place', () => {
    for (let i = 0; i < 500; i++) {
      const plan = planPiece(pictures, new Dice(new Random(5, i)), true);
      const [part] = plan;
      const whole = part.clip.join() === '0,0,1,1' && part.map.join() === '1,0,0,1,0,0';
      assert.ok(plan.length > 1 || !whole);
    }
  });

  it('are cut, mirrored and moved in pictures and drawings alike', () => {
    const plan = [{ example: 4, clip: [0, 0, 0.5, 1], map: [-1, 0, 0, 1, 1, 0] }] as const;
    const picture = piecePicture(plan, pictures) ?? new Uint8Array();
    const drawn = pieceStrokes(plan, strokes) ?? [];
    // The left half of a hook is its upright line and half of the floor; in the mirror the line is at the right.
    const columns = (pixels: Uint8Array) =>
      Array.from({ length: 28 }, (_, x) =>
        pixels.reduce((sum, value, i) => sum + (i % 28 === x ? value : 0), 0),
      );
    for (const pixels of [picture, drawingToImage({ strokes: drawn })]) {
      const sums = columns(pixels);
      const left = sums.findIndex((sum) => sum > 0);
      const right = 27 - sums.toReversed().findIndex((sum) => sum > 0);
      assert.ok(sums[right - 1] > 2 * sums[left + 1], sums.join(' '));
    }
    assert.equal(pieceStrokes(plan, pictures), null);
  });
});
