/** copyRows, dropout, clear, add and sumSquares against the oracle, most of them bit for bit. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Stored } from '#src/backends/backend.js';
import { bfloatToNumber, numberToBfloat } from '#src/backends/bfloat.js';
import { viewIn } from '#src/backends/stored.js';
import { halfToNumber, numberToHalf } from '#src/half.js';
import { Random } from '#src/random.js';
import { uniform } from '../draw.js';
import type { Verbs } from '../verbs.js';
import { accumulated, assertSameBits, type Case, type Tolerance } from './comparison.js';

const WIDTHS = [1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 33, 64, 130];

function copyRowsCases(): Case[] {
  const cases: Case[] = [];
  for (const width of WIDTHS) {
    for (const accumulate of [false, true]) {
      for (const scaled of [false, true]) {
        const random = new Random(width, accumulate ? 1 : 0, scaled ? 1 : 0);
        const rows = 1 + random.below(20);
        const stride = width + random.below(3);
        const values = {
          source: uniform(random, rows * stride + 5),
          // In random order; a source may be read twice. Added rows have a common target.
          sourceOffsets: Array.from({ length: rows }, () => random.below(rows) * stride + random.below(5)),
          target: uniform(random, rows * stride),
          targetOffsets: random
            .shuffle(Array.from({ length: rows }, (_, n) => n))
            .map((n) => (accumulate ? n >> 1 : n) * stride),
          scales: scaled ? uniform(random, rows) : null,
        };
        const target: Tolerance = accumulate
          ? { units: accumulated(2), why: 'two products and sums, fused or rounded one by one' }
          : { units: 0, why: 'at most one rounding, the same on all backends' };
        cases.push({
          name: `copyRows: ${rows} rows of ${width}${scaled ? ', scaled' : ''}${accumulate ? ', added' : ''}`,
          async run(backend, memory) {
            const changed = memory.changed(values.target);
            await backend.copyRows({
              rows,
              width,
              source: memory.input(values.source),
              sourceOffsets: memory.ints(values.sourceOffsets),
              target: changed,
              targetOffsets: memory.ints(values.targetOffsets),
              scales: values.scales === null ? null : memory.input(values.scales),
              accumulate,
            });
            memory.check('copyRows');
            return { target: changed };
          },
          tolerances: { target },
        });
      }
    }
  }
  return cases;
}

function dropoutCases(): Case[] {
  const cases: Case[] = [];
  for (const rate of [0, 0.1, 0.2, 0.5, 0.9, 1 - 2 ** -20]) {
    for (const width of WIDTHS) {
      const random = new Random(width, Math.floor(rate * 2 ** 20));
      const rows = 1 + random.below(9);
      const values = uniform(random, rows * width, 10);
      values.set([Number.POSITIVE_INFINITY, -0, 1e-42].slice(0, values.length));
      // Random words of keys, and counters that wrap around at 2³².
      const keys = Int32Array.from({ length: 2 * rows }, () => random.word());
      const offsets = Int32Array.from({ length: rows }, () => random.word());
      offsets[0] = -2;
      const stream = random.below(7);
      cases.push({
        name: `dropout: rate ${rate}, ${rows} rows of ${width}`,
        async run(backend, memory) {
          const changed = memory.changed(values);
          const args = { rows, width, rate, stream };
          await backend.dropout({
            ...args,
            values: changed,
            keys: memory.ints(keys),
            offsets: memory.ints(offsets),
          });
          memory.check('dropout');
          return { values: changed };
        },
        tolerances: { values: { units: 0, why: 'the same words, one float32 product' } },
      });
    }
  }
  return cases;
}

function clearCases(): Case[] {
  return [0, 1, 3, 8, 17, 1001].map((length) => {
    const values = uniform(new Random(length, 6), length + 5);
    return {
      name: `clear: ${length} floats, and none of the five after them`,
      async run(backend, memory) {
        const target = memory.changed(values);
        await backend.clear(target, length);
        memory.check('clear');
        return { target };
      },
      tolerances: { target: { units: 0, why: 'zeros' } },
    };
  });
}

function addCases(): Case[] {
  return [0, 1, 2, 3, 7, 8, 15, 16, 17, 63, 64, 65, 1001].map((length) => {
    const random = new Random(length, 4);
    const values = { target: uniform(random, length), source: uniform(random, length, 1e-3) };
    return {
      name: `add: ${length} floats`,
      async run(backend, memory) {
        const target = memory.changed(values.target);
        await backend.add(target, memory.input(values.source));
        memory.check('add');
        return { target };
      },
      tolerances: { target: { units: 0, why: 'one float32 addition' } },
    };
  });
}

function sumSquaresCases(): Case[] {
  return [0, 1, 2, 3, 7, 8, 15, 16, 17, 63, 65, 1001, 100_003].map((length) => {
    const random = new Random(length, 5);
    // From subnormal squares to squares beyond float32's range.
    const values = uniform(random, length).map((value, n) => value * 10 ** [0, 25, -30, 3, -42][n % 5]);
    return {
      name: `sumSquares: ${length} floats`,
      async run(backend, memory) {
        const sum = await backend.sumSquares(memory.input(values));
        memory.check('sumSquares');
        return { sum: [sum] };
      },
      tolerances: { sum: { units: accumulated(length) * 2 ** -29, why: 'a float64 sum, in any order' } },
    };
  });
}

export function rowCases(): Case[] {
  return [...copyRowsCases(), ...dropoutCases(), ...clearCases(), ...addCases(), ...sumSquaresCases()];
}

/** A kind of 16-bit floats: its name, its conversions one by one, the bits of infinity, and floats at its edges. */
interface Format {
  name: string;
  widen: (bits: number) => number;
  narrow: (value: number) => number;
  infinity: number;
  edges: number[];
  view: (floats: Float32Array) => Uint16Array | Int16Array;
}
const FORMATS: Format[] = [
  {
    name: 'half',
    widen: halfToNumber,
    narrow: numberToHalf,
    infinity: 0x7c00,
    edges: [65519, 65520, 65536, 1e30, 2 ** -26],
    view: (floats) => viewIn('float16', floats) as Uint16Array,
  },
  {
    name: 'bfloat',
    widen: bfloatToNumber,
    narrow: numberToBfloat,
    infinity: 0x7f80,
    edges: [3.3e38, 3.4e38, 2 ** -126, 2 ** -126 * (1 - 2 ** -23), 2 ** -149],
    view: (floats) => viewIn('bfloat16', floats) as Int16Array,
  },
];

/** Floats around every number of a format, of both signs: it, the middle to the next, and neighbours of the middle. */
function floatsAbout({ widen, infinity, edges }: Format): Float32Array {
  const floats = [Number.NaN, 0, -0, Number.POSITIVE_INFINITY];
  for (const x of edges) floats.push(x, -x);
  for (let bits = 0; bits < infinity; bits++) {
    const value = widen(bits);
    const next = bits + 1 < infinity ? widen(bits + 1) : 2 * value - widen(bits - 1);
    const middle = (value + next) / 2;
    for (const x of [value, middle, middle * (1 + 2 ** -23), middle * (1 - 2 ** -24)]) floats.push(x, -x);
  }
  return Float32Array.from(floats);
}

/** Conversions between floats and 16-bit floats, as copyRows makes them. */
export function conversionTests(backend: Verbs): void {
  const convert = async (source: Stored, target: Stored, width: number) => {
    const offsets = backend.allocateInts(1);
    const offset = { sourceOffsets: offsets, targetOffsets: offsets };
    await backend.copyRows({ rows: 1, width, source, target, ...offset, scales: null, accumulate: false });
  };

  for (const format of FORMATS) {
    const { name, widen, narrow, view } = format;
    const narrowed = (length: number) => view(backend.allocate(Math.ceil(length / 2))).subarray(0, length);

    test(`every ${name} is converted to the float of equal value`, async () => {
      const source = narrowed(0x10000);
      for (let bits = 0; bits < source.length; bits++) source[bits] = bits;
      const target = backend.allocate(source.length);
      await convert(source, target, source.length);
      source.forEach((bits, n) => {
        const expected = widen(bits);
        assert.ok(Object.is(target[n], expected), `${name} ${bits}: ${target[n]}, not ${expected}`);
      });
    });

    test(`floats are rounded to the nearest ${name}, ties to even`, async () => {
      const floats = floatsAbout(format);
      // All lengths of the last, incomplete vector.
      for (const length of [floats.length, 1, 2, 3, 5, 9, 15, 17, 31]) {
        const source = backend.allocate(length);
        source.set(floats.subarray(floats.length - length));
        const target = narrowed(length);
        await convert(source, target, length);
        source.forEach((value, n) => {
          const [got, expected] = [target[n] & 0xffff, narrow(value)];
          const same = Number.isNaN(value) ? Number.isNaN(widen(got)) : got === expected;
          assert.ok(same, `${value}: ${got.toString(16)}, not ${expected.toString(16)}`);
        });
      }
    });

    test(`dropout drops the same elements of ${name}s and of floats`, async () => {
      const [rows, width] = [5, 37];
      const values = uniform(new Random(8), rows * width).map((value) => widen(narrow(value)));
      const floats = backend.allocate(values.length);
      floats.set(values);
      const stored = narrowed(values.length);
      await convert(floats, stored, values.length);
      const keys = backend.allocateInts(2 * rows).map((_, n) => 11 * n);
      const [heldKeys, offsets] = [backend.allocateInts(2 * rows), backend.allocateInts(rows)];
      heldKeys.set(keys);
      const drop = { rows, width, rate: 0.5, keys: heldKeys, offsets, stream: 1 };
      await backend.dropout({ ...drop, values: floats });
      await backend.dropout({ ...drop, values: stored });
      // A factor of 2 is exact.
      assert.deepEqual(Array.from(stored, widen), [...floats]);
    });
  }

  test('halves are converted to bfloats and back', async () => {
    const numbers = [1.5, -0.25, 0, 3, 96, -7.5, 2 ** -14, 1.25, 17];
    const [halves, bfloats, back] = (['float16', 'bfloat16', 'float16'] as const).map((precision) =>
      viewIn(precision, backend.allocate(numbers.length)),
    );
    halves.set(numbers.map(numberToHalf));
    await convert(halves, bfloats, numbers.length);
    await convert(bfloats, back, numbers.length);
    assert.deepEqual(Array.from(bfloats.subarray(0, numbers.length), bfloatToNumber), numbers);
    assert.deepEqual(Array.from(back.subarray(0, numbers.length), halfToNumber), numbers);
  });
}

export function dropoutTests(backend: Verbs): void {
  const draw = async (
    rows: number,
    width: number,
    rate: number,
    seed: number,
    offsets: number[],
    stream = 0,
  ) => {
    const values = backend.allocate(rows * width).fill(1);
    const keys = backend.allocateInts(2 * rows);
    const starts = backend.allocateInts(rows);
    for (let r = 0; r < rows; r++) keys.set([seed, 7], 2 * r);
    starts.set(offsets);
    await backend.dropout({ rows, width, values, rate, keys, offsets: starts, stream });
    const drawn = values.slice();
    for (const array of [values, keys, starts]) backend.release(array);
    return drawn;
  };

  test('dropout keeps the expected fraction of elements, and the mean', async () => {
    for (const rate of [0.2, 0.5, 0.9]) {
      const width = 100_001;
      const drawn = await draw(1, width, rate, 1, [0]);
      const kept = drawn.filter((value) => value !== 0).length;
      // Five standard deviations of a binomial fraction.
      const allowed = 5 * Math.sqrt((rate * (1 - rate)) / width);
      assert.ok(Math.abs(kept / width - (1 - rate)) < allowed, `rate ${rate}: kept ${kept} of ${width}`);
      assert.ok(drawn.every((value) => value === 0 || value === Math.fround(1 / (1 - rate))));
    }
  });

  test('dropout of rate 0 changes nothing', async () => {
    assert.ok((await draw(3, 17, 0, 1, [0, 9, 18])).every((value) => value === 1));
  });

  test('dropout of a row does not depend on its index, but on key and stream', async () => {
    const [width, rate] = [33, 0.5];
    const alone = await draw(1, width, rate, 5, [40]);
    const third = await draw(4, width, rate, 5, [0, 90, 40, 200]);
    assertSameBits(third.slice(2 * width, 3 * width), alone, 'the row as the third of four');
    for (const other of [await draw(1, width, rate, 6, [40]), await draw(1, width, rate, 5, [40], 1)]) {
      const same = other.filter((value, n) => value === alone[n]).length;
      assert.ok(same < width, 'another key or stream must drop other elements');
    }
  });
}
