/** The configuration: YAML and JSON files of strangers, and flags of the command line. */
import assert from 'node:assert/strict';
import { normalizeSpelling } from '#src/cli/arguments/flags.js';
import type { Random } from '#src/random.js';
import { parseConfigFile } from '#src/train/config/config-file.js';
import { flagName } from '#src/train/config/option.js';
import { OPTION_KEYS, OPTIONS } from '#src/train/config/options.js';
import { configToDisk, defaultConfig, givenOptions, resolveConfig } from '#src/train/config/run-config.js';
import { decodeJson, encodeJson } from '../minimise.js';
import { chance, mutateBytes, pick } from '../mutations/byte-mutations.js';
import {
  hostileText,
  hostileValue,
  isObject,
  type Json,
  jsonText,
  mutateJson,
} from '../mutations/json-mutations.js';
import type { Input, Openers } from '../target.js';

const text = (value: string): Input => new TextEncoder().encode(value);

const YAML = `# A run
preset: strokes
data: mnist   # the data
hidden_size: 128
num_layers: 2
bidirectional: true
learning_rate: 1e-3
betas: [0.9, 0.999]
milestones: 3,6
chart_format:
  - svg
  - png
schedule: "one-cycle"
patience: null
`;

function makeConfig(random: Random, defaults: Json): Input {
  if (chance(random, 0.5)) {
    const made = text(jsonText(random, mutateJson(random, defaults)));
    return chance(random, 0.1) ? mutateBytes(random, made) : made;
  }
  return mutateBytes(random, text(YAML));
}

/** Flags by commander's names, often of the right type. */
function makeFlags(random: Random): Input {
  const flags: [string, Json][] = [];
  for (let n = random.below(4); n >= 0; n--) {
    const key = chance(random, 0.95) ? pick(random, OPTION_KEYS) : hostileText(random);
    flags.push([key, chance(random, 0.5) ? likelyValue(random, key) : flagValue(random)]);
  }
  return encodeJson(Object.fromEntries(flags));
}

/** The default, or the default of a related option. */
function likelyValue(random: Random, key: string): Json {
  const known = OPTION_KEYS.find((each) => each === key) ?? pick(random, OPTION_KEYS);
  const { default: value, type } = OPTIONS[known];
  if (type === 'choice') return pick(random, OPTIONS[known].choices);
  if (typeof value === 'number') return String(pick(random, [value, value * 2, value / 2, value + 1, 1]));
  return value === null ? pick(random, ['none', '1', 'x']) : String(value);
}

function flagValue(random: Random): Json {
  if (chance(random, 0.15)) return hostileValue(random);
  const plain = [
    '1',
    '0',
    '0.5',
    '-1',
    '10',
    '28',
    '784',
    'true',
    'false',
    'none',
    'null',
    'adam',
    'one-cycle',
    'svg,pdf',
  ];
  const odd = [
    '1e9',
    '1e-9',
    'Infinity',
    'NaN',
    '0x10',
    ' 5',
    '5 ',
    '1,2,3',
    '1/3',
    '5/0',
    '',
    '=',
    'yes',
    '1_000',
    '٣',
  ];
  return chance(random, 0.3) ? hostileText(random) : pick(random, [...plain, ...odd, true, false]);
}

/** A configuration that was accepted is accepted again after it was written to config.json. */
function checkConfig(config: ReturnType<typeof resolveConfig>): void {
  const again = resolveConfig({ file: parseConfigFile('config.json', JSON.stringify(configToDisk(config))) });
  assert.deepEqual(configToDisk(again), configToDisk(config));
}

export const OPENERS: Openers = {
  'config-file': async () => {
    const defaults = configToDisk(defaultConfig()) as Json;
    return {
      make: (random) => makeConfig(random, defaults),
      run: (input) => {
        checkConfig(resolveConfig({ file: parseConfigFile('file', new TextDecoder().decode(input)) }));
      },
    };
  },
  flags: async () => ({
    make: makeFlags,
    run: (input) => {
      const flags = decodeJson(input);
      assert.ok(isObject(flags));
      const args = Object.entries(flags).map(([key, value]) => `--${key}=${String(value)}`);
      assert.equal(normalizeSpelling(args).length, args.length);
      assert.ok(OPTION_KEYS.map(flagName).every((name) => /^[a-z0-9-]+$/.test(name)));
      givenOptions({ flags }, 'evaluate');
      checkConfig(resolveConfig({ flags }));
    },
  }),
};
