/** Where a run goes, and where a resumed one goes on. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { newRunFolder, refuseOldRun, resumePoint, seedFolder } from '#src/runs/run-path.js';
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

  it('a new one is named for preset and time, and never one that exists', () => {
    const now = new Date(2026, 10, 5, 9, 8, 7);
    assert.equal(newRunFolder('quick', now), join('runs', 'quick-20261105-090807'));
    mkdirSync('runs/quick-20261105-090807', { recursive: true });
    assert.equal(newRunFolder('quick', now), join('runs', 'quick-20261105-090807-2'));
    mkdirSync('runs/quick-20261105-090807-2');
    assert.equal(newRunFolder('quick', now), join('runs', 'quick-20261105-090807-3'));
    rmSync('runs', { recursive: true });
  });

  it('--load-cp alone finds no run where there is none', () => {
    assert.throws(() => resumePoint('last', null), /there is no run with a checkpoint in runs\//);
    assert.throws(() => resumePoint('last', 'runs/a'), /runs\/a does not exist/);
    mkdirSync('empty');
    assert.throws(() => resumePoint('last', 'empty'), /empty holds no run/);
    assert.throws(() => resumePoint('nowhere', null), UserError);
  });

  it('--load-cp alone takes the newest run, a seed of several included', () => {
    put('runs/old/last.safetensors', 1000);
    put('runs/new/last.safetensors', 3000);
    put('runs/other/last.safetensors', 2000);
    mkdirSync('runs/empty');
    put('runs/file', 9000);
    assert.deepEqual(resumePoint('last', null), {
      folder: 'runs/new',
      checkpoint: 'runs/new/last.safetensors',
    });
    put('runs/seeds/config.json', 0);
    put('runs/seeds/seed-4/last.safetensors', 4000);
    assert.equal(resumePoint('last', null).folder, 'runs/seeds');
    assert.equal(resumePoint('last', 'runs/old').folder, 'runs/old', 'or that of --saving-path');
  });

  it('--load-cp with a path takes that folder or that checkpoint, and --saving-path goes elsewhere', () => {
    assert.deepEqual(resumePoint('runs/old', null), {
      folder: 'runs/old',
      checkpoint: join('runs/old', 'last.safetensors'),
    });
    put('runs/old/best.safetensors', 1);
    assert.deepEqual(resumePoint('runs/old/best.safetensors', null), {
      folder: 'runs/old',
      checkpoint: 'runs/old/best.safetensors',
    });
    for (const from of ['runs/old', 'runs/old/best.safetensors']) {
      assert.equal(resumePoint(from, 'runs/copy').folder, 'runs/copy');
    }
  });

  it('a new run does not write over an old one', () => {
    refuseOldRun('runs/none');
    refuseOldRun('empty');
    assert.throws(() => refuseOldRun('runs/old'), /runs\/old holds a run already; use --load-cp to go on/);
    assert.throws(() => refuseOldRun('runs/seeds'), UserError, 'a folder of several seeds');
  });

  it('seeds have folders of their own', () => {
    assert.equal(seedFolder('runs/a', 12), join('runs/a', 'seed-12'));
  });
});
