/** Protects the changes of `evaluate --robustness`: each does what its name says, and random ones repeat. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Dataset } from '#src/data/input-kind.js';
import { type Change, changesFor, randomOf } from '#src/data/inputs/changes.js';
import * as drawings from '#src/data/inputs/drawing-changes.js';
import * as pictures from '#src/data/inputs/picture-changes.js';
import { sampleAt } from '#src/data/inputs/sample.js';
import { givenSamples, sequencesOf } from '#src/data/sources.js';
import type { Drawing } from '#src/ink/drawing.js';
import { normalPair, Random } from '#src/random.js';
import { picture } from '../../ink/images.js';
import { ROWS, STROKES } from '../../recognize/checkpoint-bytes.js';
import { movesFrom } from '../strokes/stroke-drawings.js';

const STILL = { xx: 1, xy: 0, yx: 0, yy: 1, shiftX: 0, shiftY: 0 };
const grey = (...rows: string[]) => ({ ...picture(...rows), channels: 1 });

function assertPicture(found: pictures.Picture, ...rows: string[]): void {
  assert.deepEqual(
    { ...found, pixels: [...found.pixels] },
    { ...grey(...rows), pixels: [...grey(...rows).pixels] },
  );
}

suite('pictures', () => {
  const hook = grey('.....', '..#..', '..##.', '.....', '.....');

  test('are moved: shifted, turned by a quarter, scaled', () => {
    assertPicture(pictures.movedPicture(hook, STILL), '.....', '..#..', '..##.', '.....', '.....');
    const shifted = pictures.movedPicture(hook, { ...STILL, shiftX: 1, shiftY: 2 });
    assertPicture(shifted, '.....', '.....', '.....', '...#.', '...##');
    const out = pictures.movedPicture(hook, { ...STILL, shiftX: -4 });
    assertPicture(out, '.....', '.....', '.....', '.....', '.....');
    // Clockwise: what was above the centre is to the right of it.
    const turned = pictures.movedPicture(hook, { ...STILL, xx: 0, xy: -1, yx: 1, yy: 0 });
    assertPicture(turned, '.....', '.....', '..##.', '..#..', '.....');
    const dot = grey('.....', '.....', '..#..', '.....', '.....');
    const doubled = pictures.movedPicture(dot, { ...STILL, xx: 2, yy: 2 });
    assert.deepEqual([...doubled.pixels.subarray(5, 10)], [0, 64, 128, 64, 0], 'halves between pixels');
  });
  test('get thick and thin lines', () => {
    assertPicture(pictures.thickened(grey('....', '.#..', '....', '....')), '###.', '###.', '###.', '....');
    assertPicture(pictures.inkedAround(grey('....', '.#..', '....')), '.#..', '###.', '.#..');
    assertPicture(pictures.thinned(grey('.#..', '###.', '.#..')), '....', '.#..', '....');
    // Outside of the picture there is neither ink nor paper.
    assertPicture(pictures.thinned(grey('##', '##')), '##', '##');
    assertPicture(pictures.thinned(pictures.inkedAround(hook)), '.....', '..#..', '..##.', '.....', '.....');
  });
  test('channels are changed alone', () => {
    // [height, channels, width]: 2 × 2 pixels of 2 channels.
    const two = { width: 2, height: 2, channels: 2, pixels: Uint8Array.of(10, 0, 0, 0, 0, 0, 0, 20) };
    const shifted = pictures.movedPicture(two, { ...STILL, shiftX: 1 });
    assert.deepEqual([...shifted.pixels], [0, 10, 0, 0, 0, 0, 0, 0]);
    assert.deepEqual([...pictures.thickened(two).pixels], [10, 10, 20, 20, 10, 10, 20, 20]);
  });
  test('are inverted', () => {
    assert.deepEqual([...pictures.inverted(grey('.#1')).pixels], [255, 0, 229]);
  });
  test('noise has its deviation, and stays within bytes', () => {
    const flat = { width: 101, height: 101, channels: 1, pixels: new Uint8Array(101 * 101).fill(128) };
    const { pixels } = pictures.withNoise(flat, 16, new Random(1));
    const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
    const variance = pixels.reduce((sum, value) => sum + (value - mean) ** 2, 0) / pixels.length;
    // Four standard errors: of the mean 16/101, of the deviation about 16/143.
    assert.ok(Math.abs(mean - 128) < 0.64, `mean ${mean}`);
    assert.ok(Math.abs(Math.sqrt(variance) - 16) < 0.45, `deviation ${Math.sqrt(variance)}`);
    const paper = { ...flat, pixels: new Uint8Array(101 * 101) };
    const noisy = pictures.withNoise(paper, 32, new Random(1)).pixels;
    const clamped = noisy.filter((value) => value === 0).length / noisy.length;
    assert.ok(clamped > 0.45 && clamped < 0.56, `${clamped} of the paper is not below 0`);
    assert.ok(
      noisy.every((value) => value < 200),
      'negative sums do not wrap',
    );
  });
  test('salt and pepper: a twentieth of the pixels, half of them ink', () => {
    const flat = { width: 100, height: 100, channels: 2, pixels: new Uint8Array(20_000).fill(128) };
    const { pixels } = pictures.withSaltAndPepper(flat, 0.05, new Random(1));
    const [ink, paper] = [255, 0].map((wanted) => pixels.filter((value) => value === wanted).length / 2);
    // Four standard errors of a count of 250.
    for (const count of [ink, paper]) assert.ok(Math.abs(count - 250) < 63, `${count} of 10,000 pixels`);
    for (let y = 0; y < 100; y++) {
      const at = y * 200;
      assert.deepEqual(pixels.subarray(at, at + 100), pixels.subarray(at + 100, at + 200), 'all channels');
    }
  });
});

suite('drawings', () => {
  const line = { xs: [0, 1, 2, 3, 4, 5], ys: [0, 0, 0, 0, 0, 0] };
  const hook = { xs: [7, 7], ys: [1, 3] };
  const dot = { xs: [9], ys: [9] };
  const three: Drawing = { strokes: [line, hook, dot] };
  const plain = ({ strokes }: Drawing) =>
    strokes.map(({ xs, ys }) => [[...Array.from(xs)], [...Array.from(ys)]]);

  test('are moved about a centre', () => {
    const quarter = { xx: 0, xy: -1, yx: 1, yy: 0, shiftX: 0, shiftY: 10 };
    const moved = drawings.movedDrawing({ strokes: [hook] }, quarter, { centreX: 7, centreY: 3 });
    assert.deepEqual(plain(moved), [
      [
        [9, 7],
        [13, 13],
      ],
    ]);
  });
  test('are reversed', () => {
    assert.deepEqual(plain(drawings.reversedDrawing(three)), [
      [[9], [9]],
      [
        [7, 7],
        [3, 1],
      ],
      [
        [5, 4, 3, 2, 1, 0],
        [0, 0, 0, 0, 0, 0],
      ],
    ]);
  });
  test('are shuffled into another order, with the same strokes', () => {
    const orders = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      const { strokes } = drawings.shuffledDrawing(three, new Random(seed));
      assert.deepEqual(new Set(strokes), new Set(three.strokes));
      assert.notDeepEqual(strokes, three.strokes);
      orders.add(strokes.map((stroke) => three.strokes.indexOf(stroke)).join(''));
    }
    assert.equal(orders.size, 5, 'every other order');
    assert.deepEqual(drawings.shuffledDrawing({ strokes: [line] }, new Random(1)).strokes, [line]);
  });
  test('lose half of their inner points', () => {
    const kept = new Set<number>();
    for (let seed = 0; seed < 20; seed++) {
      const [[xs, ys], short, single] = plain(drawings.sparseDrawing(three, new Random(seed)));
      assert.deepEqual([xs.length, ys.length, xs[0], xs[3]], [4, 4, 0, 5], 'two of four; the ends stay');
      assert.deepEqual(
        xs,
        xs.toSorted((a, b) => a - b),
        'in their order',
      );
      for (const x of xs) kept.add(x);
      assert.deepEqual([short, single], [plain(three)[1], plain(three)[2]]);
    }
    assert.equal(kept.size, 6, 'at random');
  });
  test('tremble by half a pixel', () => {
    const long = { strokes: [{ xs: new Array(5000).fill(3), ys: new Array(5000).fill(4) }] };
    const [stroke] = drawings.jitteredDrawing(long, 0.5, new Random(1)).strokes;
    for (const [values, middle] of [
      [stroke.xs, 3],
      [stroke.ys, 4],
    ] as const) {
      const squares = Array.from(values).reduce((sum, value) => sum + (value - middle) ** 2, 0);
      // Four standard errors: 0.5/√10000.
      assert.ok(Math.abs(Math.sqrt(squares / 5000) - 0.5) < 0.02, `${Math.sqrt(squares / 5000)}`);
    }
  });
});

test('normalPair: mean 0, deviation 1, two independent numbers, never infinite', () => {
  const random = new Random(3);
  let [sum, squares, product] = [0, 0, 0];
  for (let n = 0; n < 20_000; n++) {
    const [a, b] = normalPair(random);
    sum += a + b;
    squares += a * a + b * b;
    product += a * b;
  }
  // Four standard errors.
  assert.ok(Math.abs(sum / 40_000) < 0.02 && Math.abs(squares / 40_000 - 1) < 0.03);
  assert.ok(Math.abs(product / 20_000) < 0.03);
  assert.deepEqual(normalPair({ uniform: () => 0 } as Random).map(Math.abs), [0, 0]);
});

const images = {
  count: 1,
  channels: 1,
  height: 28,
  width: 28,
  labels: Uint8Array.of(0),
  pixels: new Uint8Array(784),
};
images.pixels.fill(255, 14 * 28 + 8, 14 * 28 + 20);
const moves = movesFrom([
  [
    [9, 15],
    [10, 15],
    [11, 15],
  ],
  [
    [20, 4],
    [20, 5],
  ],
]);
const strokes = { count: 1, labels: Uint8Array.of(0), moves, offsets: Int32Array.of(0, moves.length / 4) };
const dataOf = {
  images: { kind: 'images' as const, name: 'test', examples: images, preprocessing: ROWS },
  strokes: { kind: 'strokes' as const, name: 'test', examples: strokes, preprocessing: STROKES },
};
const inputOf = (change: Change, n: number, kind: 'images' | 'strokes', seed = 0) =>
  change.variants[n].change(sampleAt(dataOf[kind], null, 0), randomOf(seed, change.name, 0));

suite('the table', () => {
  test('begins with the sample as it is, and has rows for each kind', () => {
    for (const [kind, preprocessing] of [
      ['images', ROWS],
      ['strokes', STROKES],
    ] as const) {
      const [first, ...others] = changesFor(preprocessing);
      assert.deepEqual([first.name, first.form, first.variants.length], ['unchanged', 'data', 1]);
      const own = inputOf(first, 0, kind);
      assert.deepEqual(
        own.kind === 'picture' ? own.pixels : own.kind === 'strokes' && own.moves,
        kind === 'images' ? images.pixels : moves,
      );
      assert.ok(others.every(({ form }) => form === 'picture' || (kind === 'strokes' && form === 'drawing')));
      for (const change of others) {
        const inputs = change.variants.map((_, n) => JSON.stringify(inputOf(change, n, kind)));
        assert.equal(new Set(inputs).size, inputs.length, `${change.name}: the variants differ`);
      }
    }
    const names = (preprocessing: typeof ROWS | typeof STROKES) =>
      changesFor(preprocessing).map(({ name }) => name);
    assert.ok(!names(ROWS).some((name) => /reversed|shuffled|points|jitter|as a/.test(name)));
    assert.ok(names(ROWS).every((name) => names(STROKES).includes(name)));
    assert.equal(new Set(names(STROKES)).size, names(STROKES).length);
  });
  test('moves by the amounts and in the directions that it names', () => {
    const at = (name: string, n: number, x: number, y: number) => {
      const change = changesFor(STROKES).find((each) => each.name === name && each.form === 'drawing');
      assert.ok(change, name);
      const dot = { strokes: [{ xs: [13.5 + x], ys: [13.5 + y] }] };
      const sample = { ...sampleAt(dataOf.strokes, null, 0), drawing: () => dot };
      const input = change.variants[n].change(sample, randomOf(0, name, 0));
      assert.ok(input.kind === 'drawing');
      const [{ xs, ys }] = input.strokes;
      return [change.variants[n].name, xs[0] - 13.5, ys[0] - 13.5].map((value) =>
        typeof value === 'number' ? Number(value.toFixed(3)) : value,
      );
    };
    // y grows downwards.
    assert.deepEqual(at('rotated 10°', 0, 10, 0), ['anticlockwise', 9.848, -1.736]);
    assert.deepEqual(at('rotated 20°', 1, 10, 0), ['clockwise', 9.397, 3.42]);
    assert.deepEqual(at('scaled to 0.7', 0, 10, -4), ['scaled to 0.7', 7, -2.8]);
    assert.deepEqual(at('scaled to 1.3', 0, 10, -4), ['scaled to 1.3', 13, -5.2]);
    const shifted = [0, 1, 2, 3].map((n) => at('shifted 4 pixels', n, 1, 1));
    assert.deepEqual(shifted, [
      ['left', -3, 1],
      ['right', 5, 1],
      ['up', 1, -3],
      ['down', 1, 5],
    ]);
    assert.deepEqual(at('slanted 0.3', 0, 0, -10), ['left', -3, -10]);
    assert.deepEqual(at('slanted 0.3', 1, 0, -10), ['right', 3, -10]);
  });
  test('moves pictures as it moves drawings', () => {
    for (const change of changesFor(ROWS).filter(({ name }) =>
      /^(rotated|scaled|shifted|slanted)/.test(name),
    )) {
      const drawn = changesFor(STROKES).find(({ name, form }) => name === change.name && form === 'drawing');
      assert.deepEqual(
        change.variants.map(({ name }) => name),
        drawn?.variants.map(({ name }) => name),
      );
    }
    const [left, , up] = [0, 1, 2].map((n) => {
      const change = changesFor(ROWS).find(({ name }) => name === 'shifted 4 pixels');
      assert.ok(change);
      const input = inputOf(change, n, 'images');
      assert.ok(input.kind === 'picture');
      const first = input.pixels.indexOf(255);
      return [first % 28, Math.floor(first / 28)];
    });
    assert.deepEqual(
      [left, up],
      [
        [4, 14],
        [8, 10],
      ],
    );
  });
  test('in colours, the edge of a picture tells its paper', () => {
    const side = 9;
    // A dark square on light paper, or the other way round.
    const square = (paper: number, ink: number) => {
      const pixels = new Uint8Array(side * 3 * side).fill(paper);
      for (let y = 3; y < 6; y++) {
        for (let c = 0; c < 3; c++) pixels.fill(ink, (3 * y + c) * side + 3, (3 * y + c) * side + 6);
      }
      return { count: 1, labels: Uint8Array.of(0), width: side, height: side, channels: 3, pixels };
    };
    const preprocessing = { ...ROWS, sequenceLength: 9, inputSize: 27, width: 9, height: 9, channels: 3 };
    for (const [paper, ink] of [
      [200, 20],
      [30, 180],
    ]) {
      const data = { kind: 'images' as const, name: 'test', examples: square(paper, ink), preprocessing };
      const inkAfter = (name: string) => {
        const change = changesFor(preprocessing).find((each) => each.name === name);
        const input = change?.variants[0].change(sampleAt(data, null, 0), randomOf(0, name, 0));
        assert.ok(input?.kind === 'picture');
        assert.ok(input.pixels.every((value) => value >= Math.min(paper, ink)));
        assert.ok(input.pixels.every((value) => value <= Math.max(paper, ink)));
        return input.pixels.filter((value) => value === ink).length / 3;
      };
      const counts = ['thick lines', 'thin lines', 'shifted 4 pixels'].map(inkAfter);
      assert.deepEqual(counts, [25, 1, 6], `ink ${ink} on paper ${paper}`);
    }
  });
  test('has no drawings for networks that cannot read them', () => {
    const wide = { ...STROKES, width: 56 };
    assert.ok(changesFor(wide).every(({ form }) => form !== 'drawing'));
    assert.ok(changesFor(wide).some(({ name }) => name === 'inverted'));
  });
  test('random changes depend on seed, change and sample', () => {
    const word = (...args: Parameters<typeof randomOf>) => randomOf(...args).word();
    assert.equal(word(0, 'noise 16', 3), word(0, 'noise 16', 3));
    const words = [
      word(0, 'noise 16', 3),
      word(1, 'noise 16', 3),
      word(0, 'noise 32', 3),
      word(0, 'noise 16', 4),
    ];
    assert.equal(new Set(words).size, 4);
  });
});

suite('a sample of strokes', () => {
  test('as a drawing has its strokes, counted from 0; a jump of a tour is no line', () => {
    const { strokes: drawn } = sampleAt(dataOf.strokes, null, 0).drawing();
    assert.deepEqual(
      drawn.map(({ xs, ys }) => [xs, ys]),
      [
        [
          [8, 9, 10],
          [14, 14, 14],
        ],
        [
          [19, 19],
          [3, 4],
        ],
      ],
    );
    const jumping = Int16Array.of(5, 5, 0, 0, 1, 0, 0, 0, 9, 9, 0, 0, 0, 0, 1, 1);
    const examples = { ...strokes, moves: jumping, offsets: Int32Array.of(0, 4) };
    const count = (order: 'tour' | 'pen') => {
      const preprocessing = { ...STROKES, order };
      return sampleAt({ ...dataOf.strokes, examples, preprocessing }, null, 0).drawing().strokes.length;
    };
    assert.deepEqual([count('tour'), count('pen')], [2, 1]);
  });
  test('as a picture is that of the data set, or lines three pixels wide', () => {
    assert.deepEqual(sampleAt(dataOf.strokes, images, 0).picture().pixels, images.pixels);
    const { pixels, width } = sampleAt(dataOf.strokes, null, 0).picture();
    const row = (y: number) =>
      [...pixels.subarray(y * width, (y + 1) * width)].map((value) => (value ? '#' : '.')).join('');
    assert.deepEqual([12, 13, 14, 15, 16].map(row), [
      '............................',
      '........###.................',
      '.......#####................',
      '........###.................',
      '............................',
    ]);
    const outside = Int16Array.of(30, 3, 0, 0, -29, 0, 0, 0, -9, 0, 0, 0, 0, 0, 1, 1);
    const examples = { ...strokes, moves: outside, offsets: Int32Array.of(0, 4) };
    const clipped = sampleAt({ ...dataOf.strokes, examples }, null, 0).picture();
    assert.equal(clipped.pixels.filter((value) => value > 0).length, 4, 'places outside are left out');
  });
  test('that was added to the data set has no picture there, and is drawn', () => {
    const offsets = Int32Array.of(0, moves.length / 4, moves.length / 2);
    const two = { count: 2, labels: Uint8Array.of(0, 0), moves: Int16Array.of(...moves, ...moves), offsets };
    const added = sampleAt({ ...dataOf.strokes, examples: two }, images, 1);
    assert.deepEqual(added.picture(), sampleAt(dataOf.strokes, null, 0).picture());
  });
});

test('samples to change are as the data set has them, with their slant', () => {
  const slanted = grey('...#.', '..#..', '.#...', '#....', '.....');
  const examples = { count: 1, labels: Uint8Array.of(0), ...slanted };
  const dataset: Dataset = { kind: 'images', name: 'own', classes: ['a'], train: examples, test: examples };
  const preprocessing = { ...ROWS, sequenceLength: 5, inputSize: 5, width: 5, height: 5, deslant: true };
  const pixelsOf = (of: typeof givenSamples) =>
    sampleAt(of(dataset, 'test', preprocessing), null, 0).picture().pixels;
  assert.deepEqual(pixelsOf(givenSamples), slanted.pixels);
  assert.notDeepEqual(pixelsOf(sequencesOf), slanted.pixels);
});
