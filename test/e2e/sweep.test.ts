/**
 * Protects `scanstroke sweep` as users run it: trials in processes of their own, a sweep whose process is killed, parts
 * by --only, and what the folder holds at the end.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runHolder } from '#src/runs/run-lock.js';
import { temporaryFolder, writeSmallMnist } from '../train/small-mnist.js';
import { type Outcome, scanstroke } from './command.js';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const SMALL = ['--data', at('data'), '--threads', '1', '--chart-format', 'none', '--head', 'last'];
const sweep = (...args: string[]) => scanstroke(['sweep', ...args]);
const weights = (run: string) => readFileSync(join(at(run), 'best.safetensors')).toString('base64');

async function succeed(running: Promise<Outcome>): Promise<Outcome> {
  const outcome = await running;
  assert.equal(outcome.code, 0, outcome.stderr);
  return outcome;
}

before(() => {
  mkdirSync(at('data'));
  writeSmallMnist(at('data'), 240, 40);
});

test('a sweep that is killed ends its trials, and goes on by the same command with the same bits', async () => {
  const flags = [...SMALL, '--hidden-size', '3,5', '--num-epochs', '40', '--jobs', '2'];
  const command = [...flags, '--saving-path', at('sweep')];
  let killed = false;
  const watched = sweep(...command);
  const first = scanstroke(['sweep', ...command.slice(0, -1), at('killed')], {
    onStart: async (child) => {
      const metrics = join(at('killed'), 'trial-001', 'metrics.jsonl');
      while (child.exitCode === null && !(existsSync(metrics) && statSync(metrics).size > 0)) await sleep(5);
      killed = child.kill('SIGKILL');
    },
  });
  await succeed(watched);
  assert.equal((await first).signal, 'SIGKILL');
  assert.ok(killed);
  for (const trial of ['trial-001', 'trial-002']) {
    for (let n = 0; (await runHolder(join(at('killed'), trial))) !== null; n++) {
      assert.ok(n < 1000, `${trial} trains on without its sweep`);
      await sleep(10);
    }
  }
  const { stdout } = await succeed(sweep('--load-cp', at('killed'), '--json'));
  const results = JSON.parse(stdout);
  assert.deepEqual(
    results.trials.map(({ state }: { state: string }) => state),
    ['finished', 'finished'],
  );
  assert.deepEqual(JSON.parse(readFileSync(join(at('killed'), 'results.json'), 'utf8')), results);
  for (const trial of ['trial-001', 'trial-002'])
    assert.equal(weights(`killed/${trial}`), weights(`sweep/${trial}`));
  const names = ['report.html', 'results.json', 'sweep.json', 'trial-001', 'trial-002'];
  assert.deepEqual(readdirSync(at('sweep')).sort(), names);
  assert.match(readFileSync(join(at('sweep'), 'report.html'), 'utf8'), /trial-002\/report\.html/);
  assert.match(readFileSync(join(at('sweep'), 'trial-001', 'train.log'), 'utf8'), /40 epochs of \d+ updates/);
});

test('parts by --only make the same sweep; failures leave nothing behind', async () => {
  const parts = [...SMALL, '--hidden-size', '3,5', '--num-epochs', '1', '--saving-path', at('parts')];
  assert.match((await succeed(sweep(...parts, '--list'))).stdout, /^trial +hidden-size\n +1 +3\n +2 +5\n$/);
  assert.match(
    (await succeed(sweep(...parts, '--list', '--only', '2'))).stdout,
    /^trial +hidden-size\n +2 +5\n$/,
  );
  assert.ok(!existsSync(at('parts')));
  await Promise.all(['1', '2'].map((number) => succeed(sweep(...parts, '--only', number))));
  const { stdout, stderr } = await succeed(sweep('--load-cp', at('parts')));
  assert.match(stdout, /Best: trial \d of 2/);
  assert.match(stderr, /\n +1 +3 .*\n +2 +5 /);
  const elsewhere = await sweep('--load-cp', at('parts'), '--saving-path', at('elsewhere'));
  assert.equal(elsewhere.code, 2);
  assert.match(elsewhere.stderr, /--saving-path has no effect with --load-cp/);
  const other = await sweep(...parts.slice(0, -2), '--max-norm', '2', '--saving-path', at('parts'));
  assert.match(other.stderr, /holds another sweep \(its other options differ\)/);

  const [broken, ...rest] = ['--data', at('nowhere'), '--hidden-size', '3,5', '--saving-path', at('broken')];
  const failed = await sweep(broken, ...rest);
  assert.equal(failed.code, 2);
  assert.match(failed.stderr, /cannot read the data folder .*nowhere: it does not exist/);
  assert.ok(!existsSync(at('broken')));
});
