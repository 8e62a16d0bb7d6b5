/** Protects `scanstroke train`: its output and exit codes, with a training that only emits events. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { configure, seedRuns } from '#src/cli/arguments/configure.js';
import { train } from '#src/cli/commands/train/train-command.js';
import { dataTitle } from '#src/cli/commands/train/train-parts.js';
import { snakeCaseKeys } from '#src/formats/key-case.js';
import type { TrainEvent } from '#src/train/events.js';
import { UserError } from '#src/user-error.js';
import { fakeTerminal, fakeTraining, summaryOf } from './fake-run.js';
import { folder, root, run } from './fake-train.js';

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
