/**
 * Protects `scanstroke data preview`: samples as a sheet, as text and as JSON, also augmented as in training, and the
 * samples that are made: negatives and drawn digits.
 */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { NO_AUGMENTATION } from '#src/data/augmentation.js';
import { sortedMoves } from '#src/data/strokes/sorted-moves.js';
import { AugmentedStrokes } from '#src/data/strokes/stroke-augment.js';
import { concatenateStrokes } from '#src/data/strokes/stroke-examples.js';
import { DEFAULT_STROKE_PREPROCESSING } from '#src/data/strokes/stroke-preprocessing.js';
import { dataCommand } from './data-command.js';

const SKETCHES = fileURLToPath(
  new URL('../../../../test/fixtures/sketch-rnn/protocol4.npz', import.meta.url),
);
const { folder, run } = dataCommand();

describe('data preview', () => {
  it('prints samples, evenly from all classes, as JSON', async () => {
    const { code, stdout, stderr } = await run(
      'preview',
      '--data',
      'lines',
      '--json',
      '--count',
      '3',
      '--part',
      'test',
    );
    assert.equal(code, 0, stderr);
    const { samples, ...rest } = JSON.parse(stdout);
    assert.deepEqual(rest, { data: 'lines', part: 'test', file: null, classes: ['0', '1'] });
    assert.deepEqual(
      samples.map(({ index, label, steps, strokes }: Record<string, number>) => [
        index,
        label,
        steps,
        strokes,
      ]),
      [
        [1, 0, 7, 1],
        [0, 1, 7, 1],
        [3, 0, 7, 1],
      ],
    );
    assert.equal(samples[0].pixels.length, 64);
  });

  it('writes a sheet as SVG and as PNG', async () => {
    for (const [file, begin] of [
      ['sheet.svg', '<svg '],
      ['sheet.png', '\u0089PNG'],
    ]) {
      const { code, stdout, stderr } = await run('preview', '--data', 'lines', '--out', file);
      assert.equal(code, 0, stderr);
      assert.equal(stdout, `4 samples in ${file}\n`);
      assert.ok(readFileSync(join(folder, file), 'latin1').startsWith(begin));
    }
  });

  it('draws in digits on an output without colours', async () => {
    const { code, stdout } = await run('preview', '--data', 'lines', '--count', '1');
    assert.equal(code, 0);
    assert.equal(stdout, ' 024689\n0  #1, 7 steps, 1 stroke\n');
  });

  it('shows drawings in pen order with --order pen', async () => {
    const drawing = (label: string, x: number[]) =>
      `${JSON.stringify({ label, strokes: [{ x, y: [0, 0] }] })}\n`;
    for (const name of ['drawn.ndjson', 'test.ndjson']) {
      mkdirSync(join(folder, 'drawn'), { recursive: true });
      writeFileSync(join(folder, 'drawn', name), drawing('there', [0, 9]) + drawing('back', [9, 0]));
    }
    const steps = async (...args: string[]) =>
      JSON.parse((await run('preview', '--data', 'drawn', '--json', ...args)).stdout).samples.map(
        ({ rows }: { rows: number[][] }) => rows[1][0],
      );
    assert.deepEqual(await steps(), [1, 1]);
    assert.deepEqual(await steps('--order', 'pen'), [-1, 1]);
    const pictures = await run('preview', '--data', 'lines', '--order', 'pen');
    assert.equal(pictures.code, 2, 'pictures have no order of a pen');
    const made = await run('strokes', '--data', 'drawn', '--order', 'pen', '--out', 'pen.tar.gz');
    assert.equal(made.code, 0, made.stderr);
    const { samples } = JSON.parse((await run('preview', '--data', 'pen.tar.gz', '--json')).stdout);
    assert.deepEqual(
      samples.map(({ class: name, rows }: { class: string; rows: number[][] }) => [name, rows[1][0]]),
      [
        ['back', -1],
        ['there', 1],
      ],
    );
  });

  it('shows MNIST by default', async () => {
    const { samples, data } = JSON.parse((await run('preview', '--json')).stdout);
    assert.equal(data, 'MNIST');
    assert.deepEqual(
      samples.map(({ class: name }: { class: string }) => name).join(''),
      '01234567890123456789',
    );
  });
});

const rowsIn = ({ rows }: { rows: number[][] }): number[] => rows.flat();

describe('data preview --order points', () => {
  it('shows drawings of sketch-rnn, which are a table of another kind', async () => {
    copyFileSync(SKETCHES, join(folder, 'cat.npz'));
    const { code, stdout, stderr } = await run('preview', '--data', 'cat.npz', '--order', 'points', '--json');
    assert.equal(code, 0, stderr);
    assert.ok(JSON.parse(stdout).samples[0].rows.length > 2);
  });
});

describe('data preview --augment', () => {
  it('refuses an amount that strokes do not have', async () => {
    const { code, stderr } = await run('preview', '--data', 'lines', '--augment-thickness', '1');
    assert.equal(code, 2);
    assert.match(stderr, /unknown option '?--augment-thickness/);
  });

  const AMOUNTS = { rotation: 8, scale: 0.1, shear: 0.1, shift: 1, jitter: 0.1, drop: 0, resample: 0 };
  const ORDER = { reverse: 0, shuffle: 0, flip: 0 };

  /** The augmented moves of sample `index` in `epoch`, from the source that training reads. */
  function trained(
    samples: { index: number; rows: number[][] }[],
    side: number,
    changes: object,
    seed: number,
    sorted: boolean,
  ) {
    const sequences = samples
      .toSorted((a, b) => a.index - b.index)
      .map(({ rows }) => Int16Array.from(rows.flat()));
    const source = new AugmentedStrokes({
      data: {
        name: 'lines',
        examples: concatenateStrokes(sequences, [1, 0, 1, 0], 'lines'),
        preprocessing: { ...DEFAULT_STROKE_PREPROCESSING, width: side, height: side, sorted },
      },
      augmentation: { ...NO_AUGMENTATION, ...AMOUNTS, ...ORDER, ...changes },
      seed,
    });
    return (index: number, epoch: number) => {
      const drawn = source.draw(Int32Array.of(index), epoch);
      const moves = new Float32Array(4 * drawn.lengthOf(0));
      drawn.read(
        0,
        moves,
        Int32Array.from({ length: drawn.lengthOf(0) }, (_, t) => t),
        0,
      );
      return [...moves];
    };
  }

  it('prints exactly the moves that training reads in each epoch, from images and from strokes', async () => {
    assert.equal((await run('strokes', '--data', 'lines', '--out', 'varied.tar.gz')).code, 0);
    const asked: [string[], number, object, number][] = [
      [['--augment'], 4, {}, 0],
      [['--augment', '2', '--augment-rotation', '90', '--seed', '7'], 2, { rotation: 90 }, 7],
      [['--augment_drop=0.5', '--augment-resample', '1'], 4, { drop: 0.5, resample: 1 }, 0],
      [['--augment', '--augment-reverse', '1', '--augment-shuffle', '1'], 4, { reverse: 1, shuffle: 1 }, 0],
      [['--augment', '--sort'], 4, {}, 0],
    ];
    // Images store their size. The archive's layout does not, so its strokes get the size of MNIST.
    for (const [data, side] of [
      ['lines', 8],
      ['varied.tar.gz', 28],
    ] as const) {
      for (const [flags, epochs, changes, seed] of asked) {
        const { code, stdout, stderr } = await run('preview', '--data', data, '--json', ...flags);
        assert.equal(code, 0, stderr);
        const { augmentation, samples } = JSON.parse(stdout);
        assert.deepEqual(augmentation, { ...AMOUNTS, ...ORDER, ...changes });
        assert.equal(samples.length, 4);
        const sorted = flags.includes('--sort');
        // An archive's own strokes depend on no seed.
        const plain = data === 'lines' ? ['--seed', `${seed}`] : [];
        const given = JSON.parse((await run('preview', '--data', data, '--json', ...plain)).stdout).samples;
        if (!sorted) assert.deepEqual(samples.map(rowsIn), given.map(rowsIn));
        const rowsOf = trained(given, side, changes, seed, sorted);
        for (const sample of samples) {
          assert.equal(sample.epochs.length, epochs);
          sample.epochs.forEach((varied: { epoch: number; steps: number; rows: number[][] }, n: number) => {
            assert.equal(varied.epoch, n + 1);
            assert.equal(varied.steps, varied.rows.length);
            assert.deepEqual(varied.rows.flat(), rowsOf(sample.index, n + 1));
          });
        }
      }
    }
  });

  it('sorts the strokes of samples', async () => {
    const strokes = async (...flags: string[]): Promise<number[][]> =>
      JSON.parse(
        (await run('preview', '--data', 'strokes', '--count', '40', '--json', ...flags)).stdout,
      ).samples.map(rowsIn);
    const given = await strokes();
    const preprocessing = { ...DEFAULT_STROKE_PREPROCESSING, sorted: true };
    const sorted = given.map((moves) => [...sortedMoves(Int16Array.from(moves), preprocessing)]);
    assert.notDeepEqual(sorted, given, 'some are in another order');
    assert.deepEqual(await strokes('--sort'), sorted);
  });

  it('writes a row of the sheet for every epoch, and the amounts', async () => {
    const { code, stderr } = await run('preview', '--data', 'lines', '--augment', '3', '--out', 'varied.svg');
    assert.equal(code, 0, stderr);
    const svg = readFileSync(join(folder, 'varied.svg'), 'utf8');
    assert.deepEqual(svg.match(/>epoch \d+</g), ['>epoch 1<', '>epoch 2<', '>epoch 3<']);
    assert.match(svg, />Augmentation: rotation 8, scale 0\.1, .*, jitter 0\.1\.</);
  });

  it('draws a picture for every epoch in the terminal', async () => {
    const { code, stdout } = await run('preview', '--data', 'lines', '--count', '2', '--augment', '2');
    assert.equal(code, 0);
    assert.deepEqual(stdout.match(/#\d|epoch \d, \d steps/g), [
      '#1',
      'epoch 1, 7 steps',
      'epoch 2, 7 steps',
      '#0',
      'epoch 1, 7 steps',
      'epoch 2, 7 steps',
    ]);
  });
});

describe('data preview --negatives', () => {
  it('shows what is none of the classes, evenly of all kinds', async () => {
    const { code, stdout, stderr } = await run(
      ...['preview', '--negatives', '--data', 'mnist', '--count', '9', '--json'],
    );
    assert.equal(code, 0, stderr);
    const { classes, samples } = JSON.parse(stdout);
    assert.equal(classes.length, 7);
    assert.deepEqual(
      samples.map((sample: { class: string }) => sample.class),
      [...classes, 'letters', 'scribbles'],
    );
    assert.ok(samples[0].pixels.length === 784 && samples[0].rows.length > 5);
  });

  it('refuses data of another size, the test set, and augmentation', async () => {
    assert.match((await run('preview', '--negatives', '--data', 'lines')).stderr, /negatives: .* has 8 × 8/);
    for (const [name, args] of [
      ['--part test', ['--part', 'test']],
      ['--augment', ['--augment']],
      ['--sort', ['--sort']],
    ] as const) {
      const { code, stderr } = await run('preview', '--negatives', ...args);
      assert.equal(code, 2);
      assert.match(stderr, new RegExp(`${name} has no effect on negatives`));
    }
  });
});

describe('data preview --drawn', () => {
  it('shows digits in the forms that people write, evenly of all digits', async () => {
    const { code, stdout, stderr } = await run(
      ...['preview', '--drawn', '--data', 'mnist', '--count', '12', '--json'],
    );
    assert.equal(code, 0, stderr);
    const { samples } = JSON.parse(stdout);
    assert.equal(samples.map((sample: { class: string }) => sample.class).join(''), '012345678901');
    assert.ok(samples[0].pixels.length === 784 && samples[0].rows.length > 5);
  });

  it('refuses other classes, negatives on the same sheet, and the test set', async () => {
    assert.match(
      (await run('preview', '--drawn', '--data', 'lines')).stderr,
      /drawn digits: .* has the classes/,
    );
    assert.match(
      (await run('preview', '--drawn', '--negatives')).stderr,
      /leave out one of --negatives and --drawn/,
    );
    const { code, stderr } = await run('preview', '--drawn', '--part', 'test');
    assert.equal(code, 2);
    assert.match(stderr, /--part test has no effect on drawn digits; leave out --part test, or --drawn/);
  });
});
