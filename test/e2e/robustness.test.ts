/** Protects `scanstroke evaluate --robustness` from end to end, on tiny runs of images and of strokes. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { trainRun } from '#src/train/run/run.js';
import { runHere } from '../cli/commands/fake-run.js';
import { smallConfig, temporaryFolder, writeSmallMnist } from '../train/small-mnist.js';

const folder = temporaryFolder();
const data = writeSmallMnist(folder, 480, 60);
process.env.SCANSTROKE_CACHE = join(folder, 'cache');

async function trained(name: string, flags: Record<string, unknown>): Promise<string> {
  const config = smallConfig(data, join(folder, name), { numEpochs: 1, ...flags });
  const run = trainRun(config, { stop: new AbortController().signal });
  let next = await run.next();
  while (!next.done) next = await run.next();
  return join(folder, name);
}
const images = await trained('images', {});
// Long enough that it answers more than one class.
const strokes = await trained('strokes', {
  data: `strokes:${data}`,
  preset: 'strokes',
  numLayers: 1,
  hiddenSize: 24,
  numEpochs: 12,
  learningRate: 0.02,
});

interface Row {
  change: string;
  form: string;
  accuracy: number;
  correct: number;
  count: number;
}
const rowsOf = (json: string): Row[] => JSON.parse(json).rows;

/** @returns standard output */
async function measured(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runHere(['evaluate', ...args, '--robustness']);
  assert.equal(code, 0, stderr);
  return stdout;
}

suite('a run of images', () => {
  test('prints a table, and writes robustness.json and the chart', async () => {
    const { stdout, stderr } = await runHere(['evaluate', images, '--robustness']);
    const lines = stdout.split('\n');
    assert.ok(lines[0].startsWith(`${images} on 60 test samples of ${data}, `), lines[0]);
    assert.match(lines[2], /^ {2}change +accuracy +points +95 % interval +worst +lowest recall +inputs/);
    assert.match(lines[3], /^ {2}unchanged +\d+\.\d\d % +\d+\.\d – \d+\.\d % /);
    const shifted = lines.find((line) => line.startsWith('  shifted 4 pixels'));
    assert.match(shifted ?? '', / (left|right|up|down) \d+\.\d\d % .* 240( |$)/);
    assert.ok(!/reversed|drawing/.test(stdout));
    assert.match(stderr, /changed samples: 100 %\n$/);
    for (const name of ['robustness.json', 'charts/robustness.svg', 'charts/robustness.png']) {
      assert.ok(existsSync(join(images, name)) && stdout.includes(join(images, name)), name);
    }
    const { stdout: plain } = await runHere(['evaluate', images, '--json']);
    const { rows, samples, part, seed, checkpoint } = JSON.parse(
      readFileSync(join(images, 'robustness.json'), 'utf8'),
    );
    assert.deepEqual([samples, part, seed, checkpoint], [60, 'test', 0, 'best.safetensors']);
    assert.equal(rows[0].accuracy, JSON.parse(plain).accuracy, 'unchanged is what evaluate measures');
    for (const row of rows) {
      assert.equal(row.accuracy, row.correct / row.count);
      assert.equal(row.count, 60 * row.variants.length);
      assert.ok(row.interval[0] <= row.accuracy && row.accuracy <= row.interval[1]);
      assert.ok(Math.abs(row.difference - 100 * (row.accuracy - rows[0].accuracy)) < 1e-6);
    }
  });
  test('--json prints the content of the file, the same for any number of threads', async () => {
    const one = await measured(images, '--json', '--threads', '1', '--limit', '33', '--seed', '7');
    assert.equal(one, readFileSync(join(images, 'robustness.json'), 'utf8'));
    const three = await measured(images, '--json', '--threads', '3', '--limit', '33', '--seed', '7');
    assert.equal(three, one);
    assert.equal(JSON.parse(one).samples, 33);
    const otherSeed = await measured(images, '--json', '--limit', '33', '--seed', '8');
    assert.notEqual(otherSeed, one);
  });
  test('any limit and part; a larger limit takes all', async () => {
    assert.equal(rowsOf(await measured(images, '--json', '--limit', '1'))[0].count, 1);
    assert.equal(rowsOf(await measured(images, '--json', '--limit', '9007199254740991'))[0].count, 60);
    const validation = await measured(images, '--json', '--part', 'validation', '--limit', '10');
    assert.deepEqual([JSON.parse(validation).part, rowsOf(validation)[0].count], ['validation', 10]);
  });
});

suite('a run of strokes', () => {
  test('has rows of drawings and of pictures', async () => {
    const stdout = await measured(strokes);
    assert.match(stdout, /\n {2}drawing: rotated 10° /);
    assert.match(stdout, /\n {2}picture: thick lines /);
    const rows = rowsOf(readFileSync(join(strokes, 'robustness.json'), 'utf8'));
    const of = (name: string) => rows.find(({ change }) => change === name);
    const { stdout: plain } = await runHere(['evaluate', strokes, '--json']);
    assert.equal(of('unchanged')?.accuracy, JSON.parse(plain).accuracy);
    // The data set's strokes were made from these pictures.
    assert.equal(of('as a picture')?.correct, of('unchanged')?.correct);
    // A drawing becomes a picture first, at its place and size.
    for (const name of ['reversed', 'strokes shuffled', 'shifted 4 pixels', 'scaled to 1.3']) {
      assert.equal(of(name)?.accuracy, of('as a drawing')?.accuracy, name);
    }
    assert.ok(rows.some(({ accuracy }) => accuracy !== rows[0].accuracy));
  });
  test('of an archive without pictures draws them', async () => {
    const out = join(folder, 'archive');
    const made = await runHere(['data', 'strokes', '--data', data, '--out', out]);
    assert.equal(made.code, 0, made.stderr);
    const rows = rowsOf(await measured(strokes, '--data', out, '--json', '--limit', '20'));
    const thick = rows.find(({ change }) => change === 'thick lines');
    assert.deepEqual([thick?.form, thick?.count], ['picture', 20]);
  });
});

suite('what is refused, or not written', () => {
  test('limits and seeds that are none, in one line', async () => {
    for (const value of ['0', '-1', '1.5', '1e3', 'all', '0x10', '٣', '99999999999999999999', ' 5']) {
      const { code, stderr } = await runHere(['evaluate', images, '--robustness', `--limit=${value}`]);
      assert.equal(code, 2, value);
      assert.match(stderr, /^scanstroke: evaluate: .*--limit.*expected a whole number from 1.*\n$/, value);
    }
    const { code, stderr } = await runHere(['evaluate', images, '--robustness', '--seed=-1']);
    assert.equal(code, 2);
    assert.match(stderr, /^scanstroke: evaluate: .*--seed.*expected a whole number from 0.*\n$/);
  });
  test('--limit and --seed without --robustness', async () => {
    for (const flag of ['limit', 'seed']) {
      const { code, stderr } = await runHere(['evaluate', images, `--${flag}`, '5']);
      assert.equal(code, 2);
      assert.equal(
        stderr,
        `scanstroke: evaluate: --${flag} has an effect only with --robustness; add --robustness, or leave out --${flag}\n`,
      );
    }
  });
  test('data of another kind', async () => {
    const { code, stderr } = await runHere(['evaluate', strokes, '--robustness', '--data', data]);
    assert.equal(code, 2);
    assert.match(stderr, /^scanstroke: evaluate: .* reads strokes, but .* has images; .*\n$/);
  });
  test('a checkpoint outside of a run folder gets the table, and no files', async () => {
    const alone = join(folder, 'alone');
    mkdirSync(alone);
    copyFileSync(join(images, 'best.safetensors'), join(alone, 'model.safetensors'));
    const stdout = await measured(join(alone, 'model.safetensors'), '--data', data, '--limit', '3');
    assert.ok(!stdout.includes('Look at'));
    assert.ok(!existsSync(join(alone, 'robustness.json')) && !existsSync(join(alone, 'charts')));
  });
  test('a run folder in which nothing can be written costs the files, not the result', async () => {
    const locked = join(folder, 'locked');
    mkdirSync(join(locked, 'robustness.json'), { recursive: true });
    for (const name of ['best.safetensors', 'config.json'])
      copyFileSync(join(images, name), join(locked, name));
    writeFileSync(join(locked, 'robustness.json', 'file'), '');
    const { code, stdout, stderr } = await runHere(['evaluate', locked, '--robustness', '--limit', '3']);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /\n +unchanged +\d/);
    assert.match(stderr, /\nno robustness\.json and no chart: .*robustness\.json.*\n$/);
  });
});
