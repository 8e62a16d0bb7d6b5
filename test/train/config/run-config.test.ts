/**
 * Protects the configuration of a run: the precedence of its sources, the spellings of the mnist-lstm project, the
 * bounds of all numbers, and config.schema.json.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { snakeCase } from '#src/formats/key-case.js';
import { type ConfigFile, parseConfigFile } from '#src/train/config/config-file.js';
import { expectation, flagName } from '#src/train/config/option.js';
import { OPTION_KEYS, OPTIONS, type OptionKey } from '#src/train/config/options.js';
import { PRESETS } from '#src/train/config/presets.js';
import {
  configJsonSchema,
  configSchema,
  configToDisk,
  defaultConfig,
  givenOptions,
  recordedConfig,
  resolveConfig,
} from '#src/train/config/run-config.js';
import { UserError } from '#src/user-error.js';

const file = (text: string): ConfigFile => parseConfigFile('run.yaml', text);

describe('sources', () => {
  it('flags override the file, the file the preset, the preset the defaults', () => {
    const yaml = file('preset: mnist-lstm\nhidden_size: 100\nbatch_size: 64');
    const config = resolveConfig({ file: yaml, flags: { hiddenSize: '50' } });
    assert.equal(config.hiddenSize, 50, 'flag');
    assert.equal(config.batchSize, 64, 'file');
    assert.equal(config.numLayers, 3, 'preset from the file');
    assert.equal(config.freqOutputTrain, 100, 'default');
    assert.equal(resolveConfig({ file: yaml, flags: { preset: 'quick' } }).numLayers, 1, 'preset flag');
    assert.equal(resolveConfig({ preset: 'mnist-lstm' }).preset, 'mnist-lstm');
  });

  it('a resumed configuration replaces preset and defaults unless a preset is named', () => {
    const base = resolveConfig({ flags: { hiddenSize: '50', numEpochs: '7' } });
    assert.deepEqual(resolveConfig({ base }), base);
    const longer = resolveConfig({ base, flags: { numEpochs: '9' } });
    assert.deepEqual(longer, { ...base, numEpochs: 9 });
    assert.equal(resolveConfig({ base, flags: { preset: 'quick' } }).hiddenSize, 128);
  });

  it('the default is the preset quick, with the settings of the PyTorch run that reached 99 %', () => {
    const config = resolveConfig({});
    assert.deepEqual(config, { ...defaultConfig(), preset: 'quick' });
    const expected = {
      data: 'mnist',
      channelsImg: null,
      sequenceLength: 28,
      inputSize: 28,
      permute: null,
      trainSplit: 5 / 6,
      hiddenSize: 128,
      numLayers: 1,
      bidirectional: true,
      head: 'flatten',
      dropoutRate: 0.2,
      forgetBias: null,
      chronoInit: null,
      optimizer: 'adam',
      beta1: 0.9,
      beta2: 0.999,
      eps: 1e-8,
      weightDecay: 0,
      maxNorm: 1,
      learningRate: 6e-3,
      schedule: 'one-cycle',
      pctStart: 0.3,
      divFactor: 25,
      finalDivFactor: 1e4,
      batchSize: 128,
      numEpochs: 3,
      accumulationSteps: 1,
      labelSmoothing: 0,
      seedNumber: 0,
      seeds: 1,
      patience: null,
      targetAccuracy: null,
    };
    assert.deepEqual({ ...config, ...expected }, config);
  });

  it('mnist-lstm has exactly the published settings', () => {
    const expected = {
      preset: 'mnist-lstm',
      data: 'mnist',
      sequenceLength: 28,
      inputSize: 28,
      permute: null,
      trainSplit: 5 / 6,
      hiddenSize: 256,
      numLayers: 3,
      bidirectional: true,
      head: 'flatten',
      dropoutRate: 0.2,
      layerDropout: 0,
      forgetBias: null,
      chronoInit: null,
      optimizer: 'adam',
      learningRate: 1e-4,
      beta1: 0.9,
      beta2: 0.999,
      eps: 1e-8,
      weightDecay: 0,
      maxNorm: null,
      schedule: 'constant',
      warmupSteps: 0,
      batchSize: 1024,
      numEpochs: 10,
      accumulationSteps: 1,
      labelSmoothing: 0,
      seedNumber: 0,
      patience: null,
      targetAccuracy: null,
    };
    const config = resolveConfig({ preset: 'mnist-lstm' });
    assert.deepEqual({ ...config, ...expected }, config);
  });

  it('every preset and the defaults are valid', () => {
    for (const preset of Object.keys(PRESETS)) {
      assert.ok(configSchema.safeParse(resolveConfig({ preset })).success, preset);
    }
    assert.ok(!configSchema.safeParse({ ...defaultConfig(), tensorboard: true }).success, 'strict');
  });

  it('a run keeps its settings when its preset gets others', () => {
    const added = ['strokeSort', 'numLayers', 'augmentRotation'] as const;
    const saved = configToDisk(resolveConfig({ preset: 'strokes' }));
    for (const key of added) delete saved[snakeCase(key)];
    const read = recordedConfig(parseConfigFile('config.json', JSON.stringify(saved)));
    for (const key of added) {
      assert.notEqual(PRESETS.strokes.settings[key], undefined, key);
      assert.equal(read[key], defaultConfig()[key], key);
    }
    assert.equal(read.preset, 'strokes');
    assert.equal(read.augmentScale, 0.1);
  });

  it('config.json reads back as the same configuration', () => {
    for (const flags of [
      {},
      { preset: 'mnist-lstm', trainSplit: '2/3' },
      { optimizer: 'sgd', nesterov: true, maxNorm: 'none', chartFormat: 'pdf' },
    ]) {
      const config = resolveConfig({ flags });
      const text = JSON.stringify(configToDisk(config), null, 2);
      const written = parseConfigFile('config.json', text);
      assert.deepEqual(resolveConfig({ file: written }), config);
      assert.deepEqual(recordedConfig(written), config);
    }
    assert.ok(
      !('saving_path' in configToDisk(resolveConfig({ flags: { savingPath: 'runs/a' } }))),
      'no paths',
    );
  });

  it('options without an effect have their defaults', () => {
    const yaml = file('optimizer: sgd\nmomentum: 0.5');
    assert.equal(resolveConfig({ file: yaml }).momentum, 0.5);
    assert.equal(
      resolveConfig({ file: yaml, flags: { optimizer: 'adam' } }).momentum,
      OPTIONS.momentum.default,
    );
  });
});

describe('spellings', () => {
  it('every option is accepted in kebab-case, snake_case and camelCase, as a flag and in a file', () => {
    for (const key of OPTION_KEYS) {
      const text = sampleText(key);
      for (const spelling of [key, flagName(key), snakeCase(key), snakeCase(key).replace('_', '__')]) {
        const given = givenOptions({ flags: { [spelling]: text } });
        assert.deepEqual(Object.keys(given), [key], spelling);
        assert.deepEqual(
          Object.keys(givenOptions({ file: file(`${spelling}: ${sampleYaml(key)}`) })),
          [key],
          spelling,
        );
      }
    }
  });

  it('the options of the mnist-lstm project are accepted as written in its README', () => {
    const flags = {
      dropout_rate: '0.1',
      freq_output__train: '10',
      freq_output__val: '20',
      saving_path: 'runs/a',
      seed_number: '3',
      sequence_length: '56',
      input_size: '14',
      hidden_size: '64',
      num_layers: '2',
      channels_img: '1',
      learning_rate: '0.0001',
      num_epochs: '2',
      batch_size: '32',
      load_cp: 'False',
      bidirectional: 'True',
      train_split: '0.8333',
    };
    const expected = {
      dropoutRate: 0.1,
      freqOutputTrain: 10,
      freqOutputVal: 20,
      savingPath: 'runs/a',
      seedNumber: 3,
      sequenceLength: 56,
      inputSize: 14,
      hiddenSize: 64,
      numLayers: 2,
      channelsImg: 1,
      learningRate: 1e-4,
      numEpochs: 2,
      batchSize: 32,
      loadCp: null,
      bidirectional: true,
      trainSplit: 0.8333,
    };
    assert.deepEqual(givenOptions({ flags }), expected);
  });

  const read: [OptionKey, string, unknown][] = [
    ['trainSplit', '5/6', 5 / 6],
    ['trainSplit', '0.8333', 0.8333],
    ['learningRate', '1e-4', 1e-4],
    ['learningRate', '.5', 0.5],
    ['maxNorm', 'none', null],
    ['patience', 'null', null],
    ['threads', 'None', null],
    ['bidirectional', 'False', false],
    ['nesterov', 'yes', true],
    ['loadCp', 'true', 'last'],
    ['loadCp', 'runs/a', 'runs/a'],
    ['chartFormat', 'svg, pdf,svg', ['svg', 'pdf']],
    ['chartFormat', 'none', []],
    ['savingPath', '5', '5'],
  ];
  for (const [key, text, value] of read) {
    it(`--${flagName(key)} ${text} is ${JSON.stringify(value)}`, () => {
      assert.deepEqual(givenOptions({ flags: { [key]: text } }), { [key]: value });
    });
  }
  it('in a file, the word none is none, too', () => {
    const file = parseConfigFile('run.yaml', 'max_norm: none\nchart_format: none\nclass_weights: none');
    assert.deepEqual(givenOptions({ file }), { maxNorm: null, chartFormat: [], classWeights: 'none' });
  });
  it('a split beside numbers per class is refused, but not in the config.json of a run that has it', () => {
    const text = JSON.stringify({ preset: 'quickdraw', train_split: 0.5 });
    assert.throws(
      () => resolveConfig({ file: parseConfigFile('run.json', text) }),
      /run\.json, line 1: train_split has no effect with per_class 1000,100,100; leave it out, or use per_class none/,
    );
    for (const path of ['config.json', 'runs/a/config.json']) {
      assert.equal(resolveConfig({ file: parseConfigFile(path, text) }).trainSplit, 0.5);
    }
    const file = parseConfigFile('run.json', text);
    assert.equal(resolveConfig({ file, flags: { perClass: 'none' } }).trainSplit, 0.5);
    const usual = { preset: 'quickdraw', train_split: 5 / 6 };
    resolveConfig({ file: parseConfigFile('run.json', JSON.stringify(usual)) });
  });
  it('a flag without a value is true', () => {
    assert.deepEqual(givenOptions({ flags: { loadCp: true, nesterov: true, bidirectional: false } }), {
      loadCp: 'last',
      nesterov: true,
      bidirectional: false,
    });
  });
});

describe('bounds', () => {
  const numeric = OPTION_KEYS.filter((key) => 'range' in OPTIONS[key]);
  it('accept exactly the numbers within them', () => {
    const anyNumber = fc.oneof(
      fc.double(),
      fc.integer({ min: -5, max: 5 }),
      fc.integer(),
      fc.double({ min: 0, max: 1 }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...numeric), anyNumber, (key, value) => {
        const option = OPTIONS[key];
        assert.ok('range' in option);
        const { from, to, above, below } = option.range;
        const within =
          Number.isFinite(value) &&
          (option.type !== 'integer' || Number.isInteger(value)) &&
          !(value < (from ?? value)) &&
          !(value > (to ?? value)) &&
          !(above !== undefined && value <= above) &&
          !(below !== undefined && value >= below);
        let accepted = true;
        try {
          givenOptions({ flags: { [key]: value } });
        } catch (error) {
          assert.ok(error instanceof UserError);
          accepted = false;
        }
        assert.equal(accepted, within, `${key} ${value}`);
      }),
      { seed: 1, numRuns: 2000 },
    );
  });
  it('exist on both sides for every number, so that no size can overflow', () => {
    for (const key of numeric) {
      assert.match(
        expectation(OPTIONS[key]),
        /(from|of at least|above) -?[\d.e+-]+ (to|and below|and at most) [\d.e+-]+/,
        key,
      );
    }
  });
});

describe('config.schema.json', () => {
  it('equals the schema of the table of options (node scripts/write-config-schema.mjs writes the file)', () => {
    const committed = JSON.parse(
      readFileSync(new URL('../../../../config.schema.json', import.meta.url), 'utf8'),
    );
    assert.deepEqual(committed, JSON.parse(JSON.stringify(configJsonSchema())));
  });
  it('contains exactly the options, each with its description and default', () => {
    const { properties, additionalProperties } = configJsonSchema() as {
      properties: Record<string, { description?: string; default?: unknown }>;
      additionalProperties: boolean;
    };
    assert.equal(additionalProperties, false);
    assert.deepEqual(Object.keys(properties), ['$schema', ...OPTION_KEYS.map(snakeCase)]);
    for (const key of OPTION_KEYS) {
      assert.equal(properties[snakeCase(key)].description, OPTIONS[key].description);
      assert.deepEqual(properties[snakeCase(key)].default, OPTIONS[key].default);
    }
  });
});

/** A valid value of the option, as text on the command line. */
function sampleText(key: OptionKey): string {
  const option = OPTIONS[key];
  if (option.type === 'switch') return 'true';
  if (option.type === 'choice' || option.type === 'list') return option.choices[0];
  if (option.type === 'text') return 'x';
  assert.ok('range' in option);
  const { from = 0, below, to } = option.range;
  return String(option.type === 'integer' || below === undefined ? from || Math.min(1, to ?? 1) : 0.5);
}

function sampleYaml(key: OptionKey): string {
  return OPTIONS[key].type === 'list' ? `[${sampleText(key)}]` : sampleText(key);
}

it('the later of precision and use_amp sets the other; both at once must agree', () => {
  const both = (sources: Parameters<typeof resolveConfig>[0]) => {
    const { precision, useAmp } = resolveConfig(sources);
    return [precision, useAmp];
  };
  assert.deepEqual(both({}), ['float32', false]);
  // float32 with useAmp: chosen when the training begins. config.json of several seeds holds this.
  assert.deepEqual(both({ flags: { useAmp: true } }), ['float32', true]);
  const seeds = parseConfigFile('config.json', '{"precision": "float32", "use_amp": true}');
  assert.deepEqual(both({ file: seeds }), ['float32', true]);
  assert.deepEqual(both({ flags: { precision: 'bfloat16' } }), ['bfloat16', true]);
  const base = resolveConfig({ flags: { precision: 'bfloat16', useAmp: true } });
  assert.deepEqual(both({ base }), ['bfloat16', true]);
  assert.deepEqual(both({ base, flags: { precision: 'float32' } }), ['float32', false]);
  assert.deepEqual(both({ base, flags: { useAmp: false } }), ['float32', false]);
  assert.throws(
    () => resolveConfig({ flags: { precision: 'float32', useAmp: true } }),
    /train: precision float32 contradicts mixed precision on; leave out one of the two/,
  );
});
