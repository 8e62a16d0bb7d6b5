/** Mutations of JSON values: members removed, doubled, renamed, replaced by values of other types, nested. */
import fc from 'fast-check';
import type { Random } from '#src/random.js';
import { chance, hostileNumber, pick } from './byte-mutations.js';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Pools drawn once by fast-check, from fixed seeds. */
const VALUES: Json[] = fc.sample(fc.jsonValue({ maxDepth: 2 }), { seed: 1, numRuns: 400 }).map(asJson);
const TEXTS: string[] = [
  ...fc.sample(fc.string({ unit: 'binary', maxLength: 12 }), { seed: 2, numRuns: 200 }),
  ...[
    '',
    ' ',
    '\0',
    '\u001b[2J\u001b[31m',
    '\n',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '../../..',
  ],
  ...[
    '/etc/passwd',
    '/dev/zero',
    'C:\\',
    '\u202e',
    '\ud800',
    '"',
    '{{x}}',
    '<script>',
    '%s',
    '-1',
    '1e400',
    'NaN',
  ],
];
const NUMBERS = [
  ...[
    0,
    -0,
    1,
    -1,
    2,
    3,
    0.5,
    1e-320,
    1e300,
    -1e300,
    2 ** 31,
    2 ** 32,
    2 ** 53 - 1,
    2 ** 53,
    -(2 ** 31),
    255,
    256,
  ],
  ...[1.5, 28, 784, 65_535, 65_536, 1_000_000, 1e9, 1e15],
];

function asJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

export function hostileText(random: Random): string {
  if (chance(random, 0.05)) return pick(random, TEXTS).repeat(1 + random.below(400));
  return pick(random, TEXTS);
}

/** A value of any type, often at an edge. */
export function hostileValue(random: Random): Json {
  switch (random.below(8)) {
    case 0:
      return null;
    case 1:
      return chance(random, 0.5);
    case 2:
      return pick(random, NUMBERS);
    case 3:
      return hostileNumber(random) * (chance(random, 0.1) ? -1 : 1);
    case 4:
      return hostileText(random);
    case 5:
      return pick<Json>(random, [[], {}, [[]], [null], { a: 1 }, [0, 1, 2], '5', 'true']);
    default:
      return pick(random, VALUES);
  }
}

/** A copy of `value` after 1 to 3 mutations at random places. */
export function mutateJson(random: Random, value: Json): Json {
  let changed = value;
  const count = 1 + Math.min(random.below(3), random.below(3));
  for (let n = 0; n < count; n++) changed = mutateAt(random, changed, random.below(5));
  return changed;
}

/** Mutates inside of the value while `depth` lasts, else the value itself. */
function mutateAt(random: Random, value: Json, depth: number): Json {
  if (depth > 0 && Array.isArray(value) && value.length > 0) {
    const copy = [...value];
    const at = random.below(copy.length);
    copy[at] = mutateAt(random, copy[at], depth - 1);
    return copy;
  }
  if (depth > 0 && isObject(value) && Object.keys(value).length > 0) {
    const key = pick(random, Object.keys(value));
    return with_(value, key, mutateAt(random, value[key], depth - 1));
  }
  if (Array.isArray(value)) return mutateList(random, value);
  if (isObject(value)) return mutateObject(random, value);
  if (typeof value === 'number' && chance(random, 0.6)) {
    return pick(random, [
      value + 1,
      value - 1,
      -value,
      value * 2,
      value / 2,
      value + 0.5,
      value * 1e6,
      String(value),
    ]);
  }
  if (typeof value === 'string' && chance(random, 0.5)) {
    const at = random.below(value.length + 1);
    return value.slice(0, at) + hostileText(random) + value.slice(at + random.below(3));
  }
  return hostileValue(random);
}

function mutateList(random: Random, value: Json[]): Json {
  const at = random.below(value.length + 1);
  switch (random.below(6)) {
    case 0:
      return value.toSpliced(at, 1 + random.below(2));
    case 1:
      return value.toSpliced(at, 0, hostileValue(random));
    case 2:
      return value.toSpliced(at, 0, ...value.slice(0, 1 + random.below(3)));
    case 3:
      return value.length === 0
        ? [[]]
        : Array.from({ length: 1 + random.below(200) }, (_, n) => value[n % value.length]);
    case 4:
      return nested(random, value);
    default:
      return hostileValue(random);
  }
}

function mutateObject(random: Random, value: { [key: string]: Json }): Json {
  const keys = Object.keys(value);
  const key = keys.length > 0 ? pick(random, keys) : 'a';
  switch (random.below(7)) {
    case 0:
      return Object.fromEntries(Object.entries(value).filter(([each]) => each !== key));
    case 1:
      return with_(value, hostileText(random), hostileValue(random));
    case 2:
      return with_(value, hostileText(random), value[key] ?? null);
    case 3:
      return with_(
        value,
        key.replace(/_(\w)/g, (_, c: string) => c.toUpperCase()),
        hostileValue(random),
      );
    case 4:
      return nested(random, value);
    case 5:
      return hostileValue(random);
    default:
      return with_(value, key, hostileValue(random));
  }
}

/** The value inside of lists: a few, or more than any parser should follow. */
function nested(random: Random, value: Json): Json {
  let inner: Json = value;
  const depth = chance(random, 0.2) ? 20 + random.below(200) : 1 + random.below(3);
  for (let n = 0; n < depth; n++) inner = chance(random, 0.5) ? [inner] : { a: inner };
  return inner;
}

/** A copy with a member set. `__proto__` becomes a member like any other. */
function with_(value: { [key: string]: Json }, key: string, member: Json): { [key: string]: Json } {
  return Object.fromEntries([...Object.entries(value), [key, member]]);
}

export function isObject(value: Json): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** JSON text of a value, now and then written in an unusual or broken way. */
export function jsonText(random: Random, value: Json): string {
  const text = JSON.stringify(value, null, chance(random, 0.2) ? 1 : 0);
  if (chance(random, 0.9)) return text;
  const at = random.below(text.length + 1);
  return (
    text.slice(0, at) +
    pick(random, ['', ',', '}', ']', '\\u0000', 'e5', '\ufeff', '//']) +
    text.slice(at + 1)
  );
}
