/**
 * Protects networks that read edges from the command line on: a run is trained, resumed to the same bits, evaluated,
 * merged with one that reads columns, exported and imported; other networks do not merge with it.
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { readCheckpoint } from '#src/runs/checkpoint/checkpoint-file.js';
import { runHere } from '../cli/commands/fake-run.js';
import { temporaryFolder, writeSmallMnist } from '../train/small-mnist.js';

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);
const EDGES = ['--edges', '--sequence-length', '14', '--input-size', '168'];

async function succeed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runHere(args);
  assert.equal(code, 0, stderr);
  return stdout;
}

function train(name: string, epochs: number, ...flags: string[]): Promise<string> {
  const small = ['--data', at('small'), '--hidden-size', '4', '--threads', '1', '--chart-format', 'none'];
  const rate = ['--schedule', 'constant', '--num-epochs', String(epochs)];
  return succeed('train', '--preset', 'fast', ...small, ...rate, ...flags, '--saving-path', at(name));
}

before(async () => {
  mkdirSync(at('small'));
  writeSmallMnist(at('small'), 120, 30);
  await train('rows', 1, ...EDGES, '--augment-rotation', '10');
  await train('columns', 1, ...EDGES, '--scan', 'columns', '--seed-number', '1');
});

test('a resumed run has the bits of one that was not interrupted', async () => {
  await train('whole', 2, ...EDGES, '--augment-rotation', '10');
  await succeed('train', '--load-cp', at('rows'), '--num-epochs', '2', '--threads', '2');
  const [whole, resumed] = await Promise.all(
    ['whole', 'rows'].map((name) => readCheckpoint(at(name, 'last.safetensors'))),
  );
  assert.deepEqual(resumed.parameters, whole.parameters);
  assert.deepEqual(resumed.preprocessing, whole.preprocessing);
  assert.ok(resumed.preprocessing.kind === 'images' && resumed.preprocessing.edges);
});

test('rows and columns with edges are merged, evaluated and resumed; a network without edges is refused', async () => {
  await succeed('merge', at('rows'), at('columns'), '--saving-path', at('merged'));
  const { model, preprocessing } = await readCheckpoint(at('merged', 'best.safetensors'));
  assert.equal(model.inputSize, 336);
  assert.ok(preprocessing.kind === 'images');
  assert.deepEqual([preprocessing.scan, preprocessing.edges, preprocessing.inputSize], ['both', true, 336]);
  assert.equal(JSON.parse(await succeed('evaluate', at('merged'), '--json')).count, 30);
  await succeed(
    'train',
    '--load-cp',
    at('merged'),
    '--num-epochs',
    '1',
    '--saving-path',
    at('taught'),
    '--chart-format',
    'none',
  );
  assert.equal((await readCheckpoint(at('taught', 'best.safetensors'))).model.inputSize, 336);

  await train('plain', 1, '--sequence-length', '14', '--input-size', '56');
  const refused = await runHere(['merge', at('rows'), at('plain'), '--saving-path', at('none')]);
  assert.equal(refused.code, 2);
  assert.match(
    refused.stderr,
    /plain\S* does not fit \S*rows\S*: expected preprocessing with edges true, found none;/,
  );
});

test('an exported network comes back with its edges, and answers alike', async () => {
  await succeed('export', at('columns'), '--out', at('columns.onnx'));
  await succeed('import', at('columns.onnx'), '--out', at('imported'), '--data', at('small'));
  const [own, imported] = await Promise.all(
    ['columns', 'imported'].map(async (name) =>
      JSON.parse(await succeed('evaluate', at(name), '--data', at('small'), '--json')),
    ),
  );
  assert.deepEqual(imported.confusion_matrix, own.confusion_matrix);
});

test('steps of MNIST without edges are refused with those that fit', async () => {
  const { code, stderr } = await runHere([
    'train',
    '--data',
    at('small'),
    '--edges',
    '--saving-path',
    at('no'),
  ]);
  assert.equal(code, 2);
  assert.match(
    stderr,
    /have 784 pixels and 1568 edges; use 14 × 168; .*--sequence-length, --input-size|use 14 × 168/,
  );
});
