/** Readers of pictures in tables: CSV, NumPy's arrays, Parquet. Pictures in Parquet files are not decoded here. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openTable } from '#src/data/own/tables/open-table.js';
import type { Random } from '#src/random.js';
import { npy, readAll } from '../../data/own/tables-on-disk.js';
import { chance, mutateBytes, pick, spliced } from '../mutations/byte-mutations.js';
import type { Input, Openers, OpenTarget } from '../target.js';

const FIXTURES = new URL('../../../../test/fixtures/tables/', import.meta.url);
const fixture = (name: string): Input => new Uint8Array(readFileSync(new URL(name, FIXTURES)));
const text = (value: string): Input => new TextEncoder().encode(value);

const CSV_FILES = [
  'label,pixel0,pixel1,pixel2,pixel3\n3,0,1,2,255\n0,9,8,7,6\n',
  '"";"label";"a";"b";"c";"d"\r\n"1";"cat ""x""";0;0.5;1;0\r\n',
  '1,0,0,0,0,0,0,0,0,0,0,0,0\n2,255,1,1,1,1,1,1,1,1,1,1,1\n',
].map(text);

const NUMBERS = Uint8Array.from({ length: 64 }, (_, n) => (n * 37) % 256);
const ARRAYS: Input[] = [
  npy('|u1', [4, 4, 4], NUMBERS),
  npy('|u1', [4, 4, 4], NUMBERS, true),
  npy('<f4', [4, 4], NUMBERS),
  npy('>i2', [4, 8], NUMBERS),
  npy('|b1', [4, 1, 4, 4], NUMBERS),
  npy('|O', [4], NUMBERS),
];
const LABELS = npy('<U1', [4], Uint8Array.of(97, 0, 0, 0, 98, 0, 0, 0, 97, 0, 0, 0, 99, 0, 0, 0));

/** A file that one mutation may hit in its text, so that a header stays one. */
function mutated(random: Random, files: readonly Input[]): Input {
  const file = pick(random, files);
  return chance(random, 0.5) ? mutateBytes(random, file) : mutateBytes(random, file, 2);
}

/** Reads a table to its end. */
async function read(path: string): Promise<void> {
  const decode = async (
    bytes: Uint8Array,
    about: { label: string; part: null | 'train' | 'test' | 'validation'; where: string },
  ) => {
    assert.ok(bytes.length >= 0);
    return { ...about, width: 1, height: 1, channels: 1 as const, pixels: new Uint8Array(1) };
  };
  const source = await openTable(path, decode);
  assert.ok(source);
  const { pictures } = await readAll(source);
  for (const { width, height, channels, pixels, label } of pictures) {
    assert.equal(pixels.length, width * height * channels);
    assert.equal(typeof label, 'string');
  }
}

function oneFile(name: string, files: readonly Input[]): (folder: string) => Promise<OpenTarget> {
  return async (folder) => ({
    make: (random) => mutated(random, files),
    run: async (input) => {
      writeFileSync(join(folder, name), input);
      await read(join(folder, name));
    },
  });
}

export const OPENERS: Openers = {
  'csv-pictures': oneFile('train.csv', CSV_FILES),
  'npy-arrays': async (folder) => ({
    make: (random) => {
      const isLabels = chance(random, 0.3);
      const file = mutated(random, isLabels ? [LABELS] : ARRAYS);
      return spliced(file, 0, 0, [Number(isLabels)]);
    },
    run: async (input) => {
      const isLabels = input[0] === 1;
      writeFileSync(join(folder, 'x.npy'), isLabels ? ARRAYS[0] : input.subarray(1));
      writeFileSync(join(folder, 'y.npy'), isLabels ? input.subarray(1) : LABELS);
      await read(folder);
    },
  }),
  'npz-arrays': oneFile('a.npz', ['mnist.npz', 'stored.npz', 'pickled.npz'].map(fixture)),
  'parquet-pictures': oneFile(
    'a.parquet',
    ['train-00000-of-00001.parquet', 'test-00000-of-00001.parquet', 'text-labels.parquet'].map(fixture),
  ),
};
