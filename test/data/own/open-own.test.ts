/**
 * Protects reading pictures from folders and ZIP archives: both give the same data set; what systems leave behind is
 * skipped; links do not lead out of the folder; damaged and hostile archives are refused.
 */
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { encode } from 'fast-png';
import { type Zippable, zipSync } from 'fflate';
import { loadDataset } from '#src/data/open-dataset.js';
import { openOwn } from '#src/data/own/open-own.js';
import { UserError } from '#src/user-error.js';
import { temporaryFolder } from '../../train/small-mnist.js';
import { exif, jpegFile, withSegment } from '../pictures/photo-file.js';

const folder = temporaryFolder();

/** A grey PNG with a bar: its place depends on n. */
function bar(n: number, width = 10, height = 8): Uint8Array {
  const data = new Uint8Array(width * height).fill(255);
  data.fill(0, width * (1 + (n % 5)), width * (2 + (n % 5)) - 2);
  return encode({ width, height, data, channels: 1, depth: 8 });
}

/** Files of two classes. */
function twoClasses(each = 7): Record<string, Uint8Array> {
  const files: Record<string, Uint8Array> = {};
  for (let n = 0; n < each; n++) {
    files[`flat/${n}.png`] = bar(n);
    files[`tall/${n}.png`] = bar(n, 8, 10 + n);
  }
  return files;
}

let made = 0;
function writeFolder(files: Record<string, Uint8Array | string>): string {
  const place = join(folder, `set${made++}`);
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(place, name)), { recursive: true });
    writeFileSync(join(place, name), bytes);
  }
  return place;
}
function writeZip(bytes: Uint8Array): string {
  const path = join(folder, `set${made++}.zip`);
  writeFileSync(path, bytes);
  return path;
}

/** The archive with the end of a large one: a ZIP64 record and its locator. */
function withZip64(bytes: Buffer): Buffer {
  const at = bytes.length - 22;
  const [record, locator, end] = [Buffer.alloc(56), Buffer.alloc(20), Buffer.from(bytes.subarray(at))];
  record.writeUInt32LE(0x06064b50);
  record.writeBigUInt64LE(BigInt(end.readUInt32LE(12)), 40);
  record.writeBigUInt64LE(BigInt(end.readUInt32LE(16)), 48);
  locator.writeUInt32LE(0x07064b50);
  locator.writeBigUInt64LE(BigInt(at), 8);
  end.fill(0xff, 8, 20);
  return Buffer.concat([bytes.subarray(0, at), record, locator, end]);
}

const load = (path: string, onNotice?: (line: string) => void) =>
  loadDataset(path, { channelsImg: null, order: 'tour', onNotice });

/** What is left out, with the reasons. */
async function leftOutIn(path: string): Promise<string[]> {
  const source = await openOwn(path);
  const left: string[] = [];
  for await (const _ of source?.pictures(undefined, (where, reason) =>
    left.push(`${where.split('/').at(-1)}: ${reason}`),
  ) ?? []);
  return left;
}

const refused = (path: string, message: RegExp) =>
  assert.rejects(load(path), (error: unknown) => error instanceof UserError && message.test(error.message));

describe('folders and archives', () => {
  test('give the same data set, also with a folder around the classes', async () => {
    const files = twoClasses();
    const { name: _, ...fromFolder } = await load(writeFolder(files));
    const { name: __, ...fromZip } = await load(writeZip(zipSync(files as Zippable)));
    const around = Object.entries(files).map(([path, bytes]) => [`a/b/${path}`, bytes]);
    const { name: ___, ...deep } = await load(writeZip(zipSync(Object.fromEntries(around), { level: 0 })));
    assert.deepEqual(fromZip, fromFolder);
    assert.deepEqual(deep, fromFolder);
    assert.deepEqual([fromFolder.train.count, fromFolder.test.count], [12, 2]);
  });

  test('hidden files, and what systems leave behind, are skipped without a word', async () => {
    const rest = {
      '.DS_Store': 'x',
      '__MACOSX/flat/._1.png': 'x',
      'flat/Thumbs.db': 'x',
      'flat/.x.png': 'x',
      'a.txt': 'x',
    };
    assert.deepEqual(await leftOutIn(writeFolder({ ...twoClasses(), ...rest })), []);
  });

  test('a folder beside those of classes without a picture is named', async () => {
    const files = { ...twoClasses(), 'flat/old/a.txt': 'x', 'wide/a.txt': 'x', '.git/a.txt': 'x' };
    const place = writeFolder(files);
    mkdirSync(join(place, 'long/old'), { recursive: true });
    const packed: Zippable = { 'wide/': new Uint8Array(), 'long/': new Uint8Array() };
    for (const [path, content] of Object.entries(files)) {
      packed[path] = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    }
    for (const path of [place, writeZip(zipSync(packed))]) {
      const lines: string[] = [];
      await load(path, (line) => lines.push(line));
      const [long, wide] = ['long', 'wide'].map((name) => join(path, name));
      assert.deepEqual(
        lines.filter((line) => line.includes('no picture')).map((line) => line.replace(/^[^:]*: /, '')),
        [`no picture in the folder ${long}, ${wide}`],
      );
    }
  });

  test('pictures that cannot be read are left out with the reason', async () => {
    const left = await leftOutIn(
      writeFolder({
        ...twoClasses(),
        'flat/a.png': bar(1).subarray(0, 60),
        'flat/b.gif': 'GIF89a',
        'flat/c.png': '',
      }),
    );
    assert.match(left[0], /^a\.png: a damaged PNG file: it is cut short/);
    assert.match(left[1], /^b\.gif: expected a PNG, JPEG or WebP picture; found a GIF picture/);
    assert.match(left[2], /^c\.png: expected a PNG, JPEG or WebP picture/);
    assert.equal(left.length, 3);
  });

  test('a photo is upright, and its width is that of the upright picture', async () => {
    const pixels = Uint8Array.from({ length: 600 }, (_, i) => (i % 30 < 15 ? 0 : 255));
    const lying = withSegment(await jpegFile({ width: 30, height: 20, pixels }), 0xe1, exif(6));
    const source = await openOwn(writeFolder({ 'a/1.jpg': lying }));
    for await (const { width, height, channels } of source?.pictures(undefined, () => {}) ?? []) {
      assert.deepEqual([width, height, channels], [20, 30, 1]);
    }
  });

  test('a link is followed within the folder only', async () => {
    const place = writeFolder(twoClasses());
    writeFileSync(join(folder, 'outside.png'), bar(1));
    symlinkSync(join(folder, 'outside.png'), join(place, 'flat/out.png'));
    symlinkSync(join(place, 'flat/1.png'), join(place, 'flat/in.png'));
    symlinkSync(place, join(place, 'flat/circle'));
    const paths: string[] = [];
    for await (const { where } of (await openOwn(place))?.pictures(undefined, () => {}) ?? [])
      paths.push(where);
    assert.equal(paths.length, 15);
    assert.ok(paths.some((path) => path.endsWith('in.png')));
  });

  test('a table of labels is read in both', async () => {
    const files: Record<string, Uint8Array> = {};
    let table = 'file_name,label\n';
    for (let n = 0; n < 14; n++) {
      files[`images/${n}.png`] = bar(n);
      table += `images/${n}.png,${n % 2 ? 'odd' : 'even'}\n`;
    }
    files['metadata.csv'] = new TextEncoder().encode(table);
    for (const path of [writeFolder(files), writeZip(zipSync(files as Zippable))]) {
      const { classes, train, test: tests } = await load(path);
      assert.deepEqual([classes, train.count, tests.count], [['even', 'odd'], 12, 2]);
    }
  });

  test('where tables, IDX files or drawings lie instead of pictures, the message says which path to give', async () => {
    const file = new TextEncoder().encode('label,a,b,c,d\n1,0,0,0,255\n');
    const cases: [files: Record<string, Uint8Array>, message: RegExp][] = [
      [
        { 'train.csv': file, 'old/a.csv': file },
        /no pictures found, but tables: \S+train\.csv, \S+old.a\.csv; give one of them, such as \S+train\.csv: CSV files beside/,
      ],
      [{ 'below/a.csv': file }, /but tables: \S+below.a\.csv; give \S+below.a\.csv: CSV files/],
      [{ 'raw/x/y.npy': file, 'raw/x/x.npy': file }, /but tables: \S+, \S+; give \S+raw.x$/],
      [{ 'raw/train-images-idx3-ubyte': file }, /but IDX files: \S+; give \S+raw$/],
      [{ 'mine/cats.ndjson': file }, /but drawings: \S+cats\.ndjson; give \S+mine$/],
      [{ 'a/notes.json': file, 'a/b.txt': file }, /no pictures found; expected PNG/],
    ];
    for (const [files, message] of cases) await refused(writeFolder(files), message);
    await refused(
      writeZip(zipSync({ 'train.csv': file })),
      /but tables: \S+train\.csv; unpack the archive, and give the unpacked file/,
    );
  });

  test('names without a flag are in code page 437, unless they are UTF-8', async () => {
    const bytes = Buffer.from(zipSync(twoClasses() as Zippable));
    const renamed = (name: string, encoding: 'latin1' | 'utf8') =>
      writeZip(
        Buffer.from(
          bytes.toString('latin1').replaceAll('flat', Buffer.from(name, encoding).toString('latin1')),
          'latin1',
        ),
      );
    assert.deepEqual((await load(renamed('\x8e\x94\x81t', 'latin1'))).classes, ['tall', 'Äöüt']);
    assert.deepEqual((await load(renamed('Äöüt'.slice(1, 3), 'utf8'))).classes, ['tall', 'öü']);
  });

  test('a comment with the signature of the end, bytes in front of the archive and behind it', async () => {
    const bytes = Buffer.from(zipSync(twoClasses() as Zippable));
    const comment = Buffer.from(`a comment PK\x05\x06 ${'x'.repeat(40)}`);
    const commented = Buffer.concat([bytes, comment]);
    commented.writeUInt16LE(comment.length, bytes.length - 2);
    const program = Buffer.from('#!/bin/sh\n');
    const large = Buffer.concat([program, withZip64(bytes)]);
    for (const archive of [
      commented,
      Buffer.concat([program, bytes]),
      Buffer.concat([bytes, program]),
      Buffer.concat([program, commented]),
      withZip64(bytes),
      large,
    ]) {
      const { train, test: tests } = await load(writeZip(archive));
      assert.deepEqual([train.count, tests.count], [12, 2]);
    }
    large.writeUInt32LE(0, large.length - 22 - 20 - 56);
    await refused(writeZip(large), /a damaged ZIP archive: its ZIP64 directory makes no sense/);
  });

  test('strokes are made of the pictures', async () => {
    const dataset = await load(`strokes:${writeFolder(twoClasses())}`);
    assert.equal(dataset.kind, 'strokes');
    assert.deepEqual([dataset.train.count, dataset.test.count], [12, 2]);
  });
});

describe('hostile archives', () => {
  const zip = () => zipSync(twoClasses() as Zippable);
  /** Where the directory begins. */
  const directoryOf = (bytes: Uint8Array) => Buffer.from(bytes).readUInt32LE(bytes.length - 22 + 16);

  test('what is no archive, or cut short, is refused', async () => {
    await refused(writeZip(new Uint8Array()), /expected a ZIP archive/);
    await refused(
      writeZip(new TextEncoder().encode('Dear reader')),
      /found text beginning with "Dear reader"/,
    );
    await refused(
      writeZip(zip().subarray(0, 900)),
      /the ZIP archive is cut short: .* is not in its 900 bytes; copy or load it again/,
    );
    await refused(writeZip(zip().subarray(50)), /a damaged ZIP archive/);
  });

  test('a file that unpacks to more than it announces, or to far more than a picture, is left out', async () => {
    const bytes = zipSync({ ...twoClasses(), 'flat/bomb.png': new Uint8Array(2 ** 23) } as Zippable);
    assert.match(
      (await leftOutIn(writeZip(bytes)))[0],
      /^bomb\.png: \d+ bytes that unpack to 8388608; no picture is so large/,
    );
    const lying = Buffer.from(zip());
    // The first entry announces 10 bytes.
    lying.writeUInt32LE(10, directoryOf(lying) + 24);
    assert.match((await leftOutIn(writeZip(lying)))[0], /its compressed bytes are damaged|announced/);
  });

  test('files that share their bytes are refused', async () => {
    const lying = Buffer.from(zip());
    lying.writeUInt32LE(lying.length + 1, directoryOf(lying) + 20);
    await refused(writeZip(lying), /its files are larger than the archive; it may be a ZIP bomb/);
  });

  test('encrypted files and unknown methods are left out', async () => {
    const encrypted = Buffer.from(zip());
    encrypted.writeUInt16LE(1, directoryOf(encrypted) + 8);
    assert.match((await leftOutIn(writeZip(encrypted)))[0], /it is encrypted/);
    const other = Buffer.from(zip());
    other.writeUInt16LE(14, directoryOf(other) + 10);
    assert.match((await leftOutIn(writeZip(other)))[0], /compressed by method 14, which is not read/);
  });
});
