/** Protects `scanstroke train`: output, exit codes, resuming and seeds, with a training that only emits events. */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { type TrainFlags, train } from '#src/cli/commands/train-command.js';
import { dataTitle } from '#src/cli/commands/train-parts.js';
import { configure, seedRuns } from '#src/cli/configure.js';
import { snakeCaseKeys } from '#src/formats/key-case.js';
import { writeSummary } from '#src/runs/run-files.js';
import type { RunSummary } from '#src/runs/run-folder.js';
import { lockRun } from '#src/runs/run-lock.js';
import { configToDisk, resolveConfig } from '#src/train/config/run-config.js';
import type { TrainEvent } from '#src/train/events.js';
import { UserError } from '#src/user-error.js';
import { checkpointBytes, ROWS } from '../recognize/checkpoint-bytes.js';
import { fakeTerminal, fakeTraining, summaryOf } from './fake-run.js';

const root = mkdtempSync(join(tmpdir(), 'scanstroke-train-'));
after(() => rmSync(root, { recursive: true }));
let folder: string;
let count = 0;
beforeEach(() => {
  folder = join(root, `run-${count++}`);
});

async function run(flags: TrainFlags, stopAfter?: number, changes?: Partial<RunSummary>) {
  const terminal = fakeTerminal();
  const { trainRun, configs } = fakeTraining(stopAfter, changes);
  const reported: string[] = [];
  const report = async (_: unknown, summary: { seed: number }, end: string) => {
    reported.push(`${end} ${summary.seed}`);
  };
  const code = await train({ savingPath: folder, ...flags }, terminal, {
    configure,
    seedRuns,
    trainRun,
    report,
  });
  return { code, configs, reported, out: terminal.out.text, err: terminal.err.text };
}

/** Writes config.json as trainRun does. */
function writeConfig(path: string, flags: Record<string, unknown>): void {
  writeFileSync(join(path, 'config.json'), JSON.stringify(configToDisk(resolveConfig({ flags }))));
}

describe('one run', () => {
  it('prints scores, speed, files and next commands to standard output', async () => {
    const { code, out, err, reported } = await run({ freqOutputTrain: '2' });
    assert.equal(code, 0);
    assert.deepEqual(reported, ['done 0']);
    const { testScore, confusionMatrix } = summaryOf(0);
    assert.match(out, new RegExp(`\n  test +${testScore.correct}/1000 = ${testScore.correct / 10}`));
    for (const part of ['training', 'validation'])
      assert.match(out, new RegExp(`\n  ${part} +\\d+/\\d+ = \\d+\\.\\d\\d %`));
    assert.equal(
      out.match(/^ {2}\d +\d+\.\d\d % /gm)?.length,
      confusionMatrix.length,
      'a recall for each class',
    );
    assert.ok(!/reverse|image|energy/.test(out));
    assert.match(out, /samples\/s, 118\.2 GFLOP\/s, peak memory 412 MB/);
    assert.ok(out.includes(join(folder, 'report.html')) && out.includes(join(folder, 'charts')));
    assert.ok(out.includes(`npx scanstroke evaluate ${folder}\n`));
    assert.ok(out.includes('npx scanstroke train --preset mnist-lstm\n'));
    assert.equal(err.match(/^epoch \d\/2 update \d\/4: /gm)?.length, 4, 'progress on standard error');
  });

  it('prints the energy where it was measured', async () => {
    const { out } = await run({}, undefined, { energyJoules: 1234.5, totalSeconds: 50 });
    assert.match(out, /\n {2}energy of processors and memory 1,235 J, 24\.7 W on average\n/);
  });

  it("suggests for data of one's own what fits them, not the presets of MNIST", async () => {
    const { out } = await run({ data: 'my-pictures' });
    assert.doesNotMatch(out, /mnist-lstm/);
    assert.match(out, /\n {2}npx scanstroke train --config .*config\.json'? --seed-number 1\n/);
    assert.ok(out.includes(`npx scanstroke predict ${folder} FILE\n`));
    const few = { trainScore: { correct: 20, count: 60 } };
    const small = await run({ data: 'my-pictures', savingPath: `${folder}-few` }, undefined, few);
    assert.match(small.out, /config\.json'? --batch-size 4 --num-epochs 30\n/);
  });

  it('prints for strokes the scores of reversed and reordered drawings, with the difference', async () => {
    const strokes = {
      testScore: { correct: 9764, count: 10_000 },
      reversedScore: { correct: 9752, count: 10_000 },
      reorderedScore: { correct: 9770, count: 10_000 },
    };
    const { out } = await run({}, undefined, strokes);
    assert.ok(
      out.includes(
        '  test                       9764/10000 = 97.64 %\n' +
          '  drawn in reverse           9752/10000 = 97.52 %  −0.12 points\n' +
          '  strokes in reverse order   9770/10000 = 97.70 %  +0.06 points\n',
      ),
      out,
    );
    const { out: json } = await run({ json: true, savingPath: `${folder}-json` }, undefined, strokes);
    assert.deepEqual(JSON.parse(json).reversed_score, { correct: 9752, count: 10_000 });
    const { out: seeds } = await run({ seeds: '2', savingPath: `${folder}-seeds` }, undefined, strokes);
    assert.match(
      seeds,
      /\n {2}drawn in reverse 97\.52 % ± 0\.00 %\n {2}strokes in reverse order 97\.70 % ± 0\.00 %\n/,
    );
  });

  it('says when the training loss is above that of guessing, as after a divergence without infinite values', async () => {
    const twoClasses = { classes: ['a', 'b'] };
    const { code, err } = await run({}, undefined, twoClasses);
    assert.equal(code, 0);
    const message =
      /^the training loss of the last epoch, (.*), is above that of guessing, 0\.69; use a lower --lear/m;
    assert.doesNotMatch(err, message);
    const single = await run({ savingPath: `${folder}-one` }, undefined, { classes: ['a'] });
    assert.match(
      single.err,
      /above that of guessing, 0\.00; use a lower --learning-rate, clip gradients with/,
    );
  });

  it('--json prints only the contents of summary.json', async () => {
    const { code, out, err } = await run({ json: true, seedNumber: '2' });
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(out), snakeCaseKeys(summaryOf(2), 'summary'));
    assert.match(err, /^epoch 1\/2/m);
  });

  it('quotes folders in the commands that it prints', async () => {
    const odd = join(root, "it's odd");
    const { out } = await run({ savingPath: odd });
    assert.ok(out.includes(`npx scanstroke evaluate '${root}/it'\\''s odd'\n`), out);
  });

  it('does not mention chart files with --chart-format none', async () => {
    const { out } = await run({ chartFormat: 'none' });
    assert.ok(!out.includes(join(folder, 'charts')));
  });

  it('creates a new folder in runs/ by default', async () => {
    const start = process.cwd();
    process.chdir(root);
    try {
      const { configs } = await run({ savingPath: undefined, preset: 'mnist-lstm' });
      assert.match(configs[0].savingPath as string, /^runs.mnist-lstm-\d{8}-\d{6}$/);
      rmSync('runs', { recursive: true });
      const trainRun = () => assert.fail('no such data');
      const parts = { configure, seedRuns, trainRun, report: async () => {} };
      await assert.rejects(train({}, fakeTerminal(), parts), /no such data/);
      assert.ok(!existsSync('runs'), 'a run that has written nothing leaves no folder');
    } finally {
      process.chdir(start);
    }
  });

  it('exits with 130 after an interruption, prints how to continue, and writes no report', async () => {
    const { code, out, err, reported } = await run({}, 6);
    assert.equal(code, 130);
    assert.equal(out, '');
    assert.ok(
      err.endsWith(
        `interrupted in epoch 2, after update 2\ncontinue with: npx scanstroke train --load-cp ${folder}\n`,
      ),
    );
    assert.deepEqual(reported, []);
  });

  it('stops at once while the data are loaded, and says that nothing was written', async () => {
    async function* trainRun(
      _: unknown,
      { stop }: { stop: AbortSignal },
    ): AsyncGenerator<TrainEvent, undefined> {
      process.emit('SIGINT');
      yield { type: 'loading', what: 'strokes from MNIST', done: 1, total: 2 };
      stop.throwIfAborted();
    }
    const terminal = fakeTerminal();
    const code = await train({ savingPath: folder }, terminal, {
      configure,
      seedRuns,
      trainRun,
      report: async () => {},
    });
    assert.equal(code, 130);
    assert.match(terminal.err.text, /stopping before the first update; press Ctrl-C again to exit at once\n/);
    assert.match(terminal.err.text, /stopped before the first update; nothing was written\n$/);
  });

  it('says in each phase what Ctrl-C does', async () => {
    const stopping = async (when: TrainEvent['type'] | 'report') => {
      const terminal = fakeTerminal();
      const training = fakeTraining();
      async function* trainRun(config: Parameters<typeof training.trainRun>[0]) {
        const events = training.trainRun(config);
        let next = await events.next();
        for (; !next.done; next = await events.next()) {
          yield next.value;
          if (next.value.type === when) process.emit('SIGINT');
        }
        return next.value;
      }
      const report = async () => {
        if (when === 'report') process.emit('SIGINT');
      };
      const flags = { savingPath: `${folder}-${when}` };
      await train(flags, terminal, { configure, seedRuns, trainRun, report });
      return /^.*(?=; press Ctrl-C again to exit at once$)/m.exec(terminal.err.text)?.[0];
    };
    assert.equal(await stopping('start'), 'stopping after this update, then writing the checkpoint');
    assert.equal(
      await stopping('stopped'),
      'stopping; the accuracies are computed when the run is continued',
    );
    assert.equal(await stopping('report'), 'writing the report to its end');
  });

  it('stops on Ctrl-C while a lock is watched', async () => {
    mkdirSync(folder);
    writeFileSync(join(folder, '.lock'), ''); // As after a power failure.
    setTimeout(() => process.emit('SIGINT'), 100);
    const { code, err } = await run({});
    assert.equal(code, 130);
    assert.match(err, /\nstopped before the first update; nothing was written\n$/);
  });

  it('prints one JSON value after an interruption with --json', async () => {
    const { code, out } = await run({ json: true }, 0);
    assert.equal(code, 130);
    assert.deepEqual(JSON.parse(out), {
      stopped_by: 'interrupted',
      folder,
      checkpoint: join(folder, 'last.safetensors'),
    });
  });

  it('removes its signal handlers, also after an error', async () => {
    const listeners = () => ['SIGINT', 'SIGTERM', 'SIGHUP'].map((name) => process.listenerCount(name));
    const before = listeners();
    await run({});
    const parts = { ...fakeTraining(), configure, seedRuns, report: async () => assert.fail('disk full') };
    await assert.rejects(train({ savingPath: join(root, 'failing') }, fakeTerminal(), parts));
    assert.deepEqual(listeners(), before);
  });
});

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

describe('the heading of the report', () => {
  for (const [data, title] of [
    ['mnist', 'MNIST'],
    ['strokes', 'MNIST strokes'],
    ['strokes:mnist', 'MNIST strokes'],
    ['strokes:data/fashion-mnist/', 'fashion-mnist strokes'],
    ['data/sequences.tar.gz', 'sequences.tar.gz'],
    ['data/strokesofmine', 'strokesofmine'],
  ]) {
    it(`names ${data} as ${title}`, () => assert.equal(dataTitle(data), title));
  }
});

describe('mistakes', () => {
  it('are reported before anything is written', async () => {
    await assert.rejects(run({ batchSize: '0' }), UserError);
    await assert.rejects(run({ config: join(root, 'none.yaml') }), /does not exist/);
    assert.ok(!existsSync(folder));
  });
});
