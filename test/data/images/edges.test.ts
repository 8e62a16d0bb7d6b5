/**
 * Protects edges: they are those of the definition in docs/file-formats.md, and of PyTorch; the derivative is their
 * slope; a step has its pixels, then their edges; training, variation and recognition agree to the bit; pictures that
 * have no edges are refused.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { NO_AUGMENTATION } from '#src/data/augmentation.js';
import { EdgeFinder } from '#src/data/images/edges.js';
import { AugmentedImages } from '#src/data/images/image-augment.js';
import {
  checkEdges,
  type ImagePreprocessing,
  normalisation,
  readImagePreprocessing,
} from '#src/data/images/image-preprocessing.js';
import { ImageSequences } from '#src/data/images/image-sequences.js';
import { KINDS } from '#src/data/kinds.js';
import { sequenceIn } from '#src/data/sequences/sequence.js';
import { Random } from '#src/random.js';
import { prepareInput } from '#src/recognize/prepare-input.js';
import { resolveConfig } from '#src/train/config/run-config.js';
import { UserError } from '#src/user-error.js';
import { digits } from '../../ink/images.js';
import { ROWS } from '../../recognize/checkpoint-bytes.js';

const EDGES = { ...ROWS, sequenceLength: 14, inputSize: 168, edges: true } as const;

interface Picture {
  width: number;
  height: number;
  /** [height, width] */
  pixels: ArrayLike<number>;
}

/** 1 at the middle of a cell of two pixels, 0 at the middles of its neighbours. */
const tent = (cell: number, pixel: number) => Math.max(0, 1 - Math.abs(pixel - (2 * cell + 0.5)) / 2);

/** [height/2, 8, width/2] strengths by the definition, cell by cell; also of pixels that are no whole numbers. */
function naiveStrengths({ width, height, pixels }: Picture): number[] {
  const at = (x: number, y: number) =>
    x >= 0 && y >= 0 && x < width && y < height ? pixels[y * width + x] : 0;
  const strengthOf = (direction: number, x: number, y: number) => {
    const column = (u: number) => at(u, y - 1) + 2 * at(u, y) + at(u, y + 1);
    const row = (v: number) => at(x - 1, v) + 2 * at(x, v) + at(x + 1, v);
    const [gx, gy] = [column(x + 1) - column(x - 1), row(y + 1) - row(y - 1)];
    const [a, b] = [Math.abs(gx), Math.abs(gy)];
    const axis = a >= b ? (gx > 0 ? 'east' : 'west') : gy > 0 ? 'south' : 'north';
    const diagonal = `${gy > 0 ? 'south' : 'north'}-${gx > 0 ? 'east' : 'west'}`;
    const name = ['east', 'south-east', 'south', 'south-west', 'west', 'north-west', 'north', 'north-east'][
      direction
    ];
    return name === axis ? 2 * Math.abs(a - b) : name === diagonal ? 3 * Math.min(a, b) : 0;
  };
  const strengths: number[] = [];
  for (let cellY = 0; cellY < height / 2; cellY++) {
    for (let direction = 0; direction < 8; direction++) {
      for (let cellX = 0; cellX < width / 2; cellX++) {
        let sum = 0;
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++) {
            const share = 16 * tent(cellX, x) * tent(cellY, y);
            if (share > 0) sum += share * strengthOf(direction, x, y);
          }
        }
        strengths.push(sum);
      }
    }
  }
  return strengths;
}

/** The edges, each operation rounded to float32. */
function naiveEdges(picture: Picture): Float32Array {
  const [mean, std] = [Math.fround(0.06), Math.fround(0.14)];
  return Float32Array.from(naiveStrengths(picture), (strength) => {
    const root = Math.fround(Math.sqrt(Math.fround(strength / 130560)));
    return Math.fround(Math.fround(root - mean) / std);
  });
}

/** Pictures of even sides: noise, ink on paper, and steps between few grey values, whose gradients often agree. */
const anyPicture = fc
  .record({ halfWidth: fc.integer({ min: 1, max: 6 }), halfHeight: fc.integer({ min: 1, max: 6 }) })
  .chain(({ halfWidth, halfHeight }) => {
    const [width, height] = [2 * halfWidth, 2 * halfHeight];
    const size = { minLength: width * height, maxLength: width * height };
    const values = fc.oneof(
      fc.array(fc.nat(255), size),
      fc.array(fc.constantFrom(0, 0, 0, 0, 0, 255), size),
      fc.array(fc.constantFrom(10, 20, 30), size),
    );
    return values.map((pixels) => ({ width, height, pixels: Uint8Array.from(pixels) }));
  });

test('edges are those of the definition, bit for bit, from any place in an array, picture after picture', () => {
  fc.assert(
    fc.property(anyPicture, anyPicture, fc.nat(5), (picture, before, at) => {
      const { width, height, pixels } = picture;
      const finder = new EdgeFinder(picture);
      finder.find(Uint8Array.from({ length: width * height }, (_, n) => before.pixels[n] ?? 255));
      const found = finder.find(Uint8Array.from([...new Uint8Array(at).fill(99), ...pixels]), at);
      assert.deepEqual(found, naiveEdges(picture));
    }),
  );
});

test("a bar's edges point to the ink: east on its left, west on its right, south above, north below", () => {
  const pixels = new Uint8Array(28 * 28);
  for (let y = 8; y < 20; y++) pixels.fill(255, y * 28 + 12, y * 28 + 16);
  const edges = new EdgeFinder({ width: 28, height: 28 }).find(pixels);
  const directionAt = (cellX: number, cellY: number) => {
    const values = Array.from({ length: 8 }, (_, direction) => edges[(cellY * 8 + direction) * 14 + cellX]);
    return values.indexOf(Math.max(...values));
  };
  assert.deepEqual(
    [directionAt(5, 7), directionAt(8, 7), directionAt(7, 3), directionAt(7, 10)],
    [0, 4, 2, 6],
  );
  assert.equal(edges[0], Math.fround(-Math.fround(0.06) / Math.fround(0.14)), 'paper has no edges');
});

const golden: Record<'pixels' | 'edges' | 'weights' | 'gradient', number[]> & Omit<Picture, 'pixels'> =
  JSON.parse(readFileSync(new URL('../../../../test/fixtures/golden/edges.json', import.meta.url), 'utf8'));

/** The largest difference, as a share of the largest expected value. */
function relativeError(found: ArrayLike<number>, expected: readonly number[]): number {
  assert.equal(found.length, expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, n) => Math.abs(value - found[n]))) / largest;
}

test('edges and their derivative are those of PyTorch in float64', () => {
  const finder = new EdgeFinder(golden);
  // Ours are float32: a few roundings of 2⁻²⁴.
  assert.ok(relativeError(finder.find(golden.pixels), golden.edges) < 3e-7);
  assert.ok(relativeError(finder.backward(golden.pixels, golden.weights), golden.gradient) < 1e-7);
});

/**
 * A smooth picture none of whose gradients is 0 along an axis or lies along an axis or a diagonal: there the split of
 * the gradient changes, and the edges have no derivative.
 */
function smoothPicture(width: number, height: number): Picture {
  for (let seed = 0; ; seed++) {
    const random = new Random(seed, 7);
    const waves = Array.from({ length: 4 }, () => [
      1 + 2 * random.uniform(),
      random.uniform(),
      7 * random.uniform(),
    ]);
    const pixels = Array.from({ length: width * height }, (_, n) => {
      const [x, y] = [(n % width) / width, Math.floor(n / width) / height];
      const sum = waves.reduce(
        (total, [speed, turn, phase]) =>
          total + Math.sin(speed * 4 * (x * Math.cos(7 * turn) + y * Math.sin(7 * turn)) + phase),
        0,
      );
      return Math.round(128 + 28 * sum);
    });
    const moved = (n: number, by: number) => pixels.map((value, k) => (k === n ? value + by : value));
    /** So small a change is seen in a slope only where a gradient changes its parts. */
    const isKink = (n: number) => {
      const [less, none, more] = [-0.25, 0, 0.25].map((by) =>
        naiveStrengths({ width, height, pixels: moved(n, by) }),
      );
      return none.some((value, k) => Math.abs(less[k] - 2 * value + more[k]) > 1e-9);
    };
    if (!pixels.some((_, n) => isKink(n))) return { width, height, pixels };
  }
}

test('the derivative is the slope of the edges, by differences in float64', () => {
  const picture = smoothPicture(8, 6);
  const { width, height, pixels } = picture;
  const random = new Random(3);
  const weights = Array.from({ length: 2 * width * height }, () => random.uniform() - 0.5);
  const total = (changed: readonly number[]) =>
    naiveStrengths({ width, height, pixels: changed }).reduce(
      // An edge without strength stays so, as no gradient changes its parts.
      (sum, strength, n) => sum + (weights[n] * (Math.sqrt(strength / 130560) - 0.06)) / 0.14,
      0,
    );
  const by = 1e-3;
  const slopes = Array.from(pixels, (_, n) => {
    const [more, less] = [by, -by].map((change) =>
      total(Array.from(pixels, (value, k) => (k === n ? value + change : value))),
    );
    return (more - less) / (2 * by);
  });
  // Differences of 1e-3 leave out the third derivative; 1e-7 is what float32 holds.
  assert.ok(relativeError(new EdgeFinder(picture).backward(pixels, weights), slopes) < 1e-6);
});

test('an edge without strength has the derivative 0, as paper has', () => {
  const finder = new EdgeFinder({ width: 6, height: 4 });
  const gradient = finder.backward(new Uint8Array(24), new Float32Array(48).fill(1));
  assert.deepEqual(gradient, new Float32Array(24));
});

/** The sequence by the documentation: lines of pixels, then lines of cells, which are read like eight channels. */
function naiveSequence(
  picture: Picture,
  { scan = 'rows', sequenceLength, mean, std }: ImagePreprocessing,
): number[] {
  const { width, height, pixels } = picture;
  const table = normalisation(mean, std);
  const edges = naiveEdges(picture);
  const range = (count: number) => Array.from({ length: count }, (_, n) => n);
  const lines = {
    rows: (t: number) => {
      const [own, cells] = [height / sequenceLength, height / 2 / sequenceLength];
      const pixelRows = range(own).map((n) => t * own + n);
      const cellRows = range(cells).map((n) => t * cells + n);
      return [
        ...pixelRows.flatMap((y) => range(width).map((x) => table[pixels[y * width + x]])),
        ...cellRows.flatMap((y) =>
          range(8).flatMap((d) => range(width / 2).map((x) => edges[(y * 8 + d) * (width / 2) + x])),
        ),
      ];
    },
    columns: (t: number) => {
      const [own, cells] = [width / sequenceLength, width / 2 / sequenceLength];
      const pixelColumns = range(own).map((n) => t * own + n);
      const cellColumns = range(cells).map((n) => t * cells + n);
      return [
        ...pixelColumns.flatMap((x) => range(height).map((y) => table[pixels[y * width + x]])),
        ...cellColumns.flatMap((x) =>
          range(8).flatMap((d) => range(height / 2).map((y) => edges[(y * 8 + d) * (width / 2) + x])),
        ),
      ];
    },
  };
  return range(sequenceLength).flatMap((t) =>
    scan === 'both' ? [...lines.rows(t), ...lines.columns(t)] : lines[scan](t),
  );
}

const examplesOf = (pictures: readonly Picture[]) => ({
  count: pictures.length,
  channels: 1,
  width: pictures[0].width,
  height: pictures[0].height,
  labels: new Uint8Array(pictures.length),
  pixels: Uint8Array.from(pictures.flatMap(({ pixels }) => Array.from(pixels))),
});

const READINGS: [string, ImagePreprocessing][] = [
  ['rows, 14 steps', EDGES],
  ['rows, 7 steps', { ...EDGES, sequenceLength: 7, inputSize: 336 }],
  ['columns, 14 steps', { ...EDGES, scan: 'columns', mean: 0.1307, std: 0.3081 }],
  ['columns, 7 steps', { ...EDGES, sequenceLength: 7, inputSize: 336, scan: 'columns' }],
  ['both, 14 steps', { ...EDGES, inputSize: 336, scan: 'both' }],
  ['both, 7 steps', { ...EDGES, sequenceLength: 7, inputSize: 672, scan: 'both' }],
];

for (const [name, preprocessing] of READINGS) {
  test(`a step has its pixels, then their edges; training, variation and recognition agree: ${name}`, async () => {
    const pictures = await digits(12);
    const examples = examplesOf(pictures);
    const source = new ImageSequences({ name: 'x', examples, preprocessing });
    const data = { name: 'x', examples, preprocessing };
    const unvaried = new AugmentedImages({ data, augmentation: NO_AUGMENTATION, seed: 1 });
    const drawn = unvaried.draw(Int32Array.from(pictures.keys()), 1);
    pictures.forEach((picture, i) => {
      const { sequence } = sequenceIn(source, i);
      assert.deepEqual([...sequence], naiveSequence(picture, preprocessing));
      assert.deepEqual(sequenceIn(drawn, i).sequence, sequence);
      const input = { kind: 'picture', ...picture } as const;
      assert.deepEqual(prepareInput(input, preprocessing)!.sequence, sequence);
    });
  });
}

test('pictures that are not square have rows and columns of their own', () => {
  const random = new Random(2);
  const shape = { width: 12, height: 8, fitted: false } as const;
  const picture = { ...shape, pixels: Uint8Array.from({ length: 96 }, () => random.below(256)) };
  for (const preprocessing of [
    { ...EDGES, ...shape, sequenceLength: 4, inputSize: 72 },
    { ...EDGES, ...shape, sequenceLength: 6, inputSize: 48, scan: 'columns' as const },
    { ...EDGES, ...shape, sequenceLength: 2, inputSize: 288, scan: 'both' as const },
  ]) {
    const source = new ImageSequences({ name: 'x', examples: examplesOf([picture]), preprocessing });
    assert.deepEqual([...sequenceIn(source, 0).sequence], naiveSequence(picture, preprocessing));
  }
});

test('edges are those of the varied picture, and of the picture without slant', async () => {
  const pictures = await digits(10);
  const examples = examplesOf(pictures);
  const data = { name: 'x', examples, preprocessing: EDGES };
  const augmentation = { ...NO_AUGMENTATION, rotation: 15, shift: 2, elastic: 1, thickness: 0.5 };
  const varied = new AugmentedImages({ data, augmentation, seed: 5 });
  const drawn = varied.draw(Int32Array.from(pictures.keys()), 3);
  pictures.forEach((picture, i) => {
    const changed = { ...picture, pixels: varied.pictureOf(i, 3) };
    assert.notDeepEqual(changed.pixels, picture.pixels);
    assert.deepEqual([...sequenceIn(drawn, i).sequence], naiveSequence(changed, EDGES));
    const upright = prepareInput({ kind: 'picture', ...picture }, { ...EDGES, deslant: true })!;
    assert.notDeepEqual(upright.saw.picture!.pixels, picture.pixels);
    assert.deepEqual([...upright.sequence], naiveSequence(upright.saw.picture!, EDGES));
  });
});

test('is stored with the model, and left out where no edges are read', () => {
  const stored = KINDS.images.writePreprocessing(EDGES);
  assert.deepEqual(readImagePreprocessing({ ...stored }, 'a'), EDGES);
  assert.ok(!('edges' in readImagePreprocessing({ ...ROWS, edges: false }, 'a')));
  assert.throws(() => readImagePreprocessing({ ...EDGES, edges: 1 }, 'a'), /"edges": expected true or false/);
});

test('pictures that have no edges are refused by what they have, in settings and in checkpoints', () => {
  const refused: [Partial<ImagePreprocessing>, string, string][] = [
    [{ channels: 3 }, 'the pictures have 3 channels', 'channelsImg'],
    [{ permutationSeed: 4 }, 'the pixels are permuted', 'permute'],
    [{ height: 27 }, 'the pictures have 27 × 28 pixels', 'imageSize'],
    [{ width: 15 }, 'the pictures have 28 × 15 pixels', 'imageSize'],
  ];
  for (const [change, found, setting] of refused) {
    const error = (operation: string) =>
      new UserError(
        `${operation}: edges are read of grey pictures with even sides, in the order of their pixels, but ${found}; leave edges out`,
        { settings: ['edges', setting] },
      );
    assert.throws(() => checkEdges('train', { ...EDGES, ...change }), error('train'));
    checkEdges('train', { ...EDGES, ...change, edges: false });
    const hostile = { ...EDGES, ...change };
    assert.throws(() => readImagePreprocessing(hostile, 'a'), error('a: preprocessing'));
  }
  const shape = { width: 28, height: 28 };
  const examples = examplesOf([{ ...shape, pixels: new Uint8Array(784) }]);
  const dataset = {
    kind: 'images' as const,
    name: 'mine',
    classes: ['a'],
    ...shape,
    train: examples,
    test: examples,
  };
  const settings = resolveConfig({ flags: { edges: true, permute: 4, sequenceLength: 14, inputSize: 168 } });
  assert.throws(
    () => KINDS.images.preprocessingFor(dataset, settings),
    /^UserError: train: edges are read .* permuted/,
  );
  const ofMnist = resolveConfig({ flags: { edges: true } });
  assert.throws(
    () => KINDS.images.preprocessingFor(dataset, ofMnist),
    /sequence length 28 × input size 28 = 784, but mine images have 784 pixels and 1568 edges; use 14 × 168/,
  );
});
