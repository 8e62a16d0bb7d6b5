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
