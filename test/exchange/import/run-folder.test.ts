/**
 * Protects `scanstroke import`: the run folder that it writes works with every command, says what was assumed, and a
 * failure leaves nothing behind.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import { importModel } from '#src/exchange/import.js';
import { filesBeside } from '#src/exchange/read-beside.js';
import { readSafetensors, writeSafetensors } from '#src/formats/safetensors/safetensors.js';
import { SequenceClassifier } from '#src/model/classifier.js';
import { readCheckpoint } from '#src/runs/checkpoint/checkpoint-file.js';
import { lockRun } from '#src/runs/run-lock.js';
import { UserError } from '#src/user-error.js';
import { type Outcome, runHere } from '../../cli/commands/fake-run.js';
import { checkpointBytes, ROWS } from '../../recognize/checkpoint-bytes.js';
import { temporaryFolder, writeSmallMnist } from '../../train/small-mnist.js';
import { interopFile } from '../interop-files.js';
import { parametersOf, renamed } from './foreign-network.js';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const fixture = (name: string) =>
  fileURLToPath(new URL(`../../../../test/fixtures/interop/${name}`, import.meta.url));

async function succeed(...args: string[]): Promise<Outcome> {
  const outcome = await runHere(args);
  assert.equal(outcome.code, 0, outcome.stderr);
  return outcome;
}

async function refused(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runHere(args);
  assert.deepEqual([code, stdout], [2, ''], stderr);
  assert.match(stderr, /^scanstroke: \P{C}+\n$/u);
  return stderr;
}

/** A model for rows of pixels as a safetensors file of another program. */
function writeRows(path: string): void {
  const parameters = parametersOf({
    inputSize: 28,
    hiddenSize: 4,
    numClasses: 10,
    bidirectional: true,
    head: 'flatten',
    sequenceLength: 28,
  });
  writeFileSync(path, writeSafetensors(renamed(parameters, 'LSTM', 'fc')));
}

before(() => {
  writeRows(at('rows.safetensors'));
  mkdirSync(at('small'));
  writeSmallMnist(at('small'), 120, 30);
});

describe('files of PyTorch give the answers of PyTorch', () => {
  const io = (name: string) => readSafetensors(interopFile(`onnx/${name}.io.safetensors`)).tensors;
  const cases = [
    ...['state_dict', 'legacy', 'checkpoint', 'whole', 'script', 'trace'].map(
      (kind) => `last_uni.${kind}.pt`,
    ),
    ...['last_uni.pt2', 'last_bi.whole.pt', 'last_bi.script.pt'],
  ];
  for (const file of cases) {
    test(file, async () => {
      const tensors = io(`torch211-${file.split('.')[0]}`);
      const [input, output] = ['input', 'output'].map((name) => {
        const tensor = tensors.get(name);
        assert.ok(tensor?.data instanceof Float32Array);
        return { shape: tensor.shape, data: tensor.data };
      });
      const bytes = interopFile(`torch211/${file}`);
      const { model, parameters } = await importModel(bytes, { name: file, head: 'last' });
      const config = { ...model, sequenceLength: undefined };
      const classifier = new SequenceClassifier(config, new ReferenceBackend(), { parameters });
      const [batchSize, steps] = input.shape;
      const { logits } = await classifier.forward({ inputs: input.data, batchSize, steps });
      // Sums of float32 in another order. Measured: 2e-7.
      logits.forEach((logit, i) => {
        assert.ok(Math.abs(logit - output.data[i]) < 1e-6, `${i}: ${logit}`);
      });
    });
  }
});

describe('the run folder', () => {
  test('is scored, described, written as a page, imported again, and trained on', async () => {
    const run = at('rows');
    const data = ['--data', at('small')];
    const { stdout } = await succeed(
      'import',
      at('rows.safetensors'),
      '--out',
      run,
      ...data,
      '--classes',
      'a,b,c,d,e,f,g,h,i,j',
    );
    assert.match(stdout, /1 LSTM layer of 4, bidirectional, 28 values a step \(LSTM\)/);
    assert.match(stdout, /head flatten of 28 steps, then a linear layer with 10 outputs \(fc\)/);
    assert.match(stdout, /\(x\/255 − 0\.5\) \/ 0\.5 --pixel-mean, --pixel-std/);
    assert.deepEqual(readdirSync(run).sort(), ['best.safetensors', 'config.json', 'last.safetensors']);
    assert.equal(JSON.parse((await succeed('evaluate', run, '--json')).stdout).count, 30);
    const info = JSON.parse((await succeed('info', run, '--json')).stdout);
    assert.deepEqual([info.classes.join(''), info.epochs, info.summary], ['abcdefghij', 0, null]);
    await succeed('page', run, '--out', at('site'));
    await succeed('predict', run, `${at('small')}/t10k-images-idx3-ubyte:3`);

    const again = at('again');
    const { stdout: json } = await succeed('import', join(run, 'best.safetensors'), '--out', again, '--json');
    assert.deepEqual([JSON.parse(json).assumptions, JSON.parse(json).classes.length], [[], 10]);
    assert.deepEqual(
      readFileSync(join(again, 'best.safetensors')),
      readFileSync(join(run, 'best.safetensors')),
    );

    const { stderr } = await succeed(
      'train',
      '--load-cp',
      run,
      '--num-epochs',
      '1',
      '--chart-format',
      'none',
    );
    assert.doesNotMatch(stderr, /damaged|missing|lost/);
    assert.ok(existsSync(join(run, 'summary.json')));
    assert.equal((await succeed('info', run)).stdout.includes('in epoch 1 of 1'), true);
  });

  test('trains on with the mean and the deviation of its pixels', async () => {
    const run = at('normalised');
    const pixels = ['--pixel-mean', '0.1307', '--pixel-std', '0.3081'];
    await succeed('import', at('rows.safetensors'), '--out', run, '--data', at('small'), ...pixels);
    await succeed('train', '--load-cp', run, '--num-epochs', '1', '--chart-format', 'none');
    for (const file of ['best.safetensors', 'last.safetensors']) {
      const { preprocessing } = await readCheckpoint(join(run, file));
      assert.ok(preprocessing.kind === 'images');
      assert.deepEqual([preprocessing.mean, preprocessing.std], [0.1307, 0.3081]);
    }
  });

  test('has the settings and the state of the optimiser', async () => {
    const run = at('resumable');
    const file = fixture('torch211/last_uni.checkpoint.pt');
    const { stdout } = await succeed(
      'import',
      file,
      '--out',
      run,
      '--head',
      'last',
      '--dropout-rate',
      '0.3',
      '--json',
    );
    const value = JSON.parse(stdout);
    assert.deepEqual([value.out, value.epoch, value.optimizer.updates], [run, 7, 2]);
    assert.equal(value.format, 'a PyTorch checkpoint');
    const config = JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'));
    const { optimizer, learning_rate, max_norm, schedule, num_epochs, dropout_rate } = config;
    assert.deepEqual(
      { optimizer, learning_rate, max_norm, schedule, num_epochs, dropout_rate },
      {
        optimizer: 'adam',
        learning_rate: 1e-3,
        max_norm: null,
        schedule: 'constant',
        num_epochs: 17,
        dropout_rate: 0.3,
      },
    );
    const { training } = await readCheckpoint(join(run, 'last.safetensors'));
    assert.deepEqual([training?.state.epoch, training?.state.updates, training?.optimizer.size], [8, 2, 12]);
    assert.equal((await readCheckpoint(join(run, 'best.safetensors'))).training, undefined);
  });

  test('has the name of the file and the time, without --out', async () => {
    const path = process.cwd();
    process.chdir(folder);
    try {
      const { stdout } = await succeed('import', at('rows.safetensors'), '--json');
      assert.match(JSON.parse(stdout).out, /^runs\/rows-\d{8}-\d{6}$/);
    } finally {
      process.chdir(path);
    }
  });

  test('may be one of strokes, with a scale', async () => {
    const parameters = parametersOf({
      inputSize: 4,
      hiddenSize: 4,
      numClasses: 10,
      numLayers: 2,
      head: 'final',
    });
    writeFileSync(at('strokes.safetensors'), writeSafetensors(renamed(parameters, 'lstm', 'hidden2tag')));
    const run = at('strokes');
    const scale = ['--stroke-scale', '0.25', '--stroke-order', 'tour'];
    await succeed(
      'import',
      at('strokes.safetensors'),
      '--out',
      run,
      '--data',
      `strokes:${at('small')}`,
      ...scale,
    );
    await succeed('train', '--load-cp', run, '--num-epochs', '1', '--chart-format', 'none');
    const { preprocessing } = await readCheckpoint(join(run, 'last.safetensors'));
    assert.ok(preprocessing.kind === 'strokes');
    assert.equal(preprocessing.scale, 0.25);
  });
});

describe('a failure leaves nothing behind', () => {
  const untouched = () => (readdirSync(folder, { recursive: true }) as string[]).sort();

  const cases: [string, string[], RegExp][] = [
    [
      'a choice that is missing',
      [fixture('torch211/last_bi.whole.pt'), '--out', at('x/y')],
      /choose the head last or mean \(--head\)$/m,
    ],
    [
      'a picture',
      [at('rows.safetensors'), '--picture', '28', '--out', at('x')],
      /--picture must be height × width .*28x28, found "28"/,
    ],
    [
      'a setting out of range',
      [at('rows.safetensors'), '--pixel-std', '0', '--out', at('x')],
      /import: --pixel-std must be a number from/,
    ],
    ['a kind', [at('rows.safetensors'), '--kind', 'sounds', '--out', at('x')], /images, strokes/],
    [
      'a file of classes',
      [at('rows.safetensors'), '--classes', at('small'), '--out', at('x')],
      /the names of the classes, .* folder/,
    ],
    [
      'classes',
      [at('rows.safetensors'), '--classes', 'a,b', '--out', at('x')],
      /names of 2 classes.*\(--classes\)/,
    ],
    ['no model', [at('small/t10k-labels-idx1-ubyte'), '--out', at('x')], /expected a file of PyTorch's/],
  ];
  for (const [name, args, message] of cases) {
    test(name, async () => {
      const before = untouched();
      assert.match(await refused('import', ...args), message);
      assert.deepEqual(untouched(), before);
    });
  }

  test('a folder that holds a run, a checkpoint or a training is not touched', async () => {
    for (const [name, file] of [
      ['run', 'config.json'],
      ['seed', 'best.safetensors'],
    ]) {
      mkdirSync(at(name));
      writeFileSync(join(at(name), file), '{}');
      assert.match(
        await refused('import', at('rows.safetensors'), '--out', at(name)),
        /holds a run already.*\(--out\)/,
      );
      assert.deepEqual(readdirSync(at(name)), [file]);
    }
    const lock = await lockRun(at('training'));
    assert.match(await refused('import', at('rows.safetensors'), '--out', at('training')), /training/);
    assert.deepEqual(readdirSync(at('training')), ['.lock']);
    await lock.release();
  });

  test('a network that no run can have', async () => {
    const deep = parametersOf({ inputSize: 28, hiddenSize: 1, numLayers: 65, numClasses: 2, head: 'final' });
    writeFileSync(at('deep.safetensors'), writeSafetensors(deep));
    const message = await refused('import', at('deep.safetensors'), '--head', 'final', '--out', at('x'));
    assert.match(message, /import: --num-layers must be a whole number from 1 to 64, found 65/);
  });
});

describe('files beside the model', () => {
  const model = at('beside/model.onnx');
  before(() => {
    mkdirSync(at('beside/inner'), { recursive: true });
    writeFileSync(at('beside/values.bin'), 'values');
    writeFileSync(at('beside/inner/values.bin'), 'inner');
    writeFileSync(at('secret'), 'secret');
    symlinkSync(at('secret'), at('beside/link'));
    symlinkSync(folder, at('beside/out'));
    symlinkSync('values.bin', at('beside/alias'));
  });

  test('are read within its folder', () => {
    const read = filesBeside(model);
    const textOf = (name: string) => new TextDecoder().decode(read(name));
    assert.deepEqual(
      ['values.bin', './values.bin', 'inner/values.bin', 'inner/../values.bin', 'alias'].map(textOf),
      ['values', 'values', 'inner', 'values', 'values'],
    );
  });

  test('are not read outside of it', () => {
    const names = [
      '../secret',
      at('secret'),
      'link',
      'out/secret',
      'inner/../../secret',
      '..',
      '',
      '/',
      'inner/../..',
    ];
    for (const name of names) {
      assert.throws(
        () => filesBeside(model)(name),
        (error) => error instanceof UserError && error.message.includes('outside of its folder'),
        name,
      );
    }
  });

  test('must be files', () => {
    for (const name of ['inner', 'nowhere', '.', 'nul\0', `${'x'.repeat(300)}`]) {
      assert.throws(() => filesBeside(model)(name), UserError, name);
    }
  });

  test('an ONNX file with external data comes in', async () => {
    await succeed('import', fixture('onnx/external.onnx'), '--out', at('external'));
  });
});

test('a checkpoint of scanstroke comes back bit for bit', async () => {
  const bytes = checkpointBytes(ROWS);
  const { checkpoint, assumptions, notices } = await importModel(bytes);
  assert.deepEqual([checkpoint, assumptions, notices], [bytes, [], []]);
});
