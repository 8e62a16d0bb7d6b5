/**
 * Protects how a sweep trains its trials, with a training that only writes metrics: nothing is trained twice, halving
 * depends neither on the number of jobs nor on interruptions, and Optuna is told what it asked for.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { OptunaStudy } from '#src/cli/sweep/optuna.js';
import { runSweep, type SweepControl } from '#src/cli/sweep/run-sweep.js';
import { SweepView } from '#src/cli/sweep/sweep-view.js';
import type { TrialEnd, TrialJob } from '#src/cli/sweep/trial-runner.js';
import { appendMetrics, writeConfig, writeSummary } from '#src/runs/run-files.js';
import { readSweep, writeSweep } from '#src/runs/sweep/sweep-folder.js';
import { readTrial } from '#src/runs/sweep/sweep-results.js';
import { configToDisk } from '#src/train/config/run-config.js';
import { UserError } from '#src/user-error.js';
import { sampleInput } from '../../report/sample.js';
import { temporaryFolder } from '../../train/small-mnist.js';
import { FakeOutput } from '../commands/fake-run.js';
import { planOf } from './plan-of.js';

const SAMPLE = sampleInput({ epochs: 1, points: 1 });

/** A training in which larger networks are better, and the smallest is the best in its first epoch. */
function fakeTraining(fails: (hiddenSize: number) => string | null = () => null) {
  const trained: string[] = [];
  const train = async ({ folder, config, pauseAfter, onMessage }: TrialJob): Promise<TrialEnd> => {
    mkdirSync(folder, { recursive: true });
    const { hiddenSize, numEpochs } = config;
    const problem = fails(hiddenSize);
    if (problem !== null) return { type: 'failed', message: problem, atBeginning: true, isExplained: true };
    onMessage({ type: 'start' });
    await writeConfig(folder, configToDisk(config));
    const { epochs } = await readTrial(join(folder, '..'), {
      trial: Number(folder.slice(-3)),
      settings: {},
      asked: null,
    });
    const last = pauseAfter ?? numEpochs;
    for (let epoch = epochs + 1; epoch <= last; epoch++) {
      trained.push(`${hiddenSize}: ${epoch}`);
      const validationAccuracy =
        0.5 + hiddenSize / 1000 + epoch / 100 + (hiddenSize === 1 && epoch === 1 ? 0.3 : 0);
      await appendMetrics(folder, { ...SAMPLE.metrics[0], epoch, validationAccuracy });
    }
    if (last < numEpochs) return { type: 'paused' };
    const { metrics: _, ...rest } = { metrics: null, ...SAMPLE.summary };
    const bestValAccuracy = 0.5 + hiddenSize / 1000 + numEpochs / 100;
    await writeSummary(folder, { ...rest, epochs: numEpochs, bestEpoch: numEpochs, bestValAccuracy });
    writeFileSync(join(folder, 'report.html'), '');
    return { type: 'finished' };
  };
  return { train, trained };
}

function controlOf(sweep: ReturnType<typeof planOf>, changes: Partial<SweepControl>) {
  const err = new FakeOutput();
  const control: SweepControl = {
    folder: temporaryFolder(),
    jobs: 1,
    threads: null,
    only: null,
    stop: new AbortController().signal,
    view: new SweepView(err, sweep, sweep.count),
    ...changes,
  };
  return { control, err };
}

test('all trials are trained once, and not again by the next process', async () => {
  const sweep = planOf({ hiddenSize: '1,2,3', numEpochs: '2' });
  const { train, trained } = fakeTraining();
  const { control, err } = controlOf(sweep, { train, jobs: 2 });
  const outcome = await runSweep(sweep, control);
  assert.deepEqual(trained.sort(), ['1: 1', '1: 2', '2: 1', '2: 2', '3: 1', '3: 2']);
  assert.deepEqual(
    outcome?.results.map(({ state }) => state),
    ['finished', 'finished', 'finished'],
  );
  assert.match(err.text, /trial +hidden-size +validation/);
  assert.match(err.text, / 3 +3 +52.30 % +2 /);
  await runSweep(sweep, control);
  assert.equal(trained.length, 6);
});

test('--only trains some trials', async () => {
  const sweep = planOf({ hiddenSize: '1,2,3', numEpochs: '1' });
  const { train, trained } = fakeTraining();
  const { control } = controlOf(sweep, { train, only: [2] });
  const outcome = await runSweep(sweep, control);
  assert.deepEqual(trained, ['2: 1']);
  assert.deepEqual(
    outcome?.results.map(({ state }) => state),
    ['waiting', 'finished', 'waiting'],
  );
});

test('halving trains few trials to their end, the same ones with any number of jobs and after an interruption', async () => {
  const sizes = Array.from({ length: 9 }, (_, n) => n + 1).join();
  const sweep = planOf({ hiddenSize: sizes, numEpochs: '9' }, { halving: 3 });
  const states: unknown[] = [];
  for (const jobs of [1, 4]) {
    const { train, trained } = fakeTraining();
    const { control, err } = controlOf(sweep, { train, jobs });
    const outcome = await runSweep(sweep, control);
    states.push(outcome?.results.map(({ trial, state, epochs }) => [trial, state, epochs]));
    // The smallest network leads after one epoch, and falls behind after three.
    assert.match(err.text, /after 1 epoch: trials that go on: 1, 8, 9\n/);
    assert.match(err.text, /after 3 epochs: trials that go on: 1\n/);
    assert.equal(trained.length, 9 * 1 + 3 * 2 + 1 * 6);
  }
  assert.deepEqual(states[0], states[1]);

  const { train, trained } = fakeTraining();
  const stop = new AbortController();
  const interrupted = async (job: TrialJob) => {
    const end = await train(job);
    if (trained.length === 11) stop.abort();
    return end;
  };
  const { control } = controlOf(sweep, { train: interrupted, stop: stop.signal });
  assert.equal(await runSweep(sweep, control), null);
  const outcome = await runSweep(sweep, { ...control, stop: new AbortController().signal });
  assert.deepEqual(
    outcome?.results.map(({ trial, state, epochs }) => [trial, state, epochs]),
    states[0],
  );
  assert.equal(trained.length, 9 * 1 + 3 * 2 + 1 * 6);
});

test('halving chooses the same among equally accurate trials when one of them is trained to its end', async () => {
  const sweep = planOf({ learningRate: '1e-3,2e-3,3e-3', numEpochs: '3' }, { halving: 3 });
  const { train, trained } = fakeTraining();
  const { control } = controlOf(sweep, { train });
  const ends = [await runSweep(sweep, control), await runSweep(sweep, control)];
  assert.equal(trained.length, 3 + 2);
  for (const end of ends)
    assert.deepEqual(
      end?.results.map(({ state }) => state),
      ['finished', 'stopped', 'stopped'],
    );
});

test('a trial that fails does not end the others; one that cannot begin ends the sweep where none could', async () => {
  const sweep = planOf({ hiddenSize: '1,2,3', numEpochs: '1' });
  const diverging = fakeTraining((size) => (size === 2 ? 'train: the loss became NaN' : null));
  const { control, err } = controlOf(sweep, { train: diverging.train });
  const outcome = await runSweep(sweep, control);
  assert.deepEqual(
    outcome?.results.map(({ state }) => state),
    ['finished', 'failed', 'finished'],
  );
  assert.match(err.text, /trial 2 \(hidden-size 2\) failed: train: the loss became NaN/);
  const broken = fakeTraining(() => 'train: no such data');
  await assert.rejects(
    runSweep(sweep, controlOf(sweep, { train: broken.train }).control),
    /^UserError: sweep: trial 1: no such data$/,
  );
});

test('Optuna is asked for each trial and told its accuracy; a trial that was interrupted is told later', async () => {
  const flags = { learningRate: '1e-4..1e-2', hiddenSize: '8..12', head: 'last,mean', numEpochs: '1' };
  const sweep = planOf(flags, { engine: 'optuna', trials: 3, storage: 'sqlite:///a.db', seed: 7 });
  const calls: string[][] = [];
  const run = async (args: readonly string[]) => {
    calls.push([...args]);
    if (args[0] !== 'ask') return '';
    const asked = calls.filter(([name]) => name === 'ask').length - 1;
    return JSON.stringify({
      number: 10 + asked,
      params: { learning_rate: 0.001, hidden_size: 8 + asked, head: 'last' },
    });
  };
  const { train, trained } = fakeTraining((size) => (size === 9 ? 'train: out of memory' : null));
  const stop = new AbortController();
  const interrupted = (job: TrialJob) => {
    stop.abort();
    return train({ ...job, pauseAfter: 0 });
  };
  const openStudy = (study: { storage: string; name: string }) => new OptunaStudy(study, run);
  const { control } = controlOf(sweep, { train: interrupted, openStudy, stop: stop.signal });
  await writeSweep(control.folder, sweep);
  assert.equal(await runSweep(sweep, control), null);
  const again = { ...control, stop: new AbortController().signal, train };
  const outcome = await runSweep(await readSweep(control.folder), again);
  assert.deepEqual(trained, ['8: 1', '10: 1']);
  assert.deepEqual(
    outcome?.results.map(({ asked, state }) => [asked, state]),
    [
      [10, 'finished'],
      [11, 'failed'],
      [12, 'finished'],
    ],
  );
  const place = ['--storage', 'sqlite:///a.db', '--study-name', 'scanstroke'];
  assert.deepEqual(calls[0], ['create-study', ...place, '--direction', 'maximize', '--skip-if-exists']);
  const [first, second] = calls.filter(([name]) => name === 'ask');
  assert.deepEqual(JSON.parse(first[first.indexOf('--search-space') + 1]), {
    learning_rate: {
      name: 'FloatDistribution',
      attributes: { low: 1e-4, high: 1e-2, log: true, step: null },
    },
    hidden_size: { name: 'IntDistribution', attributes: { low: 8, high: 12, log: false, step: 1 } },
    head: { name: 'CategoricalDistribution', attributes: { choices: ['last', 'mean'] } },
  });
  assert.deepEqual([first.at(-1), second.at(-1)], ['{"seed":7}', '{"seed":8}']);
  const told = calls.filter(([name]) => name === 'tell').map((args) => args.slice(5).join(' '));
  assert.deepEqual(told, [
    '--trial-number 10 --values 0.518 --skip-if-finished',
    '--trial-number 11 --state fail --skip-if-finished',
    '--trial-number 12 --values 0.52 --skip-if-finished',
  ]);
});

test('a study is asked for again if another machine makes the tables; other errors count at once', async () => {
  const calls: string[] = [];
  const failing = (message: string, times: number) => async (args: readonly string[]) => {
    calls.push(args[0]);
    if (calls.length > times) return '';
    throw new UserError(message);
  };
  const place = { storage: 'postgresql://host/sweeps', name: 'scanstroke' };
  const race =
    'sweep: optuna create-study failed: sqlalchemy.exc.ProgrammingError: relation "studies" already exists';
  await new OptunaStudy(place, failing(race, 1)).open();
  assert.deepEqual(calls, ['create-study', 'create-study']);
  calls.length = 0;
  await assert.rejects(new OptunaStudy(place, failing('no such host', 9)).open(), /no such host/);
  assert.deepEqual(calls, ['create-study']);
});

test('sweep.json is read as it was written', async () => {
  const folder = temporaryFolder();
  const sweeps = [
    planOf(
      { maxNorm: '1,none', bidirectional: 'true,false', numEpochs: '9', chartFormat: 'svg' },
      { halving: 2 },
    ),
    planOf({ learningRate: '1e-4..1e-2' }, { engine: 'optuna', trials: 3, storage: 'sqlite:///a.db' }),
    planOf({ learningRate: '1e-4..1e-2', t0: '1,2', schedule: 'cosine-warm-restarts' }, { trials: 3 }),
  ];
  for (const sweep of sweeps) {
    await writeSweep(folder, sweep);
    assert.deepEqual(await readSweep(folder), sweep);
  }
  writeFileSync(join(folder, 'sweep.json'), '{"method":"grid"}');
  await assert.rejects(readSweep(folder), /sweep.json: "options": expected an object/);
});
