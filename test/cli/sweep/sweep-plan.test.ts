/** Protects what a sweep tries: grids, ranges and random settings; and that mistakes are refused before anything trains. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UserError } from 'scanstroke';
import { gridSettings, randomSettings, resolveTrial, searchSpace } from '#src/cli/sweep/search-space.js';
import { planHalving, type SweepRequest, survivors } from '#src/cli/sweep/sweep-plan.js';
import { configToDisk, resolveConfig } from '#src/train/config/run-config.js';
import { planOf } from './plan-of.js';

const settingsOf = (...args: Parameters<typeof planOf>) =>
  planOf(...args).trials.map(({ settings }) => settings);

test('a grid has every combination; options with one value are shared', () => {
  const sweep = planOf({
    learningRate: '1e-3, 3e-3',
    hiddenSize: '64,128',
    numEpochs: '2',
    bidirectional: 'true,false',
  });
  assert.equal(sweep.method, 'grid');
  assert.equal(sweep.count, 8);
  assert.deepEqual(sweep.options, { numEpochs: 2 });
  assert.deepEqual(
    sweep.trials.slice(0, 3).map(({ settings }) => settings),
    [
      { hiddenSize: 64, bidirectional: true, learningRate: 0.001 },
      { hiddenSize: 64, bidirectional: true, learningRate: 0.003 },
      { hiddenSize: 64, bidirectional: false, learningRate: 0.001 },
    ],
  );
  assert.deepEqual(settingsOf({ maxNorm: '1,none', trainSplit: '4/5,0.5' })[3], {
    trainSplit: 0.5,
    maxNorm: null,
  });
});

test('an option that acts with one optimiser only is left out of trials with another', () => {
  assert.deepEqual(settingsOf({ optimizer: 'adam,sgd', momentum: '0.5,0.9' }), [
    { optimizer: 'adam' },
    { optimizer: 'sgd', momentum: 0.5 },
    { optimizer: 'sgd', momentum: 0.9 },
  ]);
  const space = searchSpace({ flags: { optimizer: 'adam,sgd', momentum: '0.5' } });
  assert.equal(resolveTrial(space, { optimizer: 'sgd' }, 1).config.momentum, 0.5);
  assert.equal(resolveTrial(space, { optimizer: 'adam' }, 1).config.optimizer, 'adam');
});

test('as many random trials are drawn as asked for, without counting options that have no effect', () => {
  const flags = { optimizer: 'adam,sgd', momentum: '0.1..0.9' };
  const trials = settingsOf(flags, { trials: 10 });
  assert.equal(trials.length, 10);
  assert.equal(trials.filter(({ optimizer }) => optimizer === 'adam').length, 1);
  assert.throws(() => settingsOf({ optimizer: 'adam,adamw', momentum: '0.1..0.9' }, { trials: 3 }), {
    message: /--trials 3 asks for more than there are, about 2 combinations/,
  });
});

test('the folder may stand in the configuration file; a checkpoint to begin from has no effect', () => {
  const file = (entries: Record<string, unknown>) => ({
    path: 'sweep.yaml',
    entries: new Map(Object.entries(entries).map(([key, value]) => [key, { value, line: 1 }])),
  });
  const flags = { hiddenSize: '8,16' };
  const space = searchSpace({ file: file({ saving_path: 'here' }), flags });
  assert.deepEqual([space.savingPath, space.options], ['here', {}]);
  assert.throws(() => searchSpace({ file: file({ load_cp: 'runs/a' }), flags }), {
    message:
      'sweep: every trial begins with new weights, so load_cp has no effect in sweep.yaml; leave it out',
  });
});

test('a file is taken that a training takes: flags replace what they decide', () => {
  const resolved = (entries: Record<string, unknown>, flags: Record<string, string>) => {
    const lines = Object.entries(entries).map(([key, value]) => [key, { value, line: 1 }] as const);
    const space = searchSpace({ file: { path: 'sweep.yaml', entries: new Map(lines) }, flags });
    return gridSettings(space.axes).map((settings, n) => resolveTrial(space, settings, n + 1).config);
  };
  const run = configToDisk(
    resolveConfig({ flags: { optimizer: 'sgd', momentum: 0.5, precision: 'float16' } }),
  );
  const { preset: _, ...settings } = run;
  const precisions = resolved(settings, { precision: 'float32,bfloat16' });
  assert.deepEqual(
    precisions.map(({ precision, useAmp, momentum }) => [precision, useAmp, momentum]),
    [
      ['float32', false, 0.5],
      ['bfloat16', true, 0.5],
    ],
  );
  const [plain] = resolved(settings, { optimizer: 'adam', useAmp: 'false', hiddenSize: '8,16' });
  assert.deepEqual([plain.optimizer, plain.precision], ['adam', 'float32']);
  const [undecided] = resolved({ ...settings, precision: 'float32' }, { hiddenSize: '8,16' });
  assert.deepEqual([undecided.useAmp, undecided.precision], [true, 'float32']);
  assert.throws(
    () => resolved({ precision: 'float16', use_amp: false }, { hiddenSize: '8,16' }),
    /precision float16 contradicts mixed precision off/,
  );
});

test('a config.json with numbers of drawings per class can be swept', () => {
  const run = configToDisk(resolveConfig({ flags: { preset: 'quickdraw', data: 'drawings' } }));
  const lines = Object.entries(run).map(([key, value]) => [key, { value, line: 1 }] as const);
  const file = { path: 'config.json', entries: new Map(lines) };
  const space = searchSpace({ file, flags: { hiddenSize: '8,16' } });
  assert.equal(resolveTrial(space, { hiddenSize: 8 }, 1).config.perClass, '1000,100,100');
});

test('random settings lie in their ranges, fill them, are there once, and follow from the seed', () => {
  const flags = { learningRate: '1e-4..1e-2', dropoutRate: '0..0.5', hiddenSize: '8..10', head: 'last,mean' };
  const { axes } = searchSpace({ flags });
  const drawn = randomSettings(axes, 400, 0);
  const numbers = (name: string) => drawn.map((settings) => Number(settings[name]));
  const rates = numbers('learningRate');
  assert.ok(Math.min(...rates) >= 1e-4 && Math.max(...rates) <= 1e-2);
  // Logarithmic: half of the rates are below the geometric mean.
  const low = rates.filter((rate) => rate < 1e-3).length;
  assert.ok(low > 160 && low < 240, `${low}`);
  const below = numbers('dropoutRate').filter((rate) => rate < 0.25).length;
  assert.ok(below > 160 && below < 240, `${below}`);
  for (const size of [8, 9, 10]) assert.ok(numbers('hiddenSize').filter((each) => each === size).length > 90);
  assert.equal(new Set(drawn.map((settings) => JSON.stringify(settings))).size, 400);
  assert.deepEqual(randomSettings(axes, 3, 0), drawn.slice(0, 3));
  assert.notDeepEqual(randomSettings(axes, 3, 1), drawn.slice(0, 3));
  assert.equal(settingsOf({ head: 'last,mean,final' }, { trials: 3 }).length, 3);
});

test('a range says whether it is logarithmic', () => {
  const scale = (range: string) => {
    const [axis] = searchSpace({ flags: { learningRate: range } }).axes;
    return 'scale' in axis ? axis.scale : null;
  };
  assert.deepEqual(['1e-3..1e-2', '1e-3..5e-3', '1e-3..5e-3:log', '1e-4..1e-2:linear'].map(scale), [
    'log',
    'linear',
    'log',
    'linear',
  ]);
});

test('numbers of drawings per class are one value', () => {
  const { axes, options } = searchSpace({
    flags: { perClass: '700,250,250', hiddenSize: '8,16', preset: 'quickdraw', data: 'drawings' },
  });
  assert.deepEqual(
    axes.map(({ option }) => option),
    ['hiddenSize'],
  );
  assert.ok(options.perClass);
});

test('rungs are those for which there are trials and epochs', () => {
  const rungs = (trials: number, numEpochs: number, factor: number) =>
    planHalving(
      Array.from({ length: trials }, () => ({ numEpochs })),
      factor,
    ).rungs;
  assert.deepEqual(rungs(9, 9, 3), [1, 3, 9]);
  assert.deepEqual(rungs(100, 10, 3), [1, 3, 10]);
  assert.deepEqual(rungs(4, 27, 3), [9, 27]);
  assert.deepEqual(rungs(8, 8, 2), [1, 2, 4, 8]);
  assert.deepEqual([survivors(9, 3), survivors(5, 3), survivors(2, 3)], [3, 1, 1]);
});

const MISTAKES: [flags: Record<string, unknown>, request: Partial<SweepRequest>, message: RegExp][] = [
  [{}, {}, /no option has several values; list them with commas/],
  [{ learningRate: '1e-3,,2' }, {}, /--learning-rate has an empty value in 1e-3,,2/],
  [{ learningRate: '1e-3,abc' }, {}, /--learning-rate must be a number above 0 .* found "abc"/],
  [{ hiddenSize: '8,0' }, {}, /--hidden-size must be a whole number from 1 to 16384, found 0/],
  [{ hiddenSize: '8,8' }, {}, /--hidden-size has the value 8 twice/],
  [{ head: 'last,lats' }, {}, /--head must be one of .* did you mean last/],
  [{ head: 'last..mean' }, { trials: 2 }, /--head has no range/],
  [{ learningRate: '1e-2..1e-3' }, { trials: 2 }, /must rise/],
  [{ learningRate: '1e-3..1e-2' }, {}, /is a range, and a grid needs values; .*--trials 20/],
  [{ learningRate: '1e-3..1e-2,1' }, { trials: 2 }, /mixes values with the range/],
  [{ learningRate: '1e-3..1e-2:lin' }, { trials: 2 }, /ends in :log or :linear, found :lin/],
  [{ dropoutRate: '0..0.5:log' }, { trials: 2 }, /begins above 0/],
  [{ hiddenSize: '8,16' }, { trials: 3 }, /asks for more than there are, about 2/],
  [{ hiddenSize: '8,16' }, { seed: 1 }, /--sampling-seed has no effect on a grid/],
  [{ hiddenSize: '8,16', seeds: 2 }, {}, /sweep over seeds: --seed-number 0,1,2/],
  [{ hiddenSize: '8,16' }, { storage: 'x' }, /--storage has no effect without --engine optuna/],
  [{ hiddenSize: '8,16' }, { engine: 'optuna' }, /needs a number of trials/],
  [{ hiddenSize: '8,16' }, { engine: 'optuna', trials: 2 }, /needs --storage/],
  [{ hiddenSize: '8,16' }, { halving: 3 }, /there are 2 trials of 3 epochs/],
  [{ numEpochs: '3,9' }, { halving: 2 }, /numbers of epochs differ/],
  [{ hiddenSize: '8,16', momentum: '0.5' }, {}, /trial 1 \(hidden-size 8\): --momentum has no effect/],
  [
    { numLayers: '2,1', layerDropout: '0.1' },
    {},
    /trial 2 \(num-layers 1\): --layer-dropout 0.1 acts between/,
  ],
  [
    {
      hiddenSize: Array.from({ length: 101 }, (_, n) => n + 1).join(),
      batchSize: Array.from({ length: 101 }, (_, n) => n + 1).join(),
    },
    {},
    /more than 10000 combinations/,
  ],
];

test('mistakes are refused with the flag and the way out', () => {
  for (const [flags, request, message] of MISTAKES) {
    assert.throws(
      () => planOf(flags, request),
      (error) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message, message);
        assert.match(error.message, /^sweep: /);
        return true;
      },
    );
  }
});
