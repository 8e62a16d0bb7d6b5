/** A grammar of command lines: commands, their flags, and paths of which most are not what the command expects. */
import type { Random } from '#src/random.js';
import { flagName } from '#src/train/config/option.js';
import { OPTION_KEYS } from '#src/train/config/options.js';
import { chance, pick } from './mutations/byte-mutations.js';
import { hostileText } from './mutations/json-mutations.js';

/** Paths in the working folder that command-targets.ts makes, and paths of the system. */
const GOOD = [
  'run',
  'run/best.safetensors',
  'run/last.safetensors',
  'images',
  'digit.png',
  'drawing.json',
  'config.yaml',
  'last',
];
const BAD = [
  ...[
    'missing',
    'missing/inside',
    'file.txt',
    'file.txt/inside',
    'empty',
    'folder',
    'loop',
    'loop/inside',
    'dangling',
  ],
  ...[
    'pipe',
    'pipe.json',
    'pipe.safetensors',
    'bad.json',
    'bad.png',
    'bad.safetensors',
    'runs',
    'spy',
    '.',
    '..',
    '-',
    '--',
  ],
  ...[
    'x'.repeat(300),
    'x/'.repeat(2500),
    '/dev/null',
    '/dev/zero',
    '/dev/full',
    '/proc/x',
    '/proc/self/mem',
    '/',
  ],
  ...[
    'two\nlines',
    '\u001b[31mred',
    'right\u202eleft',
    'größe',
    '%s',
    '$(x)',
    "it's",
    '"',
    '*',
    'digit.png:0',
    'strokes:',
  ],
  ...['strokes:loop', 'strokes:pipe', 'strokes:images', 'a.tar.gz', 'drawing.json:7', 'run:1', 'C:\\x'],
];
/** Places to write to. Only such in which a success harms nothing. */
const TARGETS = [
  ...[
    'out',
    'out/deep',
    'file.txt',
    'file.txt/inside',
    'empty',
    'loop',
    'dangling',
    'pipe',
    'run',
    'images',
    'out.svg',
  ],
  ...[
    'out.tar.gz',
    'out.png',
    'x'.repeat(300),
    '/dev/null',
    '/dev/full',
    '/proc/x',
    '/proc/x/y',
    'new\nline',
    '\u001b[31m',
  ],
];
/** Values that no option accepts, or that are small: a training with large ones would take as long as it asks for. */
const VALUES = [
  '0',
  '-1',
  '1',
  '0.5',
  'none',
  'true',
  'x',
  '',
  ' ',
  'NaN',
  '1e-9',
  '1,2',
  'svg',
  'adam',
  '--',
  '=',
  '٣',
];

/** The arguments after `scanstroke`. */
export function makeCommand(random: Random): string[] {
  const args = lineOf(random, pick(random, Object.keys(LINES)));
  if (chance(random, 0.2)) args.splice(random.below(args.length + 1), 0, strayArgument(random));
  if (chance(random, 0.1)) args.splice(random.below(args.length), 1);
  if (chance(random, 0.2)) args.push('--json');
  return args.filter((argument) => !/^--?o(pe?n?)?$/.test(argument));
}

const path = (random: Random) => (chance(random, 0.35) ? pick(random, GOOD) : pick(random, BAD));
const target = (random: Random) => pick(random, TARGETS);
const value = (random: Random) => (chance(random, 0.1) ? hostileText(random) : pick(random, VALUES));

/** Flags of these, each now and then. */
function some(random: Random, flags: Record<string, (random: Random) => string>): string[] {
  return Object.entries(flags).flatMap(([name, make]) => {
    if (!chance(random, 0.4)) return [];
    return chance(random, 0.5) ? [`--${name}=${make(random)}`] : [`--${name}`, make(random)];
  });
}

const QUICK = [
  '--num-epochs',
  '1',
  '--hidden-size',
  '2',
  '--batch-size',
  '20',
  '--threads',
  '1',
  '--chart-format',
  'svg',
];

const LINES: Record<string, (random: Random) => string[]> = {
  train: (random) => [
    ...['--data', 'images', ...QUICK, '--saving-path', target(random)],
    ...some(random, { config: path, data: path, 'load-cp': path }),
    ...(chance(random, 0.5) ? [`--${flagName(pick(random, OPTION_KEYS))}=${value(random)}`] : []),
  ],
  evaluate: (random) => [path(random), ...some(random, { data: path, part: value, 'batch-size': value })],
  predict: (random) => [path(random), ...Array.from({ length: random.below(3) }, () => path(random))],
  info: (random) => [path(random)],
  page: (random) => [path(random), ...some(random, { out: target }), '--out', target(random)],
  'data strokes': (random) => [
    '--data',
    path(random),
    '--out',
    target(random),
    ...some(random, { 'seed-number': value }),
  ],
  'data preview': (random) => [
    '--data',
    path(random),
    ...some(random, { out: target, part: value, count: value, index: value }),
  ],
  presets: (random) => [chance(random, 0.5) ? value(random) : 'quick'],
  serve: (random) => [
    ...['--port', chance(random, 0.8) ? '0' : value(random), ...(chance(random, 0.7) ? [path(random)] : [])],
    ...some(random, {
      runs: path,
      batch: value,
      threads: value,
      host: () => pick(random, ['127.0.0.1', '', '::1', 'no.invalid', ' ']),
    }),
  ],
  build: (random) => [pick(random, ['--help', '--x', 'x'])],
  none: () => [],
};

function lineOf(random: Random, name: string): string[] {
  if (chance(random, 0.03)) return [hostileText(random), path(random)];
  const words = name === 'none' ? [] : name.split(' ');
  return [...words, ...LINES[name](random)];
}

function strayArgument(random: Random): string {
  const flags = [
    '--help',
    '-h',
    '--version',
    '--jsn',
    '--data',
    '--out',
    '--',
    '-x',
    '--no-json',
    '--json=1',
    '--backend=wasm',
  ];
  return chance(random, 0.7) ? pick(random, flags) : path(random);
}
