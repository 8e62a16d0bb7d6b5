/**
 * Protects training on a table of pictures with a rare class: a CSV file becomes a network in seconds, the weights of the
 * classes change it, are the same for any number of threads, and are kept by a resume.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Random } from '#src/random.js';
import { runHere } from '../cli/commands/fake-run.js';
import { temporaryFolder } from '../train/small-mnist.js';

const cwd = temporaryFolder();
process.chdir(cwd);

/** 12 × 12 pictures of a horizontal or, for every eighth, a vertical bar. */
function barsTable(): string {
  const random = new Random(2);
  const lines = [`label,${Array.from({ length: 144 }, (_, n) => `pixel${n}`).join()}`];
  for (let n = 0; n < 240; n++) {
    const isRare = n % 8 === 0;
    const at = 3 + random.below(6);
    const pixels = Array.from({ length: 144 }, (_, i) =>
      (isRare ? i % 12 : Math.floor(i / 12)) === at ? 255 - random.below(60) : 0,
    );
    lines.push(`${isRare ? 'upright' : 'level'},${pixels.join()}`);
  }
  return lines.join('\n');
}

test('a CSV file with a rare class: weights of the classes', async () => {
  writeFileSync(join(cwd, 'bars.csv'), barsTable());
  const flags = ['--data', 'bars.csv', '--hidden-size', '8', '--batch-size', '40', '--chart-format', 'none'];
  const train = async (...more: string[]) => {
    const { code, stderr } = await runHere(['train', ...flags, ...more]);
    assert.equal(code, 0, stderr);
    return stderr;
  };
  const weighted = ['--class-weights', 'balanced', '--num-epochs', '2'];
  const advice = await train('--num-epochs', '2', '--threads', '1', '--saving-path', 'plain');
  assert.match(advice, /"level" has .* and "upright" \d+; --class-weights balanced/);
  await train(...weighted, '--threads', '1', '--saving-path', 'one');
  await train(...weighted, '--threads', '3', '--saving-path', 'three');
  const metrics = (run: string) =>
    readFileSync(join(cwd, run, 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).train_loss);
  assert.deepEqual(metrics('three'), metrics('one'));
  assert.notDeepEqual(metrics('plain'), metrics('one'));

  await train('--load-cp', 'one', '--saving-path', 'one', '--num-epochs', '3');
  assert.match(readFileSync(join(cwd, 'one/config.json'), 'utf8'), /"class_weights": "balanced"/);
  assert.equal(metrics('one').length, 3);
});
