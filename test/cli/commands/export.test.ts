/** Protects `scanstroke export`: the format by name or ending, no flag without an effect, no file lost. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from '#src/cli/program.js';
import { readForeignModel } from '#src/exchange/read-model.js';
import { decodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import { checkpointBytes, ROWS, STROKES } from '../../recognize/checkpoint-bytes.js';
import { temporaryFolder, writeSmallMnist } from '../../train/small-mnist.js';
import { fakeTerminal } from './fake-run.js';

const folder = temporaryFolder();
mkdirSync(join(folder, 'my run'));
const RUN = join(folder, 'my run');
const BYTES = checkpointBytes(ROWS);
writeFileSync(join(RUN, 'best.safetensors'), BYTES);
const STROKE_RUN = join(folder, 'strokes.safetensors');
writeFileSync(STROKE_RUN, checkpointBytes(STROKES, { bidirectional: false, head: 'final' }));

async function exported(...args: string[]) {
  const terminal = fakeTerminal();
  const code = await run(['export', ...args], terminal);
  return { code, out: terminal.out.text, err: terminal.err.text };
}
const READS =
  'reads pictures of 28 × 28 pixels (width × height), 1 channel (grey), as 28 steps of 28 values; 4 classes';
const noBeside = () => {
  throw new Error('nothing lies beside this model');
};

/** [format, ending, names of the files] */
const FORMATS = [
  ['onnx', '.onnx', ['digits.onnx']],
  ['pytorch', '.pt', ['digits.pt', 'digits.py']],
  ['safetensors', '.safetensors', ['digits.safetensors', 'digits.py']],
  ['html', '.html', ['digits.html']],
  ['c', '.c', ['digits.c']],
] as const;

for (const [format, ending, names] of FORMATS) {
  test(`${format}: by --format and by the ending of --out, with the same files and bytes`, async () => {
    const contents = [];
    for (const flags of [[], ['--format', format]]) {
      const target = join(folder, `${format}-${flags.length}`);
      mkdirSync(target);
      const out = join(target, `digits${ending}`);
      const { code, out: text, err } = await exported(RUN, '--out', out, ...flags, '--json');
      assert.equal(code, 0, err);
      const { files, bytes } = JSON.parse(text);
      assert.deepEqual(
        files,
        names.map((name) => join(target, name)),
      );
      assert.deepEqual(readdirSync(target).sort(), [...names].sort());
      const written = names.map((name) => readFileSync(join(target, name)));
      assert.equal(
        bytes,
        written.reduce((sum, { length }) => sum + length, 0),
      );
      contents.push(written);
    }
    assert.deepEqual(contents[0], contents[1]);
  });
}

for (const ending of ['.onnx', '.pt', '.safetensors']) {
  test(`the parameters come back from ${ending} bit for bit`, async () => {
    const out = join(folder, `back${ending}`);
    assert.equal((await exported(RUN, '--out', out)).code, 0);
    const { tensors } = await readForeignModel(readFileSync(out), out, noBeside);
    const { parameters } = decodeCheckpoint(BYTES, 'given');
    assert.deepEqual([...tensors].sort(), [...parameters].sort());
  });
}

test('says what a file takes and gives, and how to try it', async () => {
  const printed = async (name: string, ...flags: string[]) =>
    (await exported(RUN, '--out', join(folder, name), ...flags)).out;
  assert.match(
    await printed('said.onnx'),
    /input inputs: float32 \[batch, .*\n {2}output logits: float32 \[batch, /,
  );
  assert.match(await printed('said.pt'), /Try next\n {2}python3 .*said\.py /);
  assert.match(await printed('said.html'), /Try next\n {2}open .*said\.html in a browser/);
  assert.match(await printed('said it.c', '--quantize'), /8-bit weights is [\d.]+ % of their size/);
  assert.match(
    await printed('said it.c'),
    /Try next\n {2}cc -std=c99 -O3 -DSAID_IT_MAIN -o .*'.*said it\.c' -lm\n/,
  );
  assert.match(
    await printed('plain', '--format', 'c'),
    /-DPLAIN_MAIN -o \S*plain_program -x c \S*plain -lm\n.*plain_program < /,
    'the program does not replace its source',
  );
});

test('every format says which pictures or sequences the network reads', async () => {
  const reads = (out: string) => /^ {2}(reads .*)$/m.exec(out)?.[1];
  for (const file of ['reads.onnx', 'reads-it.pt', 'reads.safetensors', 'reads.c', 'reads.html']) {
    assert.equal(reads((await exported(RUN, '--out', join(folder, file))).out), READS, file);
  }
  const strokes = await exported(STROKE_RUN, '--out', join(folder, 'reads-strokes.onnx'));
  assert.match(
    reads(strokes.out) ?? '',
    /^reads drawings as moves of a pen, as any number of steps of 4 values; \d+ classes$/,
  );
  const { out } = await exported(RUN, '--json', '--out', join(folder, 'reads-json.onnx'));
  assert.deepEqual(Object.keys(JSON.parse(out).input), [
    'of',
    'width',
    'height',
    'channels',
    'steps',
    'values',
    'classes',
  ]);
});

test('the Python file of another model file is not replaced: the new one has another name', async () => {
  const at = (name: string) => join(folder, name);
  const filesOf = async (out: string) =>
    JSON.parse((await exported(RUN, '--json', '--out', at(out))).out).files as string[];
  assert.deepEqual(await filesOf('both.pt'), [at('both.pt'), at('both.py')]);
  const before = readFileSync(at('both.py'), 'utf8');
  const files = [at('both.safetensors'), at('both_safetensors.py')];
  for (const _ of ['first', 'again']) assert.deepEqual(await filesOf('both.safetensors'), files);
  assert.equal(readFileSync(at('both.py'), 'utf8'), before);
  const text = readFileSync(files[1], 'utf8');
  assert.match(text, /with_name\("both\.safetensors"\)/);
  assert.match(text, /python both_safetensors\.py /);
  assert.deepEqual(await filesOf('both.pt'), [at('both.pt'), at('both.py')], 'the same export again');
  rmSync(at('both.pt'));
  assert.deepEqual(
    await filesOf('both.safetensors'),
    [at('both.safetensors'), at('both.py')],
    'both.pt is gone',
  );
});

test('a format must be named or told by the ending', async () => {
  assert.match((await exported(RUN)).err, /export: which format\? give --format, or --out .*onnx \(\.onnx\)/);
  const { code, err } = await exported(RUN, '--out', join(folder, 'model.bin'));
  assert.equal(code, 2);
  assert.match(err, /the ending of --out ".*model\.bin" names no format; give --format/);
});

test('flags of another format are refused, before anything is written', async () => {
  const out = join(folder, 'refused.c');
  for (const flag of [
    '--opset=13',
    '--probabilities',
    '--with-preprocessing',
    '--streaming',
    '--with-optimizer',
  ]) {
    const { code, err } = await exported(RUN, '--out', out, flag);
    assert.equal(code, 2);
    assert.match(
      err,
      new RegExp(`^scanstroke: export: ${flag.replace('=13', '')} has no effect on the format c; it is for`),
    );
  }
  assert.ok(!existsSync(out));
});

test('what the model cannot do is refused, and an older file stays', async () => {
  const out = join(folder, 'older.onnx');
  writeFileSync(out, 'older');
  for (const [run, ...flags] of [
    [RUN, '--streaming'],
    [RUN, '--opset', '12'],
    [RUN, '--opset', 'thirteen'],
    [STROKE_RUN, '--with-preprocessing'],
  ]) {
    const { code, err } = await exported(run, '--out', out, ...flags);
    assert.equal(code, 2, err);
    assert.match(err, /^scanstroke: export: .*\n$/);
  }
  assert.equal(readFileSync(out, 'utf8'), 'older');
});

test('a checkpoint is not replaced by the file for another tool', async () => {
  for (const [format, path] of [
    ['safetensors', join(RUN, 'best.safetensors')],
    ['safetensors', STROKE_RUN],
    ['onnx', STROKE_RUN],
  ]) {
    const before = readFileSync(path);
    const { code, err } = await exported(RUN, '--format', format, '--out', path);
    assert.equal(code, 2);
    assert.match(
      err,
      /^scanstroke: export: .*safetensors holds a network of scanstroke, .*give another --out\n$/,
    );
    assert.deepEqual(readFileSync(path), before);
  }
});

test("a Python file of the user's own is not replaced, a generated one is", async () => {
  const target = join(folder, 'python');
  mkdirSync(target);
  const out = join(target, 'digits.pt');
  assert.equal((await exported(RUN, '--out', out)).code, 0);
  assert.equal((await exported(RUN, '--out', out)).code, 0);
  writeFileSync(join(target, 'digits.py'), 'import mine\n');
  const before = readFileSync(out);
  writeFileSync(out, 'kept');
  const { code, err } = await exported(RUN, '--out', out);
  assert.equal(code, 2);
  assert.match(err, /digits\.py is there already, and was not written by scanstroke; rename it/);
  assert.equal(readFileSync(out, 'utf8'), 'kept');
  assert.ok(before.length > 4);
  assert.equal(readFileSync(join(target, 'digits.py'), 'utf8'), 'import mine\n');
});

test('a run without a training state has no optimiser to export', async () => {
  const { code, err } = await exported(STROKE_RUN, '--out', join(folder, 'x.pt'), '--with-optimizer');
  assert.equal(code, 2);
  assert.match(err, /^scanstroke: export: .*(optimi[sz]er|training).*\n$/);
});

test('--with-optimizer: the vectors, and the settings and rate that the run has come to', async () => {
  const images = join(folder, 'images');
  mkdirSync(images);
  writeSmallMnist(images, 60, 10);
  const trained = join(folder, 'trained');
  const settings = [
    '--num-epochs=3',
    '--batch-size=25',
    '--hidden-size=3',
    '--threads=1',
    '--chart-format=svg',
  ];
  const rates = ['--learning-rate=0.01', '--schedule=step', '--step-size=1', '--gamma=0.5', '--beta1=0.8'];
  const terminal = fakeTerminal();
  const train = ['train', '--data', images, '--saving-path', trained, ...settings, ...rates];
  assert.equal(await run(train, terminal), 0, terminal.err.text);
  const out = join(folder, 'trained.pth');
  const { code, err } = await exported(trained, '--out', out, '--with-optimizer');
  assert.equal(code, 0, err);
  assert.match(readFileSync(join(folder, 'trained.py'), 'utf8'), /trained\.pth/);
  const { optimizer, epoch } = await readForeignModel(readFileSync(out), out, noBeside);
  assert.equal(epoch, 3);
  assert.equal(optimizer?.settings.lr, 0.01 * 0.25); // of the last update: the training is over
  assert.deepEqual(optimizer?.settings.betas, [0.8, 0.999]);
  assert.equal(optimizer?.states[0].step, 6); // three epochs of two updates: 50 of 60 images are for training
  const last = decodeCheckpoint(readFileSync(join(trained, 'last.safetensors')), 'last');
  assert.deepEqual(
    optimizer?.states[0].vectors.get('exp_avg'),
    last.training?.optimizer.get('mean.lstm.weight_ih_l0'),
  );
});
