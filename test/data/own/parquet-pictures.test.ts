/** Protects pictures in Parquet files, which PyArrow 25 wrote in the form of Hugging Face's datasets. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { UserError } from 'scanstroke';
import { readOwnPicture } from '#src/data/own/read-own-picture.js';
import { openTable } from '#src/data/own/tables/open-table.js';
import { pageHeader } from '#src/data/own/tables/parquet-pages.js';
import { readAll } from './tables-on-disk.js';

const fixtures = fileURLToPath(new URL('../../../../test/fixtures/tables/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'scanstroke-parquet-'));
after(() => rmSync(folder, { recursive: true }));

async function read(path: string) {
  const source = await openTable(path, readOwnPicture);
  assert.ok(source);
  return readAll(source);
}

test('a folder of parts in row groups, snappy and zstd, with names of the classes', async () => {
  const data = join(folder, 'repository', 'data');
  mkdirSync(data, { recursive: true });
  for (const part of ['train', 'test']) {
    copyFileSync(
      join(fixtures, `${part}-00000-of-00001.parquet`),
      join(data, `${part}-00000-of-00001.parquet`),
    );
  }
  const { pictures, total, leftOut } = await read(join(folder, 'repository'));
  assert.deepEqual([total, leftOut.length], [14, 0]);
  const inOrder = [...pictures].sort((a, b) => (a.part === b.part ? 0 : a.part === 'train' ? -1 : 1));
  inOrder.forEach(({ label, part, width, height, channels, pixels, where }, n) => {
    const [index, want] = n < 10 ? [n, 'train'] : [n - 10, 'test'];
    assert.deepEqual([label, part, width, height, channels], [index % 2 ? 'dog' : 'cat', want, 6, 8, 1]);
    assert.equal(pixels[6 * ((index % 2) + 1) + 1], 200 + index);
    assert.match(where, new RegExp(`\\.parquet:${index + 1}$`));
  });
});

test('labels as text, gzip', async () => {
  const { pictures } = await read(join(fixtures, 'text-labels.parquet'));
  assert.deepEqual(
    pictures.map(({ label, part }) => [label, part]),
    [0, 1, 0, 1, 0, 1].map((k) => [['cat', 'dog'][k], null]),
  );
});

test('rows without a picture or a label are left out, each with its reason', async () => {
  const { pictures, leftOut } = await read(join(fixtures, 'gaps.parquet'));
  assert.deepEqual(
    pictures.map(({ label }) => label),
    ['cat'],
  );
  assert.deepEqual(
    leftOut.map((line) => line.replace(/^.*parquet:/, '').replace(/expected .*/, '…')),
    [
      '2: the file has only the path "b.png" of the picture',
      '3: it has no picture',
      '4: it has no label',
      '5: …',
      '6: it has no label',
      '7: its label 7 is none of the 2 classes in the metadata',
    ],
  );
});

test('another compression, damaged and other files are refused by name', async () => {
  const refused = (content: Uint8Array, message: RegExp) => {
    const path = join(folder, 'a.parquet');
    writeFileSync(path, content);
    return assert.rejects(read(path), (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, message);
      return true;
    });
  };
  const good = readFileSync(join(fixtures, 'text-labels.parquet'));
  await refused(readFileSync(join(fixtures, 'lz4.parquet')), /compressed by LZ4.*write it with snappy, gzip/);
  await refused(good.subarray(0, 900), /the Parquet file is cut short/);
  await refused(Buffer.from('not a table'), /expected a Parquet file, found text/);
  await refused(Buffer.alloc(0), /expected a Parquet file/);
  const renamed = Buffer.from(good.toString('latin1').replaceAll('image', 'ximag'), 'latin1');
  await refused(renamed, /expected a column image .* found the columns "ximag, label"/);
  const huge = Buffer.from(good);
  huge.writeUInt32LE(0x7fffffff, huge.length - 8);
  await refused(huge, /its metadata should have 2147483647 bytes/);
});

/** The fixture with bytes replaced, of which the first occurrence is looked for. */
function changed(name: string, from: readonly number[], to: readonly number[]): Buffer {
  const bytes = readFileSync(join(fixtures, name));
  const at = bytes.indexOf(Buffer.from(from));
  assert.ok(at > 0);
  Buffer.from(to).copy(bytes, at);
  return bytes;
}

async function refusedAs(content: Uint8Array, message: RegExp): Promise<void> {
  const path = join(folder, 'hostile.parquet');
  writeFileSync(path, content);
  await assert.rejects(read(path), (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, message);
    return true;
  });
}

test('a page that should hold more values than the row group has rows is refused before it is decoded', async () => {
  // num_values 6, in a struct of its own, as 63: no larger number has as few bytes.
  await refusedAs(
    changed('text-labels.parquet', [0x2c, 0x15, 0x0c], [0x2c, 0x15, 0x7e]),
    /hostile\.parquet: a page of the column image\.bytes, at byte \d+, should have 63 values, where at most \d+ are possible/,
  );
  await refusedAs(
    changed(
      'text-labels.parquet',
      [0x15, 0x0c, 0x15, 0x10, 0x15, 0x06],
      [0x15, 0x0d, 0x15, 0x10, 0x15, 0x06],
    ),
    /should have -7 values/,
  );
});

test('page headers: numbers are read, everything else is stepped over, damage is an error', () => {
  const zigzag = (value: number) => {
    const bytes: number[] = [];
    for (let left = 2 * value; ; left = Math.floor(left / 128)) {
      bytes.push((left % 128) | (left > 127 ? 128 : 0));
      if (left < 128) return bytes;
    }
  };
  const huge = 2 ** 31 - 1;
  const statistics = [0x5c, 0x18, 2, 65, 66, 0x16, 4, 0];
  const header = [0x15, ...zigzag(0), 0x15, ...zigzag(300), 0x15, ...zigzag(20)];
  const data = [0x2c, 0x15, ...zigzag(huge), 0x15, 0, ...statistics, 0];
  const bytes = Uint8Array.from([9, 9, ...header, ...data, 0, 7]);
  assert.deepEqual(pageHeader(bytes, 2), {
    type: 0,
    unpackedBytes: 300,
    packedBytes: 20,
    values: huge,
    end: bytes.length - 1,
  });
  for (let end = 2; end < bytes.length - 1; end++) {
    assert.throws(() => pageHeader(bytes.subarray(0, end), 2), RangeError, `cut at ${end}`);
  }
  assert.throws(() => pageHeader(Uint8Array.of(0x1b, 1, 1), 0), /type 11 is unknown/);
  assert.throws(() => pageHeader(new Uint8Array(50).fill(0x1c), 0), /nested too deep/);
});

test('a run of equal values that is longer than its page takes no memory', async () => {
  // The definition levels of image.path: 10 bytes as they are, in Snappy's form; a run of 2 ** 27 values.
  const bytes = readFileSync(join(fixtures, 'gaps.parquet'));
  const header = bytes.indexOf(Buffer.from([0x15, 0, 0x15, 0x14, 0x15, 0x18]));
  const { end, packedBytes } = pageHeader(bytes, header);
  assert.equal(packedBytes, 12);
  Buffer.from([10, 36, 6, 0, 0, 0, 0x80, 0x80, 0x80, 0x80, 1, 1]).copy(bytes, end);
  const before = process.resourceUsage().maxRSS;
  await refusedAs(bytes, /damaged/);
  const grown = process.resourceUsage().maxRSS - before;
  assert.ok(grown < 200_000, `${grown} KB`);
});
