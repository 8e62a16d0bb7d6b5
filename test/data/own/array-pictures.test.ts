/**
 * Protects pictures in NumPy's arrays: files that NumPy wrote (2.4), every type and order, names of arrays, and refusal of
 * objects, of sizes that do not fit, and of damaged archives.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { zipSync } from 'fflate';
import { UserError } from 'scanstroke';
import { npy, tableOf } from './tables-on-disk.js';

const fixture = (name: string) =>
  readFileSync(new URL(`../../../../test/fixtures/tables/${name}`, import.meta.url));
const bytes = (view: ArrayBufferView) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
const LABELS = npy('<i8', [2], bytes(BigInt64Array.of(4n, 7n)));

async function refused(files: Record<string, Uint8Array>, message: RegExp, name = ''): Promise<void> {
  await assert.rejects(tableOf(files, name), (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, message);
    return true;
  });
}

test('.npz files of NumPy, compressed and stored', async () => {
  const { pictures, total } = await tableOf({ 'm.npz': fixture('mnist.npz') }, 'm.npz');
  assert.equal(total, 6);
  assert.deepEqual(
    pictures.map(({ label, part, width, height, pixels }) => [label, part, width, height, pixels[0]]),
    [0, 1, 2, 3, 4, 5].map((n) => [String(n % 3), n < 4 ? 'train' : 'test', 3, 2, 6 * n]),
  );
  const stored = await tableOf({ 's.npz': fixture('stored.npz') }, 's.npz');
  assert.deepEqual(
    stored.pictures.map(({ label, part, pixels }) => [label, part, ...pixels]),
    pictures.map(({ label, pixels }) => [label, null, ...pixels]),
  );
  await refused(
    { 'p.npz': fixture('pickled.npz') },
    /p\.npz\/y, the labels of .*p\.npz\/x: its elements are pickled Python objects/,
    'p.npz',
  );
});

test('a compressed array of many chunks, read to its end and left early', async () => {
  const images = new Uint8Array(3000 * 4096);
  for (let i = 0; i < images.length; i++) images[i] = (Math.imul(i, 2654435761) >>> 13) & 255;
  const files = {
    'x.npy': npy('|u1', [3000, 64, 64], images),
    'y.npy': npy('|u1', [3000], new Uint8Array(3000)),
  };
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on('warning', onWarning);
  const { pictures } = await tableOf({ 'm.npz': zipSync(files, { level: 1 }) }, 'm.npz');
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', onWarning);
  assert.deepEqual(warnings, []);
  assert.deepEqual(
    [pictures.length, ...pictures[2999].pixels.subarray(0, 9)],
    [3000, ...images.subarray(2999 * 4096, 2999 * 4096 + 9)],
  );
});

/** Pixels 0, 51, …, 255 twice, as NumPy's types hold them. */
const PIXELS = [0, 51, 102, 255, 255, 102, 51, 0];
const half = (value: number) => [0, 0x3266, 0x3666, 0x3c00][[0, 51, 102, 255].indexOf(value)];
const big = (view: DataView, write: (view: DataView, n: number) => void): Uint8Array => {
  for (let n = 0; n < PIXELS.length; n++) write(view, n);
  return bytes(view);
};
const view = (itemBytes: number) => new DataView(new ArrayBuffer(8 * itemBytes));
const TYPES: Record<string, Uint8Array> = {
  '|u1': Uint8Array.from(PIXELS),
  '<i2': bytes(Int16Array.from(PIXELS)),
  '>u2': big(view(2), (to, n) => to.setUint16(2 * n, PIXELS[n])),
  '<i4': bytes(Int32Array.from(PIXELS)),
  '<u8': bytes(BigUint64Array.from(PIXELS, BigInt)),
  '>i8': big(view(8), (to, n) => to.setBigInt64(8 * n, BigInt(PIXELS[n]))),
  '<f2': bytes(Uint16Array.from(PIXELS, half)),
  '<f4': bytes(Float32Array.from(PIXELS, (pixel) => pixel / 255)),
  '>f4': big(view(4), (to, n) => to.setFloat32(4 * n, PIXELS[n])),
  '<f8': bytes(Float64Array.from(PIXELS, (pixel) => pixel / 255)),
};

test('all types, both orders of bytes, 0 to 1 and 0 to 255', async () => {
  for (const [descr, data] of Object.entries(TYPES)) {
    const files = { 'x_train.npy': npy(descr, [2, 2, 2], data), 'y_train.npy': LABELS };
    const { pictures } = await tableOf(files);
    assert.deepEqual(
      pictures.map(({ label, part, pixels }) => [label, part, ...pixels]),
      [
        ['4', 'train', ...PIXELS.slice(0, 4)],
        ['7', 'train', ...PIXELS.slice(4)],
      ],
      descr,
    );
  }
  const bits = {
    'images.npy': npy('|b1', [2, 4], Uint8Array.of(0, 1, 1, 0, 1, 0, 0, 1)),
    'labels.npy': LABELS,
  };
  const { pictures } = await tableOf(bits);
  assert.deepEqual([...pictures[0].pixels], [0, 255, 255, 0]);
});

test('labels as text, columns, and rows with a single 1', async () => {
  const images = npy('|u1', [2, 2, 2], Uint8Array.from(PIXELS));
  const labelled = async (labels: Uint8Array) =>
    (await tableOf({ 'images.npy': images, 'labels.npy': labels }, 'images.npy')).pictures.map(
      ({ label }) => label,
    );
  assert.deepEqual(await labelled(npy('<U3', [2], bytes(Uint32Array.of(99, 97, 116, 0x1f600, 0, 0)))), [
    'cat',
    '😀',
  ]);
  assert.deepEqual(await labelled(npy('|S2', [2, 1], Buffer.from('a\0bc'))), ['a', 'bc']);
  await assert.rejects(
    labelled(npy('|S1', [2, 2], Buffer.from('abcd'))),
    /labels\.npy: expected text labels \[N\] or \[N, 1\], found the shape \[2, 2\]; save the column of the classes/,
  );
  await assert.rejects(
    labelled(npy('|S1', [2], Buffer.from('aÄ', 'latin1'))),
    /labels\.npy:2: expected text in UTF-8, found another encoding; save np\.char\.decode/,
  );
  assert.deepEqual(await labelled(npy('<f4', [2, 3], bytes(Float32Array.of(0, 0, 1, 1, 1, 0)))), ['2', '']);
});

test('any order of the indices gives the same pictures', async () => {
  const shape = fc.record({
    n: fc.integer({ min: 1, max: 3 }),
    h: fc.integer({ min: 1, max: 4 }),
    w: fc.integer({ min: 4, max: 6 }),
  });
  await fc.assert(
    fc.asyncProperty(shape, fc.constantFrom(1, 3), async ({ n, h, w }, c) => {
      const value = (i: number, y: number, x: number, k: number) =>
        (97 * i + 31 * y + 7 * x + 3 * k + 2) % 256;
      const fill = (place: (i: number, y: number, x: number, k: number) => number) => {
        const data = new Uint8Array(n * h * w * c);
        for (let i = 0; i < n; i++)
          for (let y = 0; y < h; y++)
            for (let x = 0; x < w; x++)
              for (let k = 0; k < c; k++) data[place(i, y, x, k)] = value(i, y, x, k);
        return data;
      };
      const labels = npy('|u1', [n], new Uint8Array(n));
      const read = async (array: Uint8Array) =>
        (await tableOf({ 'x.npy': array, 'y.npy': labels })).pictures.map(
          ({ width, height, channels, pixels }) => [width, height, channels, ...pixels],
        );
      const last = fill((i, y, x, k) => ((i * h + y) * w + x) * c + k);
      const want = await read(npy('|u1', [n, h, w, c], last));
      const fortran = fill((i, y, x, k) => i + n * (y + h * (x + w * k)));
      assert.deepEqual(await read(npy('|u1', [n, h, w, c], fortran, true)), want);
      // Channels before the rows, where 1 or 3 rows cannot be taken for channels.
      if (w !== 1 && w !== 3) {
        const planes = fill((i, y, x, k) => ((i * c + k) * h + y) * w + x);
        assert.deepEqual(await read(npy('|u1', [n, c, h, w], planes)), want);
      }
    }),
    { numRuns: 20 },
  );
});

test('names of arrays decide, and other names are refused with what there is', async () => {
  const x = npy('|u1', [2, 4], Uint8Array.from(PIXELS));
  for (const [images, labels] of [
    ['train_images', 'train_labels'],
    ['k49-train-imgs', 'k49-train-labels'],
    ['xtrain', 'ytrain'],
    ['X', 'y'],
    ['data', 'target'],
    ['arr_0', 'arr_1'],
  ]) {
    const { pictures } = await tableOf({ [`${images}.npy`]: x, [`${labels}.npy`]: LABELS });
    assert.equal(pictures.length, 2, images);
  }
  await refused({ 'a.npy': x, 'b.npy': LABELS }, /expected arrays named x_train, .*; found "a, b"/);
  await refused({ 'x.npy': x }, /"x" has no labels beside it; found "x"/, 'x.npy');
  await refused(
    { 'x.npy': x, 'images.npy': x, 'y.npy': LABELS },
    /"images" and "x" could both be the pictures/,
  );
});

test('what does not fit is refused before its memory is allocated', async () => {
  const x = npy('|u1', [2, 4], Uint8Array.from(PIXELS));
  const withX = (array: Uint8Array, message: RegExp) => refused({ 'x.npy': array, 'y.npy': LABELS }, message);
  await withX(
    npy('|u1', [2, 400_000_000, 4], new Uint8Array(8)),
    /it has \d+ bytes, its shape .* needs 32000001\d\d; copy/,
  );
  await withX(npy('|u1', [3, 4], new Uint8Array(12)), /x\.npy has 3 pictures, DIR\/y\.npy 2 labels/);
  await withX(npy('|u1', [2, 5], new Uint8Array(10)), /a picture has 5 numbers/);
  await withX(
    npy('|u1', [2, 12], new Uint8Array(24)),
    /x\.npy: .* rows of 12 numbers, which do not tell .*; save x\.reshape\(-1, 3, 2, 2\) .* or x\.reshape\(-1, 2, 2, 3\)/,
  );
  await withX(npy('|u1', [2, 2, 2, 4], new Uint8Array(32)), /found the shape \[2, 2, 2, 4\]/);
  await withX(npy('<c16', [2, 4], new Uint8Array(128)), /found the type "<c16"/);
  await withX(
    npy('<f4', [2, 4], bytes(Float32Array.from(PIXELS, (pixel) => pixel - 127))),
    /numbers from -127 to 128; rescale/,
  );
  await withX(npy('<U1', [2, 4], new Uint8Array(32)), /expected numbers, found text/);
  await withX(
    x.subarray(0, 60),
    /x\.npy: the array is cut short: it has 60 bytes, its header alone needs 128; copy or save it again/,
  );
  await withX(Buffer.from('PK'), /expected an array of NumPy \(\.npy\), found/);
  const npz = fixture('mnist.npz');
  await refused({ 'm.npz': npz.subarray(0, 500) }, /the ZIP archive is cut short/, 'm.npz');
  const flipped = Uint8Array.from(npz);
  flipped.fill(0x55, 100, 130);
  await refused({ 'm.npz': flipped }, /m\.npz/, 'm.npz');
});

test('an array that is cut short, or whose neighbour is, is named with what was expected, found and to do', async () => {
  const x = npy('|u1', [2, 2, 2], Uint8Array.from(PIXELS));
  await refused(
    { 'x.npy': x.subarray(0, 5), 'y.npy': LABELS },
    /DIR\/x\.npy: the array is cut short: it has 5 bytes, the shortest header needs 10; copy or save it again/,
    'x.npy',
  );
  await refused(
    { 'x.npy': x.subarray(0, x.length - 1), 'y.npy': LABELS },
    /x\.npy: the array is cut short: it has 135 bytes, its shape \[2, 2, 2\] with 1 byte each needs 136; copy/,
  );
  await refused(
    { 'x_train.npy': x, 'y_train.npy': LABELS.subarray(0, 100) },
    /DIR\/y_train\.npy, the labels of DIR\/x_train\.npy: the array is cut short/,
    'x_train.npy',
  );
  const [images, labels] = [x, LABELS].map((array) => zipSync({ 'arr_0.npy': array }));
  await refused(
    { 'images.npz': images, 'labels.npz': labels.subarray(0, 60) },
    /DIR\/images\.npz needs the array beside it, which cannot be read: .*DIR\/labels\.npz: the ZIP archive is cut short: .*60 bytes; copy/,
    'images.npz',
  );
  await refused(
    { 'images.npz': images, 'answers.npz': labels.subarray(0, 60) },
    /"images" has no labels beside it; .*; a file beside it cannot be read: .*answers\.npz: the ZIP archive is cut short/,
    'images.npz',
  );
  // What is not needed may be broken.
  const { pictures } = await tableOf(
    { 'images.npz': images, 'labels.npz': labels, 'more.npz': labels.subarray(0, 60) },
    'images.npz',
  );
  assert.equal(pictures.length, 2);
});
