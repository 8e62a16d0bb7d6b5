/** Protects drawn digits: the same for the same seed, balanced, varied, inside their box, and no digit looks like another. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DIGIT_FORMS } from '#src/data/digits/forms.js';
import { DigitGenerator } from '#src/data/digits/generator.js';
import { Dice } from '#src/data/drawn/dice.js';
import { chosenOutline, outlineStrokes } from '#src/data/drawn/outline.js';
import { isInPlace } from '#src/data/inputs/fit.js';
import { preparePicture } from '#src/data/inputs/prepare-picture.js';
import { Random } from '#src/random.js';

const generatorOf = (seed: number, strokes = false) => new DigitGenerator({ seed, strokes });
const ink = (pixels: Uint8Array) => pixels.reduce((sum, value) => sum + value, 0) / 255;
const FORMS = DIGIT_FORMS.flatMap((forms, label) => forms.map((form) => ({ label, form })));

/** The outline with every range at its least, at its most, and in between. */
function outlinesOf(outline: string): string[] {
  const end = (n: number) => outline.replace(/(-?[\d.]+)~(-?[\d.]+)/g, (...found) => found[n]);
  const dice = new Dice(new Random(1, 2));
  return [end(1), end(2), chosenOutline(outline, dice), chosenOutline(outline, dice)];
}

describe('forms of the digits', () => {
  it('has several of each digit, each with a weight and a name', () => {
    assert.equal(DIGIT_FORMS.length, 10);
    DIGIT_FORMS.forEach((forms, digit) => {
      assert.ok(forms.length >= 6, `${forms.length} forms of ${digit}`);
      assert.equal(new Set(forms.map(({ name }) => name)).size, forms.length, 'names differ');
      for (const { name, weight } of forms) assert.ok(weight > 0 && name !== '', `${digit} ${name}`);
    });
  });

  it('stays in the box, and is as high as the box', () => {
    for (const { label, form } of FORMS) {
      for (const text of outlinesOf(form.outline)) {
        const strokes = outlineStrokes(text);
        const where = `${label} ${form.name}: ${text}`;
        const [xs, ys] = [strokes.flatMap(({ xs }) => xs), strokes.flatMap(({ ys }) => ys)];
        for (const value of [...xs, ...ys])
          assert.ok(value >= -0.06 && value <= 1.06, `${value} in ${where}`);
        assert.ok(Math.max(...ys) - Math.min(...ys) > 0.85, where);
        for (const stroke of strokes) assert.ok(stroke.xs.length >= 2, where);
      }
    }
  });

  it('has upstrokes of 1 that rise to the top or are short, and tops of 7 that are flat and long', () => {
    for (const { label, form } of FORMS.filter(({ label }) => label === 1 || label === 7)) {
      for (const text of outlinesOf(form.outline)) {
        const { xs, ys } = outlineStrokes(text)[0];
        const right = xs.indexOf(Math.max(...xs));
        // The way from the start to the corner of a 7: hardly downwards or upwards.
        if (label === 7) {
          assert.ok(Math.abs(ys[right] - Math.min(...ys)) < 0.08, `7 ${form.name}`);
          assert.ok(xs[right] - Math.min(...xs.slice(0, right)) > 0.5, `7 ${form.name}`);
        } else if (/upstroke|flag/.test(form.name) && form.name !== 'the flag last') {
          const top = ys.indexOf(Math.min(...ys));
          const [across, up] = [xs[top] - xs[0], ys[0] - ys[top]];
          const isUpstroke = /flat/.test(form.name) ? up > 0 && across < 0.27 : up > 0.8 * across;
          assert.ok(across > 0 && isUpstroke, `1 ${form.name} rises by ${up} over ${across}`);
        }
      }
    }
  });
});

describe('generator of drawn digits', () => {
  it('gives the same digit for the same seed and index, and others for another seed, index or attempt', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.nat(1e6), fc.boolean(), (seed, i, strokes) => {
        const digit = generatorOf(seed, strokes).at(i);
        assert.deepEqual(digit, generatorOf(seed, strokes).at(i));
        assert.equal(digit.label, i % 10);
        assert.notDeepEqual(digit.drawing, generatorOf(seed + 1, strokes).at(i).drawing);
        assert.notDeepEqual(digit.drawing, generatorOf(seed, strokes).at(i + 10).drawing);
        assert.notDeepEqual(digit.drawing, generatorOf(seed, strokes).at(i, undefined, 1).drawing);
      }),
      { numRuns: 60 },
    );
  });

  it('draws pictures as recognition prepares them, with ink and in place', () => {
    const generator = generatorOf(2);
    let inPlace = 0;
    for (let i = 0; i < 400; i++) {
      const { pixels, drawing } = generator.at(i);
      assert.ok(drawing !== null && drawing.strokes.length <= 3);
      assert.equal(pixels.length, 784);
      assert.ok(ink(pixels) > 12 && ink(pixels) < 320, `digit ${i} has ${ink(pixels)} pixels of ink`);
      if (isInPlace(pixels)) {
        inPlace++;
        assert.deepEqual(preparePicture({ width: 28, height: 28, pixels }), pixels);
      }
    }
    assert.ok(inPlace > 180, `${inPlace} of 400 pictures are made as MNIST's`);
  });

  it('draws every label as often, and every form about as often as its weight', () => {
    const generator = generatorOf(0);
    const counts = new Map<string, number>();
    const COUNT = 3000;
    for (let i = 0; i < COUNT; i++) {
      const { label, form } = generator.at(i);
      counts.set(`${label} ${form}`, (counts.get(`${label} ${form}`) ?? 0) + 1);
    }
    DIGIT_FORMS.forEach((forms, label) => {
      const whole = forms.reduce((sum, { weight }) => sum + weight, 0);
      for (const { name, weight } of forms) {
        const expected = ((COUNT / 10) * weight) / whole;
        const found = counts.get(`${label} ${name}`) ?? 0;
        // Five standard deviations.
        assert.ok(Math.abs(found - expected) < 5 * Math.sqrt(expected) + 1, `${label} ${name}: ${found}`);
      }
    });
  });

  it('draws each form differently every time', () => {
    const generator = generatorOf(4);
    for (const { label, form } of FORMS) {
      const seen = new Set<string>();
      for (let n = 0; n < 6; n++) {
        const { pixels, form: name } = generator.at(label + 10 * n, form);
        assert.equal(name, form.name);
        seen.add(Buffer.from(pixels).toString('base64'));
      }
      assert.equal(seen.size, 6, `${label} ${form.name}`);
    }
  });
});
