/** Protects the folder of a new run, and the choice of run and checkpoint for a path. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { originOf, writeOrigin } from '#src/runs/run-origin.js';
import {
  continuesIn,
  findCheckpoint,
  isSameFolder,
  newRunFolder,
  prepareRunFolder,
  refuseOldRun,
  removeUnusedFolder,
  seedFolder,
} from '#src/runs/run-path.js';
import { isShipped, SHIPPED_MODELS, shippedFolder } from '#src/runs/shipped-models.js';
import { UserError } from '#src/user-error.js';

describe('run folders', () => {
  const start = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), 'scanstroke-runs-'));
  before(() => process.chdir(folder));
  after(() => {
    process.chdir(start);
    rmSync(folder, { recursive: true });
  });
  const put = (path: string, seconds: number) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, '');
    utimesSync(path, seconds, seconds);
  };

  it('a new one is named for preset and time, and made at once: no other run takes it', () => {
    const now = new Date(2026, 10, 5, 9, 8, 7);
    for (const end of ['', '-2', '-3']) {
      const path = newRunFolder('quick', now);
      assert.equal(path, join('runs', `quick-20261105-090807${end}`));
      assert.ok(existsSync(path));
    }
    rmSync('runs', { recursive: true });
  });

  it('a run is in one folder, also if a link names it', () => {
    mkdirSync('linked');
    symlinkSync('linked', 'link');
    assert.ok(continuesIn('link', join('linked', 'last.safetensors')));
    assert.ok(!continuesIn('link', join('runs', 'last.safetensors')));
    assert.ok(!isSameFolder('missing', 'other'));
    for (const path of ['link', 'linked']) rmSync(path, { recursive: true });
  });

  it('a new one is removed if nothing was written, and no other folder is', () => {
    const [unused, used] = ['unused', 'used'].map((preset) => newRunFolder(preset, new Date()));
    put(join(used, 'config.json'), 1);
    mkdirSync('runs/mine');
    for (const path of [unused, used, 'runs/mine', 'runs/none']) removeUnusedFolder(path);
    assert.deepEqual(readdirSync('runs').sort(), ['mine', used.slice('runs/'.length)]);
    rmSync('runs', { recursive: true });
  });

  const look = (path: string) => findCheckpoint('info', path, 'look');
  const resume = (path: string) => findCheckpoint('train: --load-cp', path, 'resume');
  const use = (path: string) => findCheckpoint('predict', path, 'use');

  it('without a run, the error names the operation', () => {
    assert.throws(
      () => resume('last'),
      new UserError(
        'train: --load-cp: there is no run with a checkpoint in runs/; name a run folder or a checkpoint',
      ),
    );
    assert.throws(() => use('last'), /^UserError: predict: there is no run with a checkpoint in runs\//);
    for (const find of [resume, use]) {
      assert.throws(
        () => find('runs/a'),
        /^UserError: (predict|train: --load-cp): runs\/a does not exist; give/,
      );
    }
    mkdirSync('empty');
    assert.throws(() => resume('empty'), /empty holds no run \(neither config\.json nor last\.safetensors\)/);
    assert.throws(() => use('empty'), /empty holds no checkpoint \(neither best\.safetensors nor last/);
  });

  it('of a folder of runs, the error names the runs', () => {
    mkdirSync('many/c', { recursive: true });
    put('many/a/best.safetensors', 1000);
    assert.throws(() => use('many'), /predict: many holds 1 run, and is none; name it: many\/a$/);
    writeFileSync('many/a/summary.json', '{ "preset": "mnist-lstm", "test_accuracy": 0.98912 }');
    put('many/b/best.safetensors', 2000);
    writeFileSync('many/b/summary.json', '{ "test_accuracy": "high" }');
    const message =
      /many holds 2 runs, not one; name one of them: (many\/b, )?many\/a \(mnist-lstm, 98\.9 %\)(, many\/b)?$/;
    assert.throws(() => use('many'), message);
    assert.throws(() => look('many'), message);
    assert.throws(() => resume('many'), message);
  });

  it('last is the newest run, also if it is one of several seeds', () => {
    put('runs/old/last.safetensors', 1000);
    put('runs/new/last.safetensors', 3000);
    put('runs/other/last.safetensors', 2000);
    mkdirSync('runs/empty');
    put('runs/file', 9000);
    const found = { folder: 'runs/new', checkpoint: 'runs/new/last.safetensors' };
    assert.deepEqual(resume('last'), found);
    assert.deepEqual(look('last'), found);
    put('runs/seeds/config.json', 0);
    writeFileSync('runs/seeds/config.json', '{}');
    put('runs/seeds/seed-10/last.safetensors', 3500);
    put('runs/seeds/seed-4/last.safetensors', 4000);
    assert.equal(resume('last').folder, 'runs/seeds');
  });

  it('digits and digit-strokes are the networks of the package, unless there is a path of that name', () => {
    for (const name of SHIPPED_MODELS) {
      const found = {
        folder: shippedFolder(name),
        checkpoint: join(shippedFolder(name), 'best.safetensors'),
      };
      assert.ok(existsSync(found.checkpoint));
      for (const find of [look, use, resume]) assert.deepEqual(find(name), found, name);
      // By its path, too, a new run begins from the best checkpoint: nothing is written to the folder.
      assert.deepEqual(resume(found.folder), found);
    }
    mkdirSync('digits');
    assert.throws(
      () => use('digits'),
      /digits holds no checkpoint .*; the package's network .* is in \/.*digits$/,
    );
    put('digits/best.safetensors', 1);
    assert.equal(use('digits').folder, 'digits');
    rmSync('digits', { recursive: true });
  });

  it('nothing is written among the networks of the package, also by way of a link', async () => {
    symlinkSync(dirname(shippedFolder('digits')), 'linked');
    for (const folder of [shippedFolder('digits'), 'linked/digits', 'linked/new/run']) {
      await assert.rejects(
        prepareRunFolder(folder, null),
        /is part of the package, and nothing is written there/,
      );
    }
    assert.equal(isShipped('runs'), false);
    assert.equal(isShipped(`${shippedFolder('digits')}/../../models-of-mine`), false);
    rmSync('linked');
  });

  it('a folder means this run, a file this checkpoint', () => {
    assert.deepEqual(resume('runs/old'), {
      folder: 'runs/old',
      checkpoint: join('runs/old', 'last.safetensors'),
    });
    put('runs/old/best.safetensors', 1);
    for (const find of [resume, use]) {
      assert.deepEqual(find('runs/old/best.safetensors'), {
        folder: 'runs/old',
        checkpoint: 'runs/old/best.safetensors',
      });
    }
  });

  it('use needs the best checkpoint; show falls back to the last one; resume needs the last one', () => {
    put('runs/half/last.safetensors', 1);
    assert.equal(look('runs/half').checkpoint, join('runs/half', 'last.safetensors'));
    assert.throws(
      () => use('runs/half'),
      /runs\/half has no best.safetensors, because its first epoch has not ended/,
    );
    put('runs/half/best.safetensors', 1);
    assert.equal(use('runs/half').checkpoint, join('runs/half', 'best.safetensors'));
    assert.equal(resume('runs/half').checkpoint, join('runs/half', 'last.safetensors'));
    put('runs/begun/config.json', 1);
    writeFileSync('runs/begun/config.json', '{}');
    assert.equal(resume('runs/begun').checkpoint, join('runs/begun', 'last.safetensors'), 'need not exist');
  });

  it('of several seeds, one must be named to be used; all together can be resumed', () => {
    assert.throws(
      () => use('runs/seeds'),
      new UserError(
        `predict: runs/seeds holds the runs of several seeds; name one of them, such as ${join('runs/seeds', 'seed-4')}`,
      ),
    );
    assert.equal(resume('runs/seeds').folder, 'runs/seeds');
    assert.equal(look('runs/seeds/seed-4').folder, 'runs/seeds/seed-4');
  });

  it('a new run does not overwrite an old one', async () => {
    await refuseOldRun('runs/none', null);
    await refuseOldRun('empty', null);
    await assert.rejects(refuseOldRun('runs/old', null), /runs\/old holds a run already; resume that run/);
    await assert.rejects(refuseOldRun('runs/seeds', null), UserError, 'a folder of several seeds');
    put('networks/best.safetensors', 1);
    await assert.rejects(
      refuseOldRun('networks', null),
      /networks holds a network already \(best\.safetensors\), which a new run would replace/,
    );
  });

  it('a run that was killed as it began from another one may begin again from the same checkpoint', async () => {
    put('runs/begins/config.json', 1);
    writeFileSync('runs/begins/config.json', '{}');
    await writeOrigin('runs/begins', 'runs/old/last.safetensors');
    await refuseOldRun('runs/begins', 'runs/old/last.safetensors');
    for (const other of [null, 'runs/new/last.safetensors'])
      await assert.rejects(refuseOldRun('runs/begins', other), /runs\/begins holds a run already/);
    assert.equal(await originOf('runs/begins'), resolve('runs/old/last.safetensors'));
    put('runs/begins/last.safetensors', 1);
    assert.equal(await originOf('runs/begins'), null, 'it has begun');
  });

  it('an empty configuration, which an older version left when it was killed, is no run', async () => {
    put('runs/claimed/config.json', 1);
    await refuseOldRun('runs/claimed', null);
    assert.throws(
      () => resume('runs/claimed'),
      /runs\/claimed holds no run \(config\.json is empty: a run was killed as it began\); begin a new run/,
    );
  });

  it('each seed has a folder', () => {
    assert.equal(seedFolder('runs/a', 12), join('runs/a', 'seed-12'));
  });
});
