/** Protects the folder of a run: one training at a time writes it, and a fault of the disk leaves a run to take up. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { test } from 'node:test';
import { UserError } from 'scanstroke';
import { readMetrics } from '#src/runs/run-files.js';
import { lockRun } from '#src/runs/run-lock.js';
import { holdsRun } from '#src/runs/run-path.js';
import { smallConfig } from '../small-mnist.js';
import { train, trainedRuns } from './trained-runs.js';

const { at, data, checkpoint } = trainedRuns();

test('two runs that begin in one folder at once do not destroy each other', async () => {
  const config = smallConfig(data, at('shared'), { numEpochs: 1 });
  const ends = await Promise.allSettled([train(config), train(config)]);
  const [refused] = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
  assert.equal(ends.filter(({ status }) => status === 'fulfilled').length, 1);
  assert.match(
    String(refused),
    /^UserError: train: .*shared is in use by process \d+ \(on host .*; wait for it/,
  );
  assert.equal((await readMetrics(at('shared'))).length, 1);
});

test('a run goes on in another folder only while no training changes the first', async () => {
  await train(smallConfig(data, at('busy'), { numEpochs: 1 }));
  const elsewhere = { ...smallConfig(data, at('taken')), loadCp: at('busy/last.safetensors') };
  const lock = await lockRun(at('busy'));
  await assert.rejects(train(elsewhere), /^UserError: train: .*busy is in use by process/);
  assert.ok(!existsSync(at('taken')));
  const { events } = await train({ ...elsewhere, loadCp: at('busy/best.safetensors') });
  assert.equal(events.at(-1)?.type, 'done', 'its best weights may be used');
  await lock.release();
  await train({ ...elsewhere, savingPath: at('taken later') });
  assert.ok(!existsSync(at('busy/.lock')));
});

test('a training whose lock was taken over writes nothing more', async () => {
  const config = smallConfig(data, at('stolen'), { numEpochs: 3 });
  const files = () => ['best.safetensors', 'last.safetensors'].map((file) => checkpoint('stolen', file));
  let before: string[] = [];
  await assert.rejects(
    train(config, (event) => {
      if (event.type === 'epoch' && event.metrics.epoch === 1) {
        writeFileSync(at('stolen/.lock'), '{}');
        before = files();
      }
      return false;
    }),
    /^UserError: train: another process has taken .*stolen over while this training was suspended/,
  );
  assert.deepEqual(files(), before);
  assert.equal((await readMetrics(at('stolen'))).length, 1);
});

test('a run that goes on in another folder takes its best checkpoint along, but replaces no network there', async () => {
  await train(smallConfig(data, at('moved'), { numEpochs: 1 }));
  mkdirSync(at('elsewhere'));
  const best = at('elsewhere/best.safetensors');
  const other = readFileSync(at('moved/best.safetensors')).subarray(0, 5000);
  writeFileSync(best, other);
  const config = { ...smallConfig(data, at('elsewhere')), loadCp: at('moved/last.safetensors') };
  await assert.rejects(train(config), /elsewhere holds a network already \(best\.safetensors\)/);
  assert.deepEqual(readFileSync(best), other);
  rmSync(best);
  await train(config, ({ type }) => type === 'start');
  assert.equal(checkpoint('elsewhere', 'best.safetensors'), checkpoint('moved', 'best.safetensors'));
});

test('a disk that is full at any write gives one line, and the run can be taken up with the same bits', async (t) => {
  await train(smallConfig(data, at('enough')));
  const { rename } = fs;
  const full = Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'rename' });
  let writes = 0;
  for (let n = 1; ; n++) {
    const config = smallConfig(data, at(`full ${n}`));
    let count = 0;
    const mocked = t.mock.method(fs, 'rename', (from: string, to: string) =>
      ++count === n ? Promise.reject(full) : rename(from, to),
    );
    const failure = await train(config).catch((error: unknown) => error);
    mocked.mock.restore();
    if (!(failure instanceof Error)) break;
    writes = n;
    assert.ok(
      failure instanceof UserError && /: the disk is full; free/.test(failure.message),
      String(failure),
    );
    assert.ok(!existsSync(at(`full ${n}/.lock`)));
    const begun = holdsRun(at(`full ${n}`));
    assert.equal(begun, n > 2, 'a run that could not begin leaves nothing');
    await train(begun ? { ...config, loadCp: at(`full ${n}/last.safetensors`) } : config);
    assert.equal(checkpoint(`full ${n}`, 'best.safetensors'), checkpoint('enough', 'best.safetensors'));
    assert.equal((await readMetrics(at(`full ${n}`))).length, 2);
  }
  assert.equal(writes, 9, 'config, last; best, last, best of two epochs; summary');
});

test('a folder that cannot be written gives a UserError', async () => {
  writeFileSync(at('a-file'), '');
  const config = smallConfig(data, at('a-file/run'));
  await assert.rejects(train(config), (error) => error instanceof UserError && /a-file/.test(error.message));
  mkdirSync(at('vanishing'));
  const vanishing = smallConfig(data, at('vanishing'), { numEpochs: 2 });
  await assert.rejects(
    train(vanishing, (event) => {
      if (event.type === 'epoch') {
        rmSync(at('vanishing'), { recursive: true });
        writeFileSync(at('vanishing'), '');
      }
      return false;
    }),
    (error) => error instanceof UserError && /vanishing/.test(error.message),
  );
});
