/** Protects `scanstroke train --load-cp`: which configuration, checkpoint and folder a run goes on with. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { configure, seedRuns } from '#src/cli/arguments/configure.js';
import { train } from '#src/cli/commands/train/train-command.js';
import { configToDisk, resolveConfig } from '#src/train/config/run-config.js';
import { checkpointBytes, ROWS } from '../../recognize/checkpoint-bytes.js';
import { fakeTerminal, fakeTraining } from './fake-run.js';
import { folder, root, run } from './fake-train.js';

/** Writes config.json as trainRun does. */
function writeConfig(path: string, flags: Record<string, unknown>): void {
  writeFileSync(join(path, 'config.json'), JSON.stringify(configToDisk(resolveConfig({ flags }))));
}

describe('resuming', () => {
  it('uses the saved configuration, and flags override it', async () => {
    await run({}, 3);
    writeConfig(folder, { hiddenSize: 48, numEpochs: 7 });
    await assert.rejects(run({}), /holds a run already; resume that run, or choose another folder/);
    const { configs, code } = await run({ loadCp: true, numEpochs: '9' });
    assert.equal(code, 0);
    const [{ hiddenSize, numEpochs, loadCp, savingPath }] = configs;
    assert.deepEqual([hiddenSize, numEpochs], [48, 9]);
    assert.deepEqual([loadCp, savingPath], [join(folder, 'last.safetensors'), folder]);
  });

  it('uses the preset if one is named', async () => {
    await run({}, 3);
    writeConfig(folder, { hiddenSize: 48 });
    const { configs } = await run({ loadCp: true, preset: 'mnist-lstm' });
    assert.equal(configs[0].hiddenSize, 256);
  });

  it('continues in the folder of --saving-path', async () => {
    await run({}, 3);
    writeConfig(folder, { hiddenSize: 48 });
    const { configs } = await run({ loadCp: folder, savingPath: `${folder}-copy` });
    assert.deepEqual(
      [configs[0].savingPath, configs[0].loadCp, configs[0].hiddenSize],
      [`${folder}-copy`, join(folder, 'last.safetensors'), 48],
    );
  });

  it('begins a new run from the weights of a best checkpoint, and leaves the old run alone', async () => {
    await run({}, 3);
    const best = join(folder, 'best.safetensors');
    writeFileSync(best, checkpointBytes(ROWS));
    const { configs } = await run({ loadCp: best, savingPath: `${folder}-pupil` });
    assert.equal(configs[0].savingPath, `${folder}-pupil`);
    await assert.rejects(run({ loadCp: best, savingPath: folder }), /holds a run already/);
    const parts = { ...fakeTraining(), configure, seedRuns, report: async () => {} };
    const before = process.cwd();
    process.chdir(root);
    try {
      await train({ loadCp: best }, fakeTerminal(), parts);
    } finally {
      process.chdir(before);
    }
    assert.match(parts.configs[0].savingPath ?? '', /^runs\/quick-\d{8}-\d{6}$/);
  });

  it('refuses a folder that holds another run', async () => {
    const other = `${folder}-other`;
    await run({}, 3);
    await run({ savingPath: other });
    await assert.rejects(
      run({ loadCp: folder, savingPath: other }),
      /^UserError: train: .*-other holds a run already; resume that run, or choose another folder$/,
    );
    const { configs } = await run({
      loadCp: folder,
      savingPath: join(other, '..', 'other', '..', folder.slice(root.length + 1)),
    });
    assert.equal(configs.length, 1, 'the same folder by another path');
  });
});
