/** Protects the IDX reader: every element type is read, compressed or not; damaged and hostile files are refused. */

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { parseIdx } from '#src/data/images/idx.js';
import { inflateIdx, readIdxFile } from '#src/data/images/idx-file.js';
import { imageExamples } from '#src/data/images/image-examples.js';
import { UserError } from '#src/user-error.js';
import { mutate, mutation } from '../../formats/mutation.js';
import { countingImages, idxBytes } from './idx-bytes.js';

let folder = '';
beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'scanstroke-idx-'));
});
afterEach(() => fs.rm(folder, { recursive: true }));

const isRefusal = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof UserError, String(error));
  assert.match(error.message, message);
  return true;
};
const refused = (bytes: Uint8Array, message: RegExp) =>
  assert.throws(() => parseIdx(bytes, 'x.idx'), isRefusal(new RegExp(`^x\\.idx: ${message.source}`)));

test('every element type is read, big-endian', () => {
  const cases: [number, number[], ArrayLike<number> & { constructor: unknown }][] = [
    [8, [0, 127, 255], Uint8Array.of(0, 127, 255)],
    [9, [0, 127, 255], Int8Array.of(0, 127, -1)],
    [11, [1, 2, 255, 254], Int16Array.of(258, -2)],
    [12, [1, 2, 3, 4, 255, 255, 255, 255], Int32Array.of(0x01020304, -1)],
    [13, [0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0], Float32Array.of(1, -2)],
    [14, [0x40, 0x09, 0x21, 0xfb, 0x54, 0x44, 0x2d, 0x18], Float64Array.of(Math.PI)],
  ];
  for (const [code, elements, expected] of cases) {
    const { shape, data } = parseIdx(idxBytes(code, [expected.length], elements), 'x');
    assert.deepEqual(shape, [expected.length]);
    assert.deepEqual(data, expected);
  }
});

test('several dimensions, and bytes at an offset in their buffer', () => {
  const file = countingImages([2, 3, 4]);
  const padded = new Uint8Array(file.length + 3);
  padded.set(file, 3);
  const { type, shape, data } = parseIdx(padded.subarray(3), 'x');
  assert.equal(type, 'uint8');
  assert.deepEqual(shape, [2, 3, 4]);
  assert.deepEqual([...data], [...Array(24).keys()]);
});

test('damaged files are refused with both numbers', () => {
  const file = countingImages([2, 3]);
  refused(new Uint8Array(0), /not an IDX file: expected at least 4 bytes, found 0/);
  refused(
    Uint8Array.of(0, 1, 8, 1),
    /not an IDX file: expected it to begin with two zero bytes, found binary data beginning with 00 01 08 01/,
  );
  refused(gzipSync(file), /not an IDX file: .* found gzip data/);
  refused(Uint8Array.of(0, 0, 10, 1), /byte 2: expected an IDX element type .* found 10/);
  refused(Uint8Array.of(0, 0, 8, 0), /byte 3: expected 1 to 8 dimensions, found 0/);
  refused(Uint8Array.of(0, 0, 8, 255), /byte 3: expected 1 to 8 dimensions, found 255/);
  refused(file.subarray(0, 11), /cut short: the IDX header with 2 dimensions has 12 bytes, found 11/);
  refused(
    file.subarray(0, 17),
    /cut short: 12 bytes of header and 2 × 3 × 1 bytes \(uint8\) are 18 bytes, but the file has 17/,
  );
  refused(Uint8Array.from([...file, 0]), /bytes left over: .* are 18 bytes, but the file has 19/);
  refused(idxBytes(8, [2, 0], []), /byte 8: a dimension is 0/);
  refused(idxBytes(8, [0], []), /byte 4: a dimension is 0/);
});

test('dimensions whose product overflows are refused', () => {
  const huge = 2 ** 32 - 1;
  refused(idxBytes(8, [huge, huge], [1]), /the shape 4294967295 × 4294967295 is more than any file holds/);
  refused(idxBytes(14, Array(8).fill(huge), [1]), /the shape .* is more than any file holds/);
  // 2^16 · 2^16 is 0 in 32 bits, 2^31 · 2^31 · 4 is 0 in 64.
  refused(idxBytes(8, [2 ** 16, 2 ** 16], []), /cut short: .* are 4294967308 bytes, but the file has 12/);
  refused(idxBytes(12, [2 ** 31, 2 ** 31], []), /the shape .* is more than any file holds/);
});

test('compressed files are recognised by their first bytes, not by their names', async () => {
  const file = countingImages([5, 4, 3]);
  const plainNamedGz = join(folder, 'plain.gz');
  const compressed = join(folder, 'compressed');
  await fs.writeFile(plainNamedGz, file);
  await fs.writeFile(compressed, gzipSync(file));
  for (const path of [plainNamedGz, compressed]) {
    assert.deepEqual([...(await readIdxFile(path, 'the images')).data], [...Array(60).keys()]);
  }
  await assert.rejects(
    readIdxFile(join(folder, 'missing'), 'the images'),
    isRefusal(/cannot read the images .* does not/),
  );
});

test('plain and compressed files are read into shared memory, and images in it are not copied', async () => {
  const file = countingImages([30, 10, 10]);
  const labels = parseIdx(idxBytes(8, [30], new Array(30).fill(1)), 'labels');
  for (const [name, bytes] of [
    ['plain', file],
    ['compressed', gzipSync(file)],
  ] as const) {
    await fs.writeFile(join(folder, name), bytes);
    const images = await readIdxFile(join(folder, name), 'the images');
    assert.ok(images.data.buffer instanceof SharedArrayBuffer, name);
    const names = { imagesName: 'images', labelsName: 'labels' };
    const { pixels } = imageExamples(
      { images, labels, ...names, channelsImg: 1, transposed: false },
      () => 0,
    );
    assert.equal(pixels, images.data, name);
    assert.deepEqual(pixels, new Uint8Array(file.subarray(16)));
  }
});

test('a compressed file with a long name in its gzip header, or in two members, is read', async () => {
  const file = countingImages([100, 10]);
  const [first, second] = [gzipSync(file.subarray(0, 500)), gzipSync(file.subarray(500))];
  assert.deepEqual([...(await inflateIdx(Buffer.concat([first, second]), 'x'))], [...file]);
  const gz = gzipSync(file);
  const name = Buffer.alloc(1000, 'n');
  const named = Buffer.concat([gz.subarray(0, 10), name, Buffer.of(0), gz.subarray(10)]);
  named[3] = 8; // FNAME
  assert.deepEqual([...(await inflateIdx(named, 'x'))], [...file]);
});

test('a compressed file that inflates to more than its header announces is refused early', async () => {
  const bomb = gzipSync(Buffer.concat([countingImages([4, 4]), Buffer.alloc(200 * 2 ** 20)]));
  const before = process.memoryUsage().rss;
  await assert.rejects(
    inflateIdx(bomb, 'x.gz'),
    isRefusal(/^x\.gz: the IDX header announces 4 × 4, 28 bytes in all, but the file inflates to more$/),
  );
  assert.ok(process.memoryUsage().rss - before < 50 * 2 ** 20);
});

test('a compressed file that announces more than gzip can compress is refused without inflating it', async () => {
  const before = process.memoryUsage().arrayBuffers;
  await assert.rejects(
    inflateIdx(gzipSync(idxBytes(8, [1_000_000_000], [])), 'x.gz'),
    isRefusal(
      /^x\.gz: the IDX header announces 1000000000, 1000000008 bytes in all, which \d+ bytes of gzip cannot hold$/,
    ),
  );
  await assert.rejects(
    inflateIdx(gzipSync(idxBytes(8, [2 ** 32 - 1], [])), 'x.gz'),
    isRefusal(/at most 2147483648 are/),
  );
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20);
});

test('damaged compressed files are refused, naming the file', async () => {
  const gz = gzipSync(countingImages([50, 50]));
  const cases: [Uint8Array, RegExp][] = [
    [gz.subarray(0, 2), /x\.gz: (damaged gzip data|not an IDX file)/],
    [
      gz.subarray(0, -4),
      /x\.gz: damaged gzip data: unexpected end of file \(Z_BUF_ERROR\); copy or download it again/,
    ],
    [
      gz.map((byte, i) => (i === gz.length - 6 ? byte ^ 1 : byte)),
      /x\.gz: damaged gzip data: incorrect data check/,
    ],
    [gzipSync(Buffer.from('hello')), /x\.gz: not an IDX file/],
    [gzipSync(Buffer.alloc(0)), /x\.gz: not an IDX file/],
  ];
  for (const [bytes, message] of cases) await assert.rejects(inflateIdx(bytes, 'x.gz'), isRefusal(message));
});

/** Whether the bytes were read. Fails if the result is inconsistent or an error is not a UserError. */
async function readOrRefuse(bytes: Uint8Array): Promise<boolean> {
  try {
    const inflated = bytes[0] === 0x1f && bytes[1] === 0x8b ? await inflateIdx(bytes, 'fuzz') : bytes;
    const { shape, data } = parseIdx(inflated, 'fuzz');
    assert.equal(
      data.length,
      shape.reduce((product, n) => product * n, 1),
    );
    return true;
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, /^fuzz: /);
    return false;
  }
}

test('a valid file with a few mutations is read or refused', async () => {
  const plain = countingImages([3, 5, 4]);
  const compressed = new Uint8Array(gzipSync(plain));
  let read = 0;
  const property = fc.asyncProperty(
    fc.constantFrom(plain, compressed),
    fc.array(mutation, { minLength: 1, maxLength: 3 }),
    async (file, mutations) => {
      if (
        await readOrRefuse(
          mutations.reduce<Uint8Array>((bytes, each) => mutate(bytes, bytes.length, each), file),
        )
      )
        read++;
    },
  );
  await fc.assert(property, { seed: 1, numRuns: 1500 });
  // Both outcomes must occur, or the mutations are too small or too large to test anything.
  assert.ok(read > 20 && read < 1480, `${read} of 1500 read`);
});

test('random bytes after a plausible start are read or refused', async () => {
  const start = fc.constantFrom(
    [],
    [0, 0],
    [0, 0, 8, 1],
    [0, 0, 11, 2, 0, 0, 0, 1],
    [0x1f, 0x8b],
    [0x1f, 0x8b, 8, 0],
  );
  const property = fc.asyncProperty(start, fc.uint8Array({ maxLength: 40 }), async (head, bytes) => {
    await readOrRefuse(Uint8Array.from([...head, ...bytes]));
  });
  await fc.assert(property, { seed: 2, numRuns: 1000 });
});
