/** Small networks for the tests of the page, trained in a few seconds with the command line. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { scanstroke } from '../e2e/command.js';
import { temporaryFolder, writeSmallMnist } from '../train/small-mnist.js';

export interface TrainedRuns {
  /** Temporary folder; the runs are in its subfolder `runs`. */
  folder: string;
  /** Run folder of the network that reads images. */
  rows: string;
  /** Run folder of the network that reads strokes. */
  strokes: string;
  /** Folder of IDX files. */
  data: string;
}

/** Trains one network that reads images and one that reads strokes. */
export async function trainRuns({
  trainCount = 2400,
  testCount = 200,
  epochs = 4,
} = {}): Promise<TrainedRuns> {
  const folder = temporaryFolder();
  const data = join(folder, 'digits');
  mkdirSync(data);
  writeSmallMnist(data, trainCount, testCount);
  const [rows, strokes] = ['rows', 'strokes'].map((name) => join(folder, 'runs', name));
  const common = ['--num-epochs', String(epochs), '--chart-format', 'svg', '--batch-size', '32'];
  await train(['--data', data, '--hidden-size', '32', ...common, '--saving-path', rows]);
  await train([
    '--preset',
    'strokes',
    '--data',
    `strokes:${data}`,
    '--hidden-size',
    '24',
    '--num-layers',
    '1',
    ...common,
    '--saving-path',
    strokes,
  ]);
  return { folder, rows, strokes, data };
}

async function train(flags: string[]): Promise<void> {
  const { code, stderr } = await scanstroke(['train', ...flags]);
  assert.equal(code, 0, stderr);
}
