/**
 * Protects `scanstroke data`: strokes stored in cache, folder and archive; samples shown as a sheet, as text with and
 * without colours, as JSON, and augmented as in training; progress on standard error; mistakes in one line.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DataProgressView } from '#src/cli/data-progress.js';
import { drawSamples } from '#src/cli/stroke-terminal.js';
import { colorsFor } from '#src/cli/terminal.js';
import { NO_AUGMENTATION } from '#src/data/augmentation.js';
import { AugmentedStrokes } from '#src/data/strokes/stroke-augment.js';
import { concatenateStrokes } from '#src/data/strokes/stroke-examples.js';
import { DEFAULT_STROKE_PREPROCESSING } from '#src/data/strokes/stroke-preprocessing.js';
import { idxBytes, labelBytes } from '../data/images/idx-bytes.js';
import { FakeOutput } from './fake-run.js';

const main = join(fileURLToPath(new URL('../../../', import.meta.url)), 'dist/cli/main.js');
const folder = mkdtempSync(join(tmpdir(), 'scanstroke-data-'));
after(() => rmSync(folder, { recursive: true }));

/** Two classes of images, 8 × 8: a vertical and a horizontal line. */
before(() => {
  mkdirSync(join(folder, 'lines'));
  const upright = Array.from({ length: 64 }, (_, i) => (i % 8 === 3 && i > 8 && i < 56 ? 255 : 0));
  const level = Array.from({ length: 64 }, (_, i) =>
    Math.floor(i / 8) === 3 && i % 8 > 0 && i % 8 < 7 ? 255 : 0,
  );
  for (const part of ['train', 't10k']) {
    const images = idxBytes(8, [4, 8, 8], [upright, level, upright, level].flat());
    writeFileSync(join(folder, `lines/${part}-images-idx3-ubyte`), images);
    writeFileSync(join(folder, `lines/${part}-labels-idx1-ubyte`), labelBytes([1, 0, 1, 0]));
  }
});

function run(...args: string[]) {
  const { NO_COLOR: _, FORCE_COLOR: __, NODE_OPTIONS: ___, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'data', ...args], {
    cwd: folder,
    env: { ...env, SCANSTROKE_CACHE: join(folder, 'cache') },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('help', () => {
  for (const args of [['--help'], ['strokes', '--help'], ['preview', '--help']]) {
    it(`of data ${args.join(' ')} has three examples`, () => {
      const { status, stdout } = run(...args);
      assert.equal(status, 0);
      assert.equal(stdout.split('Examples:\n')[1].match(/^ {2}scanstroke .*/gm)?.length, 3);
    });
  }
});

describe('data preview --negatives', () => {
  it('shows what is none of the classes, evenly of all kinds', () => {
    const { status, stdout, stderr } = run(
      ...['preview', '--negatives', '--data', 'mnist', '--count', '9', '--json'],
    );
    assert.equal(status, 0, stderr);
    const { classes, samples } = JSON.parse(stdout);
    assert.equal(classes.length, 7);
    assert.deepEqual(
      samples.map((sample: { class: string }) => sample.class),
      [...classes, 'letters', 'scribbles'],
    );
    assert.ok(samples[0].pixels.length === 784 && samples[0].rows.length > 5);
  });

  it('refuses data of another size, the test set, and augmentation', () => {
    assert.match(run('preview', '--negatives', '--data', 'lines').stderr, /negatives: .* has 8 × 8/);
    for (const [name, args] of [
      ['--part test', ['--part', 'test']],
      ['--augment', ['--augment']],
    ] as const) {
      const { status, stderr } = run('preview', '--negatives', ...args);
      assert.equal(status, 2);
      assert.match(stderr, new RegExp(`${name} has no effect on negatives`));
    }
  });
});

describe('data preview --drawn', () => {
  it('shows digits in the forms that people write, evenly of all digits', () => {
    const { status, stdout, stderr } = run(
      ...['preview', '--drawn', '--data', 'mnist', '--count', '12', '--json'],
    );
    assert.equal(status, 0, stderr);
    const { samples } = JSON.parse(stdout);
    assert.equal(samples.map((sample: { class: string }) => sample.class).join(''), '012345678901');
    assert.ok(samples[0].pixels.length === 784 && samples[0].rows.length > 5);
  });

  it('refuses other classes, negatives on the same sheet, and the test set', () => {
    assert.match(run('preview', '--drawn', '--data', 'lines').stderr, /drawn digits: .* has the classes/);
    assert.match(run('preview', '--drawn', '--negatives').stderr, /leave out one of --negatives and --drawn/);
    const { status, stderr } = run('preview', '--drawn', '--part', 'test');
    assert.equal(status, 2);
    assert.match(stderr, /--part test has no effect on drawn digits; leave out --part test, or --drawn/);
  });
});

describe('data strokes', () => {
  it('stores strokes in the cache and prints their counts', () => {
    const { status, stdout, stderr } = run('strokes', '--data', 'lines');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^lines strokes\n {2}4 sequences for training, 4 for the test, 2 classes\n/);
    assert.match(stderr, /strokes from lines: 100 %/);
    assert.equal(readdirSync(join(folder, 'cache')).length, 1);
  });

  it('writes a folder and an archive; --json prints one JSON value', () => {
    for (const out of ['out', 'out.tar.gz']) {
      const { status, stdout, stderr } = run(
        'strokes',
        '--data',
        'lines',
        '--out',
        out,
        '--json',
        '--seed',
        '4',
      );
      assert.equal(status, 0, stderr);
      const { seconds, ...value } = JSON.parse(stdout);
      assert.ok(seconds > 0);
      assert.deepEqual(value, {
        data: 'lines strokes',
        out,
        seed: 4,
        train: 4,
        test: 4,
        classes: ['0', '1'],
        rows: 56,
        shortest: 7,
        longest: 7,
      });
      const samples = JSON.parse(run('preview', '--data', out, '--json', '--count', '2').stdout).samples;
      assert.deepEqual(samples[0].rows.slice(0, 2), [
        [2, 4, 0, 0],
        [1, 0, 0, 0],
      ]);
    }
    assert.equal(readFileSync(join(folder, 'out/trainlabels.txt'), 'utf8'), '1\n0\n1\n0\n');
  });

  it('refuses a folder with files before it starts', () => {
    const { status, stdout, stderr } = run('strokes', '--data', 'lines', '--out', 'lines');
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, /^scanstroke: cannot write the strokes to lines: it holds 4 files already; .*\n$/);
  });
});

describe('data summary', () => {
  const drawing = (word: string, n: number) =>
    JSON.stringify({
      word,
      drawing:
        n < 0
          ? []
          : [
              [
                [0, 50, n],
                [0, n, 9],
              ],
            ],
    });
  const write = (name: string, words: readonly [string, number][]) =>
    writeFileSync(join(folder, name), words.map(([word, n]) => drawing(word, n)).join('\n'));

  it('says what a training says: what was left out, and that it would be refused', () => {
    write(
      'one.ndjson',
      [1, 2, 3, 4, -1].map((n) => ['cat', n]),
    );
    const { status, stdout } = run('summary', '--data', 'one.ndjson');
    assert.equal(status, 0);
    assert.match(stdout, /\n {2}1 drawing without strokes left out: one\.ndjson:5\n/);
    assert.match(
      stdout,
      /\n {2}a training would be refused: train: all samples of one\.ndjson are of the class "cat"/,
    );
    const { problem, notices } = JSON.parse(run('summary', '--data', 'one.ndjson', '--json').stdout);
    assert.match(problem, /at least two classes are needed/);
    assert.equal(notices.length, 1);
  });

  it('refuses two drawings a class, as a training does', () => {
    write(
      'two.ndjson',
      ['cat', 'dog'].flatMap((word) => [1, 2].map((n): [string, number] => [word, n])),
    );
    const { status, stderr } = run('summary', '--data', 'two.ndjson');
    assert.equal(status, 2);
    assert.match(
      stderr,
      /4 to train and 0 to test; each part needs at least one\. Give at least 3 drawings of each/,
    );
  });
});

describe('data preview', () => {
  it('prints samples, evenly from all classes, as JSON', () => {
    const { status, stdout, stderr } = run(
      'preview',
      '--data',
      'lines',
      '--json',
      '--count',
      '3',
      '--part',
      'test',
    );
    assert.equal(status, 0, stderr);
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

  it('writes a sheet as SVG and as PNG', () => {
    for (const [file, begin] of [
      ['sheet.svg', '<svg '],
      ['sheet.png', '\u0089PNG'],
    ]) {
      const { status, stdout, stderr } = run('preview', '--data', 'lines', '--out', file);
      assert.equal(status, 0, stderr);
      assert.equal(stdout, `4 samples in ${file}\n`);
      assert.ok(readFileSync(join(folder, file), 'latin1').startsWith(begin));
    }
  });

  it('draws in digits on an output without colours', () => {
    const { status, stdout } = run('preview', '--data', 'lines', '--count', '1');
    assert.equal(status, 0);
    assert.equal(stdout, ' 024689\n0  #1, 7 steps, 1 stroke\n');
  });

  it('shows drawings in pen order with --order pen', () => {
    const drawing = (label: string, x: number[]) =>
      `${JSON.stringify({ label, strokes: [{ x, y: [0, 0] }] })}\n`;
    for (const name of ['drawn.ndjson', 'test.ndjson']) {
      mkdirSync(join(folder, 'drawn'), { recursive: true });
      writeFileSync(join(folder, 'drawn', name), drawing('there', [0, 9]) + drawing('back', [9, 0]));
    }
    const steps = (...args: string[]) =>
      JSON.parse(run('preview', '--data', 'drawn', '--json', ...args).stdout).samples.map(
        ({ rows }: { rows: number[][] }) => rows[1][0],
      );
    assert.deepEqual(steps(), [1, 1]);
    assert.deepEqual(steps('--order', 'pen'), [-1, 1]);
    const made = run('strokes', '--data', 'drawn', '--order', 'pen', '--out', 'pen.tar.gz');
    assert.equal(made.status, 0, made.stderr);
    const { samples } = JSON.parse(run('preview', '--data', 'pen.tar.gz', '--json').stdout);
    assert.deepEqual(
      samples.map(({ class: name, rows }: { class: string; rows: number[][] }) => [name, rows[1][0]]),
      [
        ['back', -1],
        ['there', 1],
      ],
    );
  });

  it('shows MNIST by default', () => {
    const { samples, data } = JSON.parse(run('preview', '--json').stdout);
    assert.equal(data, 'MNIST');
    assert.deepEqual(
      samples.map(({ class: name }: { class: string }) => name).join(''),
      '01234567890123456789',
    );
  });
});

describe('data preview --augment', () => {
  const AMOUNTS = { rotation: 8, scale: 0.1, shear: 0.1, shift: 1, jitter: 0.1, drop: 0, resample: 0 };
  const ORDER = { reverse: 0.5, shuffle: 0.5, flip: 0.1 };

  /** The augmented moves of sample `index` in `epoch`, from the source that training reads. */
  function trained(
    samples: { index: number; rows: number[][] }[],
    side: number,
    changes: object,
    seed: number,
  ) {
    const sequences = samples
      .toSorted((a, b) => a.index - b.index)
      .map(({ rows }) => Int16Array.from(rows.flat()));
    const source = new AugmentedStrokes({
      data: {
        name: 'lines',
        examples: concatenateStrokes(sequences, [1, 0, 1, 0], 'lines'),
        preprocessing: { ...DEFAULT_STROKE_PREPROCESSING, width: side, height: side },
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

  it('prints exactly the moves that training reads in each epoch, from images and from strokes', () => {
    assert.equal(run('strokes', '--data', 'lines', '--out', 'varied.tar.gz').status, 0);
    const asked: [string[], number, object, number][] = [
      [['--augment'], 4, {}, 0],
      [['--augment', '2', '--augment-rotation', '90', '--seed', '7'], 2, { rotation: 90 }, 7],
      [['--augment_drop=0.5', '--augment-resample', '1'], 4, { drop: 0.5, resample: 1 }, 0],
    ];
    // Images store their size. The archive's layout does not, so its strokes get the size of MNIST.
    for (const [data, side] of [
      ['lines', 8],
      ['varied.tar.gz', 28],
    ] as const) {
      for (const [flags, epochs, changes, seed] of asked) {
        const { status, stdout, stderr } = run('preview', '--data', data, '--json', ...flags);
        assert.equal(status, 0, stderr);
        const { augmentation, samples } = JSON.parse(stdout);
        assert.deepEqual(augmentation, { ...AMOUNTS, ...ORDER, ...changes });
        assert.equal(samples.length, 4);
        const rowsOf = trained(samples, side, changes, seed);
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

  it('writes a row of the sheet for every epoch, and the amounts', () => {
    const { status, stderr } = run('preview', '--data', 'lines', '--augment', '3', '--out', 'varied.svg');
    assert.equal(status, 0, stderr);
    const svg = readFileSync(join(folder, 'varied.svg'), 'utf8');
    assert.deepEqual(svg.match(/>epoch \d+</g), ['>epoch 1<', '>epoch 2<', '>epoch 3<']);
    assert.match(svg, />Augmentation: rotation 8, scale 0\.1, .*, flip 0\.1\.</);
  });

  it('draws a picture for every epoch in the terminal', () => {
    const { status, stdout } = run('preview', '--data', 'lines', '--count', '2', '--augment', '2');
    assert.equal(status, 0);
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

describe('mistakes end with exit code 2 and one line', () => {
  const mistakes: [string, RegExp][] = [
    [
      '',
      /^scanstroke: data: expected a subcommand: summary, preview or strokes; `scanstroke data --help` describes them\n$/,
    ],
    ['prewiev', /^scanstroke: data: unknown command 'prewiev'; did you mean preview\?\n$/],
    [
      'preview --count 0',
      /^scanstroke: data preview: .*'--count <n>' argument '0' is invalid. expected a whole number from 1 to 1000; .*\n$/,
    ],
    ['preview --nope', /^scanstroke: data preview: unknown option '--nope'.*\n$/],
    ['preview --out a.gif', /^scanstroke: data preview: --out a\.gif must end in \.svg or \.png\n$/],
    [
      'preview --augment --part test',
      /^scanstroke: data preview: only training samples are augmented; leave out --part test, .*\n$/,
    ],
    ['preview --augment 21', /^scanstroke: data preview: .*expected a whole number from 1 to 20; .*\n$/],
    [
      'preview --augment-drop 1',
      /^scanstroke: data preview: --augment-drop must be a number of at least 0 and below 1, found 1\n$/,
    ],
    ['preview --augment-elastic 2', /^scanstroke: data preview: unknown option '--augment-elastic'.*\n$/],
    ['preview --data nowhere', /^scanstroke: cannot read the strokes nowhere: it does not exist.*\n$/],
    [
      'strokes --seed x',
      /^scanstroke: data strokes: .*'--seed <n>' argument 'x' is invalid\. expected a whole number from 0; .*\n$/,
    ],
    [
      'strokes --out none/a.tar.gz',
      /^scanstroke: cannot write none\/a\.tar\.gz: its folder does not exist.*\n$/,
    ],
  ];
  for (const [args, message] of mistakes) {
    it(args || 'nothing', () => {
      const { status, stdout, stderr } = run(...args.split(' ').filter(Boolean));
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, message);
    });
  }
});

describe('drawings as text', () => {
  const drawing = {
    width: 4,
    height: 4,
    image: Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    strokes: [{ xs: [0, 0], ys: [0, 1] }],
  };
  const colored = colorsFor(new FakeOutput(true), { FORCE_COLOR: '1' });

  it('use half blocks of two pixels, colours for the strokes, the text colour for the image', () => {
    const output = new FakeOutput(true, 80);
    const text = drawSamples([drawing], ['c'], output, colored, { COLORTERM: 'truecolor' });
    assert.equal(
      text,
      '█  \u001b[38;2;72;112;255m\u001b[48;2;226;168;40m▀\u001b[39;49m\n\u001b[2mc\u001b[22m\n',
    );
    const fewer = drawSamples([drawing], ['c'], output, colored, {});
    // The escape character is replaced, so that the pattern contains no control character.
    assert.match(fewer.replaceAll('\u001b', 'ESC'), /^█ {2}ESC\[38;5;\d+mESC\[48;5;\d+m▀ESC\[39;49m\n/);
  });

  it('are in bands no wider than the terminal, with captions below', () => {
    const plain = colorsFor(new FakeOutput());
    for (const columns of [1, 12, 30, 100]) {
      const captions = Array.from({ length: 5 }, (_, n) => `caption ${n}`);
      const text = drawSamples(Array(5).fill(drawing), captions, new FakeOutput(false, columns), plain);
      const lines = text.split('\n');
      assert.ok(Math.max(...lines.map(({ length }) => length)) <= Math.max(columns, 9));
      for (const caption of captions) assert.ok(text.includes(caption));
      assert.equal(text.match(/^0/gm)?.length, { 1: 5, 12: 5, 30: 3, 100: 1 }[columns]);
    }
  });

  it('round points to the nearest pixel', () => {
    const between = { ...drawing, image: null, strokes: [{ xs: [0.4, 0.6, 3.6], ys: [0.4, 0.4, 0] }] };
    assert.equal(drawSamples([between], ['c'], new FakeOutput(), colorsFor(new FakeOutput())), '05\nc\n');
  });

  it('may have points outside of the picture, or no strokes', () => {
    const plain = colorsFor(new FakeOutput());
    const out = { ...drawing, image: null, strokes: [{ xs: [-1, 9], ys: [0, 9] }] };
    for (const colors of [plain, colored]) {
      for (const sample of [out, { ...out, strokes: [] }]) {
        assert.match(drawSamples([sample], ['nothing'], new FakeOutput(), colors), /nothing/);
      }
    }
  });
});

describe('progress', () => {
  it('is one line per 10 % without a terminal', () => {
    const output = new FakeOutput();
    const view = new DataProgressView(output);
    for (let done = 0; done <= 30; done++) view.show({ what: 'reading', done, total: 30 });
    assert.equal(output.lines.length, 10);
    assert.deepEqual([output.lines[0], output.lines[9]], ['reading: 10 %', 'reading: 100 %']);
  });

  it('is a bar on a terminal, which is removed at the end', () => {
    const output = new FakeOutput(true, 80);
    let now = 0;
    const view = new DataProgressView(output, () => now);
    for (let done = 0; done <= 1000; done++, now++) view.show({ what: 'reading', done, total: 1000 });
    assert.ok(output.text.split('\r').length < 20, 'redrawn rarely');
    assert.match(output.screen[0], /reading.*100 % {2}1,000$/);
    view.line('a notice');
    view.clear();
    assert.deepEqual(output.screen, ['a notice', '']);
  });
});
