/**
 * Protects varied images: with all amounts 0 they are bit-identical to the originals; the same random numbers move
 * images and strokes alike; elastic deformation is smooth and has the requested size; variations depend only on seed,
 * epoch and sample.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Augmentation, NO_AUGMENTATION } from '#src/data/augmentation.js';
import { AugmentedImages } from '#src/data/images/image-augment.js';
import { normalisation, pixelOrder } from '#src/data/images/image-preprocessing.js';
import { ImageSequences, type ImageSequencesData } from '#src/data/images/image-sequences.js';
import type { SequenceSource } from '#src/data/sequences/sequence.js';
import { Random } from '#src/random.js';
import { dataOf, drawingOf, openVaried } from '../strokes/stroke-drawings.js';

const STRONG = { rotation: 12, scale: 0.15, shear: 0.15, shift: 2, elastic: 1, thickness: 0.7 };

interface Shape {
  count?: number;
  channels?: number;
  height: number;
  width: number;
}

/** Images with pixels from `pixel`; each image is a sequence of one step. */
function imagesOf(
  { count = 1, channels = 1, height, width }: Shape,
  pixel: (x: number, y: number, c: number, i: number) => number,
  permutationSeed: number | null = null,
): ImageSequencesData {
  const size = channels * height * width;
  const pixels = new Uint8Array(count * size);
  for (let i = 0; i < count; i++) {
    for (let y = 0; y < height; y++) {
      for (let c = 0; c < channels; c++) {
        for (let x = 0; x < width; x++) {
          pixels[i * size + (y * channels + c) * width + x] = pixel(x, y, c, i);
        }
      }
    }
  }
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 7);
  return {
    name: 'test',
    examples: { count, channels, height, width, pixels, labels },
    preprocessing: {
      kind: 'images',
      sequenceLength: 1,
      inputSize: size,
      channels,
      height,
      width,
      mean: 0.1307,
      std: 0.3081,
      permutationSeed,
    },
  };
}

function noise(shape: Shape, seed: number, permutationSeed: number | null = null): ImageSequencesData {
  const random = new Random(seed);
  return imagesOf(shape, () => random.below(256), permutationSeed);
}

function open(data: ImageSequencesData, amounts: Partial<Augmentation>, seed = 1): AugmentedImages {
  return new AugmentedImages({ data, augmentation: { ...NO_AUGMENTATION, ...amounts }, seed });
}

/** The values of sequence i. */
function readAlone(source: SequenceSource, i: number): Float32Array {
  const target = new Float32Array(source.maxSteps * source.inputSize);
  source.read(
    i,
    target,
    Int32Array.from({ length: source.maxSteps }, (_, t) => t),
    0,
  );
  return target;
}

const anyShape = fc.record({
  count: fc.integer({ min: 1, max: 4 }),
  channels: fc.integer({ min: 1, max: 3 }),
  height: fc.integer({ min: 1, max: 9 }),
  width: fc.integer({ min: 1, max: 9 }),
});

test('with all amounts 0, sequences are bit-identical to ImageSequences; amounts for strokes have no effect', () => {
  const forStrokes = { jitter: 1, drop: 0.5, resample: 1, reverse: 1, shuffle: 1, flip: 1 };
  fc.assert(
    fc.property(
      anyShape,
      fc.nat(),
      fc.option(fc.nat()),
      fc.constantFrom({}, forStrokes, { rotation: 1e-300 }),
      (shape, seed, permutation, amounts) => {
        const data = noise(shape, seed, permutation);
        const [plain, source] = [new ImageSequences(data), open(data, amounts)];
        assert.equal(source.maxSteps, plain.maxSteps);
        const indices = Int32Array.from({ length: shape.count }, (_, n) => shape.count - 1 - n);
        const drawn = source.draw(indices, 9);
        assert.deepEqual([drawn.count, drawn.inputSize], [shape.count, plain.inputSize]);
        indices.forEach((i, n) => {
          assert.deepEqual([drawn.labelOf(n), drawn.lengthOf(n)], [plain.labelOf(i), plain.lengthOf()]);
          assert.deepEqual(readAlone(drawn, n), readAlone(plain, i));
        });
      },
    ),
    { seed: 1, numRuns: 100 },
  );
});

test('the same random numbers move points of images and points of strokes alike', () => {
  // A round blot, away from the centre; its centre of mass is compared.
  const [height, width] = [41, 37];
  const [atX, atY] = [22, 17];
  const data = imagesOf({ height, width }, (x, y) => 250 * Math.exp(-((x - atX) ** 2 + (y - atY) ** 2) / 8));
  const { elastic, thickness, ...amounts } = { ...STRONG, rotation: 40, shift: 4 };
  const images = open(data, amounts, 5);
  // Strokes' coordinates count from 1.
  const strokes = openVaried(dataOf([[[[atX + 1, atY + 1]]]], { width, height }), amounts, 5);
  for (let epoch = 0; epoch < 100; epoch++) {
    const picture = images.pictureOf(0, epoch);
    let [sum, sumX, sumY] = [0, 0, 0];
    picture.forEach((value, k) => {
      sum += value;
      sumX += value * (k % width);
      sumY += value * Math.floor(k / width);
    });
    const [[[x, y]]] = drawingOf(strokes.movesOf(0, epoch));
    // Rounding to bytes and sampling shift the centre by hundredths of a pixel.
    const distance = Math.hypot(sumX / sum - (x - 1), sumY / sum - (y - 1));
    assert.ok(distance < 0.05, `epoch ${epoch}: ${distance} pixels off`);
  }
});

test('scale: the ink grows with the area', () => {
  const data = imagesOf({ height: 41, width: 41 }, (x, y) => (Math.hypot(x - 20, y - 20) < 9 ? 200 : 0));
  const inkOf = (picture: Uint8Array) => picture.reduce((sum, value) => sum + value, 0);
  const source = open(data, { scale: 0.5 });
  const ratios = Array.from({ length: 500 }, (_, epoch) => inkOf(source.pictureOf(0, epoch)));
  const ink = inkOf(data.examples.pixels);
  const [least, most] = [Math.min(...ratios) / ink, Math.max(...ratios) / ink];
  // Both factors are rarely near a bound: one case in a hundred is within a tenth of the range of each.
  assert.ok(least > 1 / 2.3 && least < 1 / 1.9, `${least}`);
  assert.ok(most > 1.9 && most < 2.3, `${most}`);
});

test('pixels are interpolated bilinearly; outside the image is paper', () => {
  const ramp = imagesOf({ height: 28, width: 28 }, (x, y) => 4 * x + 3 * y + 20);
  const source = open(ramp, { shift: 2 });
  for (let epoch = 0; epoch < 50; epoch++) {
    const picture = source.pictureOf(0, epoch);
    const at = (x: number, y: number) => picture[y * 28 + x];
    // In the middle a ramp stays a shifted ramp; two corners give the shift.
    for (let y = 4; y < 24; y++) {
      for (let x = 4; x < 24; x++) {
        const expected = at(4, 4) + 4 * (x - 4) + 3 * (y - 4);
        assert.ok(Math.abs(at(x, y) - expected) <= 1, `epoch ${epoch} (${x}, ${y})`);
      }
    }
    assert.ok(Math.abs(at(4, 4) - 48) <= 4 * 2 + 3 * 2 + 1);
  }
  const white = imagesOf({ height: 28, width: 28 }, () => 255);
  const away = open(white, { shift: 1000 });
  const blank = Array.from({ length: 50 }, (_, epoch) => away.pictureOf(0, epoch));
  assert.ok(blank.filter((picture) => picture.every((value) => value === 0)).length > 40);
  const turned = open(white, { rotation: 45 });
  for (let epoch = 0; epoch < 50; epoch++) {
    const picture = turned.pictureOf(0, epoch);
    assert.equal(picture[14 * 28 + 14], 255, 'white is still white inside');
  }
  assert.ok(
    Array.from({ length: 50 }, (_, epoch) => turned.pictureOf(0, epoch)[0]).some((corner) => corner === 0),
  );
});

test('elastic: smooth displacements, up to about the amplitude, with half of it as root mean square', () => {
  // A ramp shows the displacement: 8 grey values per pixel, up to half a value.
  const side = 28;
  const size = { height: side, width: side };
  const [rampX, rampY] = [imagesOf(size, (x) => 8 * x + 20), imagesOf(size, (_, y) => 8 * y + 20)];
  const amplitude = 1.5;
  const [alongX, alongY] = [rampX, rampY].map((data) => open(data, { elastic: amplitude }));
  let [sum, count, largest, steepest, inBoth] = [0, 0, 0, 0, 0];
  for (let epoch = 0; epoch < 200; epoch++) {
    const [forX, forY] = [alongX.pictureOf(0, epoch), alongY.pictureOf(0, epoch)];
    let before = 0;
    for (let y = 4; y < side - 4; y++) {
      for (let x = 4; x < side - 4; x++) {
        const dx = (forX[y * side + x] - 20) / 8 - x;
        const dy = (forY[y * side + x] - 20) / 8 - y;
        sum += dx * dx + dy * dy;
        inBoth += dx * dy;
        count++;
        largest = Math.max(largest, Math.abs(dx), Math.abs(dy));
        if (x > 4) steepest = Math.max(steepest, Math.abs(dx - before));
        before = dx;
      }
    }
  }
  const rms = Math.sqrt(sum / (2 * count));
  assert.ok(Math.abs(rms / amplitude - 0.48) < 0.03, `root mean square ${rms}`);
  assert.ok(largest > 1.1 * amplitude && largest < 1.57 * amplitude, `largest ${largest}`);
  // Steepest between two neighbouring nodes, 9 pixels apart, at opposite bounds: a slope of about 3 · amplitude / 9.
  assert.ok(steepest < amplitude * 0.5 + 1 / 8, `steepest ${steepest}`);
  assert.ok(Math.abs(inBoth / sum) < 0.05, 'x and y are displaced independently');
});

test('all channels get the same displacement, and do not mix', () => {
  const [height, width] = [9, 7];
  const value = (x: number, y: number, c: number) =>
    (x * 31 + y * 57 + c * 101 + ((x * y * (c + 3)) % 13)) % 256;
  const together = open(imagesOf({ channels: 3, height, width }, value), STRONG);
  for (const c of [0, 1, 2]) {
    const alone = open(
      imagesOf({ height, width }, (x, y) => value(x, y, c)),
      STRONG,
    );
    for (let epoch = 0; epoch < 10; epoch++) {
      const [all, one] = [together.pictureOf(0, epoch), alone.pictureOf(0, epoch)];
      for (let y = 0; y < height; y++) {
        const row = all.subarray((y * 3 + c) * width, (y * 3 + c + 1) * width);
        assert.deepEqual(row, one.subarray(y * width, (y + 1) * width));
      }
    }
  }
});

test('varied images are permuted, normalised and divided into steps like any image', () => {
  const data = noise({ count: 3, channels: 2, height: 4, width: 6 }, 3, 11);
  data.preprocessing = { ...data.preprocessing, sequenceLength: 16, inputSize: 3 };
  const source = open(data, STRONG);
  const order = pixelOrder(data.preprocessing) as Int32Array;
  const table = normalisation(0.1307, 0.3081);
  const picture = source.pictureOf(2, 6);
  const expected = Float32Array.from(order, (position) => table[picture[position]]);
  const drawn = source.draw(Int32Array.of(0, 2), 6);
  assert.deepEqual(readAlone(drawn, 1), expected);
  assert.notDeepEqual(readAlone(drawn, 0), expected);
});

test('variations depend only on seed, epoch and sample, not on batches, their order or earlier calls', () => {
  fc.assert(
    fc.property(anyShape, fc.nat(), fc.infiniteStream(fc.nat()), (shape, seed, choices) => {
      const data = noise(shape, seed);
      const all = open(data, STRONG, seed).draw(
        Int32Array.from({ length: shape.count }, (_, i) => i),
        5,
      );
      const other = new AugmentedImages(
        structuredClone({ data, augmentation: { ...NO_AUGMENTATION, ...STRONG }, seed }),
      );
      const next = () => (choices.next().value as number) % shape.count;
      for (let batch = 0; batch < 5; batch++) {
        other.draw(Int32Array.of(next(), next()), batch);
        const indices = Int32Array.from({ length: 1 + next() }, next);
        const drawn = other.draw(indices, 5);
        assert.equal(drawn.count, indices.length);
        indices.forEach((i, n) => {
          assert.deepEqual(readAlone(drawn, n), readAlone(all, i));
          assert.equal(drawn.labelOf(n), data.examples.labels[i]);
        });
      }
    }),
    { seed: 2, numRuns: 60 },
  );
});

test('epochs, samples and seeds differ', () => {
  const data = imagesOf({ count: 2, height: 9, width: 9 }, (x, y) => 20 * x + 3 * y);
  const seen = new Set<string>();
  for (const seed of [1, 2, 2 ** 33 + 1]) {
    for (const epoch of [1, 2])
      for (const i of [0, 1]) seen.add(String(open(data, STRONG, seed).pictureOf(i, epoch)));
  }
  assert.equal(seen.size, 12);
});

test('missing samples and images of another size are refused', () => {
  const data = noise({ height: 3, width: 3 }, 1);
  for (const i of [-1, 1])
    assert.throws(() => open(data, STRONG).pictureOf(i, 1), /augmentation: sample .* of 1/);
  const other = { ...data, preprocessing: { ...data.preprocessing, height: 9, width: 1 } };
  assert.throws(() => open(other, STRONG), /its images are 1 × 3 × 3/);
});
