/**
 * Protects the error messages for flags and configuration files. Every hostile or mistaken input is refused in one line,
 * which names the place, the expected value, the found value, and what to do.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { type ConfigFile, parseConfigFile, readConfigFile } from '#src/train/config/config-file.js';
import { configToDisk, defaultConfig, givenOptions, resolveConfig } from '#src/train/config/run-config.js';
import { UserError } from '#src/user-error.js';
import { HOSTILE_VALUES, withMember } from '../../runs/hostile-values.js';

const file = (text: string): ConfigFile => parseConfigFile('run.yaml', text);

/** The message of the UserError that `action` throws. */
function complaint(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof UserError, `expected a UserError, got ${error}`);
    assert.ok(!error.message.includes('\n'), 'one line');
    return error.message;
  }
  assert.fail('expected a UserError');
}

describe('the configuration of a stranger', () => {
  it('is refused or valid, whatever value is in place of any field', () => {
    const valid = configToDisk(defaultConfig());
    let refused = 0;
    Object.keys(valid).forEach((key, n) => {
      // Long values take a few milliseconds each.
      for (const value of HOSTILE_VALUES.filter(({ length }) => length < 100 || n % 10 === 0)) {
        const json = withMember(valid, key, value);
        const began = process.cpuUsage();
        try {
          const config = resolveConfig({ file: parseConfigFile('config.json', json) });
          const again = JSON.stringify(configToDisk(config));
          const reread = resolveConfig({ file: parseConfigFile('config.json', again) });
          assert.equal(JSON.stringify(configToDisk(reread)), again, key);
        } catch (error) {
          assert.ok(error instanceof UserError, `${key} = ${value.slice(0, 40)}: ${error}`);
          assert.ok(error.message.length < 1000 && !error.message.includes('\n'));
          refused++;
        }
        assert.ok(process.cpuUsage(began).user < 1e6, `${key} = ${value.slice(0, 40)}`);
      }
    });
    assert.ok(refused > 1000, String(refused));
  });
});

describe('messages', () => {
  const flagMessages: [Record<string, unknown>, string][] = [
    [{ batchSize: '0' }, 'train: --batch-size must be a whole number from 1 to 1000000, found 0'],
    [{ batchSize: '12.5' }, 'train: --batch-size must be a whole number from 1 to 1000000, found 12.5'],
    [{ batch_size: 'many' }, 'train: --batch-size must be a whole number from 1 to 1000000, found "many"'],
    [{ numEpochs: '50001' }, 'train: --num-epochs must be a whole number from 1 to 50000, found 50001'],
    [{ batchSize: '' }, 'train: --batch-size must be a whole number from 1 to 1000000, found ""'],
    [{ batchSize: '0x10' }, 'train: --batch-size must be a whole number from 1 to 1000000, found "0x10"'],
    [{ batchSize: Number.NaN }, 'train: --batch-size must be a whole number from 1 to 1000000, found NaN'],
    [
      { learningRate: 'Infinity' },
      'train: --learning-rate must be a number above 0 and at most 1000, found "Infinity"',
    ],
    [{ dropoutRate: '1' }, 'train: --dropout-rate must be a number of at least 0 and below 1, found 1'],
    [{ trainSplit: '6/5' }, 'train: --train-split must be a number above 0 and below 1, found "6/5"'],
    [{ trainSplit: '1/0' }, 'train: --train-split must be a number above 0 and below 1, found "1/0"'],
    [
      { preset: 'quickdraw', trainSplit: '0.8' },
      'train: --train-split has no effect with --per-class 1000,100,100; leave it out, or use --per-class none',
    ],
    [
      { perClass: `1\n${'2'.repeat(100)}`, trainSplit: '0.8' },
      `train: --train-split has no effect with --per-class 1\\n${'2'.repeat(58)}…; leave it out, or use --per-class none`,
    ],
    [{ patience: '-1' }, 'train: --patience must be a whole number from 1 to 1000000, or none, found -1'],
    [
      { schedule: 'onecycle' },
      'train: --schedule must be one of constant, step, cosine, cosine-warm-restarts, one-cycle, found "onecycle"; did you mean one-cycle?',
    ],
    [
      { preset: 'slow' },
      'train: --preset must be one of quick, fast, accurate, mnist-lstm, strokes, strokes-fast, strokes-accurate, sequential-mnist, quickdraw, pixels, permuted, found "slow"',
    ],
    [
      { chartFormat: 'svg,gif' },
      'train: --chart-format must be a list of svg, png, pdf, found the list "svg, gif"',
    ],
    [
      { savingPath: '' },
      'train: --saving-path must be a text of 1 to 4096 characters, none of them zero, or none, found ""',
    ],
    [{ hidenSize: '5' }, 'train: unknown option --hiden-size; did you mean --hidden-size?'],
    [
      { tensorboard: 'True' },
      'train: unknown option --tensorboard; `scanstroke train --help` lists the options',
    ],
    [
      { momentum: '0.5' },
      'train: --momentum has no effect with --optimizer adam; leave it out, or use --optimizer sgd',
    ],
    [
      { preset: 'strokes', augmentReverse: '0.5' },
      'train: --augment-reverse has no effect with --stroke-sort; leave it out, or use --no-stroke-sort',
    ],
    [
      { warmupSteps: '9' },
      'train: --warmup-steps has no effect with --schedule one-cycle; leave it out, or use --schedule constant or step or cosine or cosine-warm-restarts',
    ],
    [
      { layerDropout: '0.1' },
      'train: --layer-dropout 0.1 acts between layers, but there is only one layer; use --num-layers 2 or more, or --layer-dropout 0',
    ],
    [
      { chronoInit: '784', forgetBias: '1' },
      'train: --chrono-init 784 and --forget-bias 1 both set the bias of the forget gate; leave out one of the two',
    ],
    [{ chronoInit: '2' }, 'train: --chrono-init must be a whole number from 3 to 1000000, or none, found 2'],
    [
      { optimizer: 'sgd', nesterov: true, momentum: '0' },
      'train: --nesterov needs a momentum above 0, found 0; use --momentum 0.9, or leave out --nesterov',
    ],
    [
      { seedNumber: '4294967295', seeds: '2' },
      'train: --seed-number 4294967295 with --seeds 2 exceeds the largest seed, 4294967295',
    ],
  ];
  for (const [flags, message] of flagMessages) {
    it(message, () =>
      assert.equal(
        complaint(() => resolveConfig({ flags })),
        message,
      ),
    );
  }

  const fileMessages: [string, string][] = [
    [
      '# a run\nhidden_size: big',
      'train: run.yaml, line 2: hidden_size must be a whole number from 1 to 16384, found "big"',
    ],
    [
      'hidden_size: "5"',
      'train: run.yaml, line 1: hidden_size must be a whole number from 1 to 16384, found "5"',
    ],
    [
      'batch_size: .nan',
      'train: run.yaml, line 1: batch_size must be a whole number from 1 to 1000000, found NaN',
    ],
    [
      'learning_rate: .inf',
      'train: run.yaml, line 1: learning_rate must be a number above 0 and at most 1000, found Infinity',
    ],
    [
      'hidden_size: {a: 1}',
      'train: run.yaml, line 1: hidden_size must be a whole number from 1 to 16384, found a mapping',
    ],
    [
      'hidden_size: null',
      'train: run.yaml, line 1: hidden_size must be a whole number from 1 to 16384, found null',
    ],
    [
      'chart_format: svg',
      'train: run.yaml, line 1: chart_format must be a list of svg, png, pdf, found "svg"',
    ],
    ['hiden_size: 5', 'train: run.yaml, line 1: unknown option hiden_size; did you mean hidden_size?'],
    ['lr: 5', 'train: run.yaml, line 1: unknown option lr; did you mean learning_rate?'],
    ['maxEpochs: 5', 'train: run.yaml, line 1: unknown option maxEpochs; did you mean num_epochs?'],
    [
      'tensorboard: true',
      'train: run.yaml, line 1: unknown option tensorboard; `scanstroke train --help` lists the options',
    ],
    [
      '__proto__: {preset: quick}',
      'train: run.yaml, line 1: unknown option __proto__; `scanstroke train --help` lists the options',
    ],
    [
      'hidden_size: 5\nhidden-size: 6',
      'train: run.yaml, line 2: hidden-size is given twice; keep one of the two spellings',
    ],
    [
      'preset: strokes\naugment_flip: 0.1',
      'train: run.yaml, line 2: augment_flip has no effect with stroke_sort true; leave it out, or use stroke_sort false',
    ],
    [
      'nesterov: true',
      'train: run.yaml, line 1: nesterov has no effect with optimizer adam; leave it out, or use optimizer sgd',
    ],
    [
      '"\\e[2J": 1',
      'train: run.yaml, line 1: unknown option \\u001b[2J; `scanstroke train --help` lists the options',
    ],
  ];
  for (const [text, message] of fileMessages) {
    it(message, () =>
      assert.equal(
        complaint(() => resolveConfig({ file: file(text) })),
        message,
      ),
    );
  }

  it('start with the name of the command', () => {
    const message = complaint(() => givenOptions({ flags: { threads: '0' } }, 'evaluate'));
    assert.match(message, /^evaluate: --threads must be/);
  });
});

describe('configuration files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'scanstroke-config-'));
  after(() => rmSync(folder, { recursive: true }));
  const write = (name: string, content: string | Uint8Array) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };

  it('may be YAML or JSON, with comments and $schema, or empty', async () => {
    const yaml = await readConfigFile(write('a.yaml', '# mine\nhidden_size: 64 # small\ntrain_split: 4/5\n'));
    assert.deepEqual(givenOptions({ file: yaml }), { hiddenSize: 64, trainSplit: 0.8 });
    const json = await readConfigFile(
      write('a.json', '{\n\t"$schema": "x",\n\t"eps": 1e-8, "chart_format": []\n}'),
    );
    assert.deepEqual(givenOptions({ file: json }), { eps: 1e-8, chartFormat: [] });
    assert.deepEqual(givenOptions({ file: await readConfigFile(write('empty.yaml', '')) }), {});
  });

  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefghi'].map((name, i) => `${name}: &${name} [${`*${'abcdefgh'[i]},`.repeat(9)}]`).join('\n')}`;
  const hostile: [string, string, RegExp][] = [
    ['a bomb of aliases', bomb, /line 2: aliases are not accepted \(\*a\); write the value itself$/],
    ['an alias as a key', 'a: &a x\n*a : 1', /line 2: the name of an option is expected, not a value$/],
    ['a tag', 'hidden_size: !!js/function "x"', /not a valid YAML or JSON file: Unresolved tag/],
    ['two documents', 'a: 1\n---\nb: 2', /line 2: a second document begins here \(---\); keep one$/],
    [
      'a key twice',
      'seeds: 1\nseeds: 2',
      /not a valid YAML or JSON file: Map keys must be unique at line 2, column 1$/,
    ],
    ['a list', '- 1\n- 2', /expected a mapping/],
    ['a word', 'quick', /expected a mapping/],
    ['a list as a key', '[1, 2]: 3', /line 1: the name of an option is expected, not a value$/],
    ['broken JSON', '{"seeds": 1', /not a valid YAML or JSON file: .*line 1/],
  ];
  for (const [name, text, pattern] of hostile) {
    it(`refuses ${name}`, () => {
      const message = complaint(() => resolveConfig({ file: file(text) }));
      assert.match(message, pattern);
      assert.match(message, /^train: run\.yaml/);
    });
  }

  const nests = [
    '[',
    '{',
    '- ',
    '? ',
    ': ',
    'a: ',
    '[a: ',
    '{? ',
    '- a: ',
    '"a": ',
    '&a ',
    '!x ',
    '*a ',
    '[]',
    '{}: ',
    '-\n',
  ];
  for (const nest of nests) {
    it(`refuses deep nesting of ${JSON.stringify(nest)} before it overflows the parser's stack`, () => {
      for (const text of [
        nest.repeat(60_000 / nest.length),
        nest.repeat(5000) + ']'.repeat(5000),
        nest.repeat(301),
      ]) {
        assert.match(
          complaint(() => file(text)),
          /^train: run\.yaml: more than 300 structural tokens/,
        );
      }
    });
  }
  it('may contain three times as many keys as there are options, in YAML and in JSON', () => {
    const options = Object.entries(configToDisk(defaultConfig())).map(([key, value]) => [
      key,
      JSON.stringify(value),
    ]);
    for (const text of [
      options.map(([key, value]) => `# it's [a] - {comment}: x\n${key}: ${value} # why: because\n`).join(''),
      `{${options.map(([key, value]) => `"${key}": ${value}`).join(',')}}`,
      options
        .flatMap(([key, value]) => ['a', 'b', 'c'].map((extra) => `${key}${extra}: ${value}\n`))
        .join(''),
    ]) {
      assert.ok(file(text).entries.size >= options.length);
    }
  });

  it('refuses a long file, a binary file, a folder, a device and a missing file', async () => {
    await assert.rejects(readConfigFile(write('long', 'x'.repeat(65 * 1024))), /at most 65536 are accepted/);
    await assert.rejects(
      readConfigFile(write('latin', Uint8Array.of(0x61, 0x3a, 0xe9))),
      /the file is not UTF-8 text/,
    );
    await assert.rejects(readConfigFile(folder), UserError);
    await assert.rejects(readConfigFile('/dev/zero'), UserError);
    await assert.rejects(readConfigFile(join(folder, 'none.yaml')), /does not exist/);
  });

  it('results in a configuration or a UserError for any text', () => {
    const word = fc.constantFrom(
      'hidden_size',
      ': ',
      '\n',
      '- ',
      '5',
      '[',
      ']',
      '{',
      '}',
      '&a ',
      '*a',
      '!!x ',
      '"',
      '#',
      '? ',
      '|',
      '%',
      '---',
      '__proto__',
      '  ',
      '\t',
      'null',
      ',',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(word, { maxLength: 30 }).map((words) => words.join('')),
    );
    fc.assert(
      fc.property(text, (content) => {
        try {
          resolveConfig({ file: file(content) });
        } catch (error) {
          assert.ok(error instanceof UserError, `${error}`);
        }
      }),
      { seed: 2, numRuns: 2000 },
    );
  });
});
