/**
 * Protects `scanstroke data`: strokes stored in cache, folder and archive; the summary of a data set; progress on standard
 * error; mistakes in one line.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { DataProgressView } from '#src/cli/terminal/data-progress.js';
import { dataCommand } from './data-command.js';
import { FakeOutput } from './fake-run.js';

const { folder, run } = dataCommand();

describe('help', () => {
  for (const args of [['--help'], ['strokes', '--help'], ['preview', '--help']]) {
    it(`of data ${args.join(' ')} has three examples`, async () => {
      const { code, stdout } = await run(...args);
      assert.equal(code, 0);
      assert.equal(stdout.split('Examples:\n')[1].match(/^ {2}scanstroke .*/gm)?.length, 3);
    });
  }
});

describe('data strokes', () => {
  it('stores strokes in the cache and prints their counts', async () => {
    const { code, stdout, stderr } = await run('strokes', '--data', 'lines');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^lines strokes\n {2}4 sequences for training, 4 for the test, 2 classes\n/);
    assert.match(stderr, /strokes from lines: 100 %/);
    assert.equal(readdirSync(join(folder, 'cache')).length, 1);
  });

  it('says what is left out, and goes on', async () => {
    const drawings = Array.from({ length: 14 }, (_, n) =>
      JSON.stringify({
        label: `${n % 2}`,
        strokes:
          n === 5
            ? []
            : [
                [
                  [0, 0],
                  [9 + n, 3],
                  [9, 20],
                ],
              ],
      }),
    );
    writeFileSync(join(folder, 'some.ndjson'), drawings.join('\n'));
    const { code, stdout, stderr } = await run('strokes', '--data', 'some.ndjson');
    assert.equal(code, 0, stderr);
    assert.match(stderr, /1 drawing without strokes left out: some\.ndjson:6/);
    assert.match(stdout, /sequences for training/);
    assert.equal((await run('preview', '--data', 'some.ndjson', '--json')).code, 0);
  });

  it('writes a folder and an archive; --json prints one JSON value', async () => {
    for (const out of ['out', 'out.tar.gz']) {
      const { code, stdout, stderr } = await run(
        'strokes',
        '--data',
        'lines',
        '--out',
        out,
        '--json',
        '--seed',
        '4',
      );
      assert.equal(code, 0, stderr);
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
      const samples = JSON.parse(
        (await run('preview', '--data', out, '--json', '--count', '2')).stdout,
      ).samples;
      assert.deepEqual(samples[0].rows.slice(0, 2), [
        [2, 4, 0, 0],
        [1, 0, 0, 0],
      ]);
      for (const args of [
        ['strokes', '--out', 'again'],
        ['preview', '--json'],
      ]) {
        const idle = await run(...args, '--data', out, '--seed', '4');
        assert.deepEqual([idle.code, idle.stdout], [2, '']);
        assert.equal(
          idle.stderr,
          `scanstroke: data ${args[0]}: --seed has no effect on ${out}, whose strokes are made already; leave it out\n`,
        );
      }
    }
    const points = await run('preview', '--data', 'lines', '--order', 'points', '--seed', '4');
    assert.match(points.stderr, /data preview: --seed has no effect on the order points/);
    assert.equal(readFileSync(join(folder, 'out/trainlabels.txt'), 'utf8'), '1\n0\n1\n0\n');
  });

  it('--sort writes sorted strokes, and needs --out', async () => {
    const leftwards = '9 4 0 0\n-1 0 0 0\n-1 0 0 0\n0 0 1 1\n';
    mkdirSync(join(folder, 'backwards'));
    for (const part of ['train', 'test']) {
      writeFileSync(join(folder, 'backwards', `${part}labels.txt`), '1\n');
      writeFileSync(join(folder, 'backwards', `${part}img-0-inputdata.txt`), leftwards);
    }
    const { code, stderr } = await run('strokes', '--data', 'backwards', '--sort', '--out', 'sorted');
    assert.equal(code, 0, stderr);
    for (const part of ['train', 'test']) {
      const text = readFileSync(join(folder, 'sorted', `${part}img-0-inputdata.txt`), 'utf8');
      assert.equal(text, '7 4 0 0\n1 0 0 0\n1 0 0 0\n0 0 1 1\n');
    }
    const refused = await run('strokes', '--data', 'backwards', '--sort');
    assert.deepEqual([refused.code, refused.stdout], [2, '']);
    assert.match(refused.stderr, /^scanstroke: data strokes: --sort needs --out, .*\n$/);
    const points = await run('strokes', '--data', 'backwards', '--sort', '--order', 'points', '--out', 'new');
    assert.deepEqual([points.code, points.stdout], [2, '']);
    assert.match(points.stderr, /^scanstroke: data strokes: --sort does not go with --order points, .*\n$/);
  });

  it('refuses a folder with files before it starts', async () => {
    const { code, stdout, stderr } = await run('strokes', '--data', 'lines', '--out', 'lines');
    assert.deepEqual([code, stdout], [2, '']);
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

  it('says what a training says: what was left out, and that it would be refused', async () => {
    write(
      'one.ndjson',
      [1, 2, 3, 4, -1].map((n) => ['cat', n]),
    );
    const { code, stdout } = await run('summary', '--data', 'one.ndjson');
    assert.equal(code, 0);
    assert.match(stdout, /\n {2}1 drawing without strokes left out: one\.ndjson:5\n/);
    assert.match(
      stdout,
      /\n {2}a training would be refused: train: all samples of one\.ndjson are of the class "cat"/,
    );
    const { problem, notices } = JSON.parse((await run('summary', '--data', 'one.ndjson', '--json')).stdout);
    assert.match(problem, /at least two classes are needed/);
    assert.equal(notices.length, 1);
  });

  it('refuses sizes and colours of strokes, also where only the content tells that they are strokes', async () => {
    mkdirSync(join(folder, 'lines-of-pens'));
    const line = JSON.stringify({
      label: 'a',
      strokes: [
        [
          [0, 0],
          [9, 3],
        ],
      ],
    });
    writeFileSync(join(folder, 'lines-of-pens/a.ndjson'), Array(7).fill(line).join('\n'));
    const { code, stderr } = await run('summary', '--data', 'lines-of-pens', '--image-size', '32');
    assert.equal(code, 2);
    assert.match(stderr, /--image-size have no effect on strokes/);
  });

  it('refuses two drawings a class, as a training does', async () => {
    write(
      'two.ndjson',
      ['cat', 'dog'].flatMap((word) => [1, 2].map((n): [string, number] => [word, n])),
    );
    const { code, stderr } = await run('summary', '--data', 'two.ndjson');
    assert.equal(code, 2);
    assert.match(
      stderr,
      /4 to train and 0 to test; each part needs at least one\. Give at least 3 drawings of each/,
    );
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
    it(args || 'nothing', async () => {
      const { code, stdout, stderr } = await run(...args.split(' ').filter(Boolean));
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, message);
    });
  }
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
