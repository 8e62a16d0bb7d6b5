/** Protects `scanstroke train --seeds`: a run for each seed in its own folder, resumed without repeating finished ones. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { configure, seedRuns } from '#src/cli/arguments/configure.js';
import { type TrainFlags, train } from '#src/cli/commands/train/train-command.js';
import { writeSummary } from '#src/runs/run-files.js';
import type { RunSummary } from '#src/runs/run-folder.js';
import { lockRun } from '#src/runs/run-lock.js';
import type { TrainEvent } from '#src/train/events.js';
import { checkpointBytes, ROWS } from '../../recognize/checkpoint-bytes.js';
import { fakeTerminal, summaryOf } from './fake-run.js';
import { folder, run } from './fake-train.js';

describe('several seeds', () => {
  /** Writes what the end of a seed's run leaves. */
  async function finish(seed: number, changes: Partial<RunSummary> = {}): Promise<void> {
    const path = join(folder, `seed-${seed}`);
    await writeSummary(path, { ...summaryOf(seed), ...changes });
    writeFileSync(join(path, 'report.html'), '');
  }

  it('trains each in its own folder, and prints mean and deviation', async () => {
    const { code, configs, out, reported } = await run({ seeds: '3', seedNumber: '1' });
    assert.equal(code, 0);
    assert.deepEqual(
      configs.map(({ seedNumber, seeds, savingPath }) => [seedNumber, seeds, savingPath]),
      [1, 2, 3].map((seed) => [seed, 1, join(folder, `seed-${seed}`)]),
    );
    assert.equal(reported.length, 3);
    assert.match(out, /^ {2}seed 1 .*\n {2}seed 2 .*\n {2}seed 3 /m);
    assert.match(out, /test accuracy 97\.00 % ± 1\.00 %/); // 0.96, 0.97, 0.98
    assert.equal(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')).seeds, 3);
  });

  it('--json prints mean, deviation and the summaries', async () => {
    const { out } = await run({ seeds: '2', json: true });
    const value = JSON.parse(out);
    assert.deepEqual(value.seeds, [0, 1]);
    assert.ok(Math.abs(value.test_accuracy - 0.955) < 1e-9);
    assert.ok(Math.abs(value.test_accuracy_deviation - 0.01 / Math.SQRT2) < 1e-9);
    assert.equal(value.runs[1].seed, 1);
  });

  it('names the checkpoint of the interrupted seed, or how to continue if there is none', async () => {
    const { out } = await run({ seeds: '2', json: true }, 0);
    assert.equal(JSON.parse(out).checkpoint, join(folder, 'seed-0', 'last.safetensors'));
    async function* trainRun(
      _: unknown,
      { stop }: { stop: AbortSignal },
    ): AsyncGenerator<TrainEvent, undefined> {
      yield { type: 'loading', what: 'strokes from MNIST', done: 1, total: 2 };
      process.emit('SIGINT');
      stop.throwIfAborted();
    }
    const terminal = fakeTerminal();
    const other = `${folder}-other`;
    const parts = { configure, seedRuns, trainRun, report: async () => {} };
    assert.equal(await train({ savingPath: other, seeds: '2', json: true }, terminal, parts), 130);
    assert.deepEqual(JSON.parse(terminal.out.text), {
      stopped_by: 'interrupted',
      folder: other,
      checkpoint: null,
    });
    assert.match(terminal.err.text, /continue with: npx scanstroke train --load-cp .*-other\n$/);
    assert.equal((await run({ loadCp: other, savingPath: undefined })).code, 0);
  });

  it('continues with the interrupted seed, and does not repeat finished seeds', async () => {
    const first = await run({ seeds: '3' }, 3);
    assert.equal(first.code, 130);
    assert.ok(!existsSync(join(folder, 'seed-1')));
    rmSync(join(folder, 'seed-0', 'last.safetensors'));
    await finish(0);
    const { code, configs, out } = await run({ loadCp: folder });
    assert.equal(code, 0);
    assert.deepEqual(
      configs.map(({ seedNumber, loadCp }) => [seedNumber, loadCp]),
      [
        [1, null],
        [2, null],
      ],
    );
    assert.match(out, /test accuracy 96\.00 % ± 1\.00 %/);
  });

  it('goes on neither with one run as several, nor with several as one: all would begin anew', async () => {
    await run({ seeds: '2' }, 3);
    const files = () => readdirSync(folder, { recursive: true }).sort();
    const before = files();
    for (const savingPath of [undefined, `${folder}-copy`]) {
      await assert.rejects(
        run({ loadCp: folder, seeds: '1', savingPath }),
        /^UserError: train: .* holds the runs of several seeds; go on with all of them, or name one, .*seed-0$/,
      );
    }
    const one = join(folder, 'seed-0');
    writeFileSync(join(one, 'last.safetensors'), checkpointBytes(ROWS));
    for (const loadCp of [one, join(one, 'last.safetensors')]) {
      await assert.rejects(
        run({ loadCp, seeds: '2', savingPath: undefined }),
        /^UserError: train: .*last\.safetensors is of one run, which cannot go on as 2 runs; go on with one/,
      );
    }
    assert.deepEqual([files(), existsSync(`${folder}-copy`)], [before, false]);
  });

  it('writes the report of a seed that was killed before its report was whole, or whose summary is damaged', async () => {
    await run({ seeds: '3' });
    for (const seed of [0, 1, 2]) await finish(seed);
    rmSync(join(folder, 'seed-0', 'report.html'));
    writeFileSync(join(folder, 'seed-1', 'summary.json'), '{');
    const { code, reported } = await run({ loadCp: folder });
    assert.deepEqual([code, reported], [0, ['done 0', 'done 1']]);
  });

  it('removes the lock of a seed that was killed after its report, but not that of a live training', async () => {
    await run({ seeds: '2' });
    await finish(0);
    await finish(1);
    const lock = join(folder, 'seed-0', '.lock');
    const other = await lockRun(join(folder, 'seed-1'));
    copyFileSync(join(folder, 'seed-1', '.lock'), lock); // The lock of another folder counts as dead.
    await other.release();
    await run({ loadCp: folder });
    assert.ok(!existsSync(lock));
    const held = await lockRun(join(folder, 'seed-0'));
    await assert.rejects(run({ loadCp: folder }), /seed-0 is in use by process/);
    await held.release();
  });

  it('trains finished seeds on if more epochs are asked for, except those that stopped for another reason', async () => {
    await run({ seeds: '3', numEpochs: '4' });
    const end = { epochs: 4, bestEpoch: 4, bestValAccuracy: 0.9 };
    await finish(0, end);
    await finish(1, { ...end, bestEpoch: 1 });
    await finish(2, { ...end, bestValAccuracy: 0.95 });
    const trained = async (flags: TrainFlags) =>
      (await run({ loadCp: folder, ...flags })).configs.map(({ seedNumber, loadCp }) => {
        assert.equal(loadCp, join(folder, `seed-${seedNumber}`, 'last.safetensors'));
        return seedNumber;
      });
    assert.deepEqual(await trained({}), []);
    assert.deepEqual(await trained({ patience: '3', numEpochs: '6' }), [0, 2]);
    assert.deepEqual(await trained({ patience: 'none', targetAccuracy: '0.95', numEpochs: '6' }), [0, 1]);
    assert.deepEqual(await trained({ targetAccuracy: 'none', numEpochs: '6' }), [0, 1, 2]);
  });

  it('takes finished seeds up again with other data or another network, and keeps no options that they refuse', async () => {
    await run({ seeds: '2', hiddenSize: '8' });
    for (const seed of [0, 1]) await finish(seed);
    const common = () => JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
    const again = async (flags: TrainFlags) =>
      (await run({ loadCp: folder, ...flags })).configs.map(({ seedNumber }) => seedNumber);
    assert.deepEqual(await again({ threads: '2', learningRate: '0.1' }), []);
    assert.equal(common().threads, 2);
    // A training keeps the steps that fit its data in its own config.json.
    const own = { ...common(), sequence_length: 8, input_size: 8 };
    for (const seed of [0, 1]) {
      writeFileSync(join(folder, `seed-${seed}`, 'config.json'), JSON.stringify(own));
    }
    assert.deepEqual(await again({}), []);
    assert.deepEqual(await again({ sequenceLength: '14', inputSize: '56' }), [0, 1]);
    assert.deepEqual(await again({ sequenceLength: '28', inputSize: '28', data: 'elsewhere' }), [0, 1]);
    const before = common();
    const refused = new Error('another architecture');
    async function* trainRun(): AsyncGenerator<TrainEvent, undefined> {
      yield { type: 'loading', what: 'pictures', done: 1, total: 2 };
      throw refused;
    }
    const parts = { configure, seedRuns, trainRun, report: async () => {} };
    await assert.rejects(train({ loadCp: folder, hiddenSize: '16' }, fakeTerminal(), parts), refused);
    assert.deepEqual(common(), before);
  });

  it('continues in the folder of --saving-path, each seed from its own checkpoint', async () => {
    await run({ seeds: '2' });
    await finish(0);
    const copy = `${folder}-copy`;
    const { configs } = await run({ loadCp: folder, savingPath: copy });
    assert.deepEqual(
      configs.map(({ savingPath, loadCp }) => [savingPath, loadCp]),
      [0, 1].map((seed) => [join(copy, `seed-${seed}`), join(folder, `seed-${seed}`, 'last.safetensors')]),
    );
    await assert.rejects(run({ loadCp: folder, savingPath: copy }), /holds a run already/);
  });
});
