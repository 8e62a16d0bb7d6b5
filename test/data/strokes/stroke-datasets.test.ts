/**
 * Protects the stroke data sets: archives and folders are read with files in any order, and written so that they are read
 * again; strokes are made from images.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Progress } from '#src/data/strokes/files/stroke-archive.js';
import {
  prepareStrokeTarget,
  writeStrokeArchive,
  writeStrokeFolder,
} from '#src/data/strokes/files/stroke-writer.js';
import { loadStrokes } from '#src/data/strokes/stroke-datasets.js';
import { inMemory, movesOf } from '#src/data/strokes/stroke-examples.js';
import { imageToStrokes } from '#src/ink/image-to-strokes.js';
import { UserError } from '#src/user-error.js';
import { idxBytes, labelBytes } from '../images/idx-bytes.js';
import { cache, names, parent, plain, refused } from './loaded-strokes.js';
import { EXPECTED, type Files, strokeFiles, writeArchive, writeFolder } from './stroke-fixture.js';

/** The files in another order. The numbers decide, not the order or the names: 10 comes after 9. */
function shuffled(files: Files): Files {
  return Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? 1 : -1)));
}

describe('read', () => {
  test('an archive, compressed or not, with or without a folder in it, in any order', async () => {
    const path = join(parent, 'some.tar.gz');
    for (const options of [{}, { gzip: false }, { prefix: '' }, { prefix: './deep/sequences' }]) {
      for (const files of [strokeFiles(), shuffled(strokeFiles())]) {
        await writeArchive(path, files, options);
        const dataset = await loadStrokes(path);
        assert.deepEqual(plain(dataset), EXPECTED);
        assert.equal(dataset.name, 'some');
        for (const part of [dataset.train, dataset.test]) {
          const { moves, offsets, labels } = inMemory(part, 'test');
          for (const array of [moves, offsets, labels]) assert.ok(array.buffer instanceof SharedArrayBuffer);
        }
      }
    }
  });

  test('a folder, or the one above', async () => {
    await writeFolder(join(parent, 'data/sequences'), strokeFiles());
    assert.deepEqual(plain(await loadStrokes(join(parent, 'data/sequences'))), EXPECTED);
    const dataset = await loadStrokes(join(parent, 'data'));
    assert.deepEqual(plain(dataset), EXPECTED);
    assert.equal(dataset.name, 'data');
  });

  test('labels belong to sequences by number, not by the order of names', async () => {
    const files: Files = { 'testlabels.txt': '0\n', 'testimg-0-inputdata.txt': '1 1 0 0\n0 0 1 1\n' };
    files['trainlabels.txt'] = Array.from({ length: 12 }, (_, n) => `${n % 3}\n`).join('');
    for (let n = 0; n < 12; n++) files[`trainimg-${n}-inputdata.txt`] = `${n + 1} 1 0 0\n0 0 1 1\n`;
    await writeFolder(join(parent, 'twelve'), files);
    await writeArchive(join(parent, 'twelve.tar.gz'), shuffled(files));
    for (const path of [join(parent, 'twelve'), join(parent, 'twelve.tar.gz')]) {
      const { train } = await loadStrokes(path);
      for (let n = 0; n < 12; n++) {
        assert.equal(movesOf(train, n)[0], n + 1);
        assert.equal(train.labels[n], n % 3);
      }
    }
  });

  test('names of classes, if there is a classes.txt', async () => {
    await writeFolder(join(parent, 'named'), { ...strokeFiles(), 'classes.txt': 'three\nseven\n' });
    assert.deepEqual((await loadStrokes(join(parent, 'named'))).classes, ['three', 'seven']);
  });

  test('reports progress', async () => {
    await writeArchive(join(parent, 'a.tar.gz'), strokeFiles());
    await writeFolder(join(parent, 'a'), strokeFiles());
    for (const [name, total] of [
      ['a.tar.gz', (await fs.stat(join(parent, 'a.tar.gz'))).size] as const,
      ['a', 7] as const,
    ]) {
      const seen: Progress[] = [];
      await loadStrokes(join(parent, name), { onProgress: (progress) => seen.push(progress) });
      assert.deepEqual(seen.at(-1), { what: `reading ${name}`, done: total, total });
    }
  });
});

/** Images of 6 × 5 with a line in each, as IDX files. */
async function writeImages(folder: string): Promise<Uint8Array[]> {
  await fs.mkdir(folder);
  const images = Array.from({ length: 7 }, (_, n) =>
    Uint8Array.from({ length: 30 }, (_, i) => (i % 6 === n % 5 || Math.floor(i / 6) === 2 ? 200 : 0)),
  );
  const parts: [string, Uint8Array[], number[]][] = [
    ['train', images.slice(0, 5), [4, 9, 4, 9, 4]],
    ['t10k', images.slice(5), [9, 4]],
  ];
  for (const [name, list, labels] of parts) {
    const data = Buffer.concat(list);
    await fs.writeFile(join(folder, `${name}-images-idx3-ubyte`), idxBytes(8, [list.length, 5, 6], data));
    await fs.writeFile(join(folder, `${name}-labels-idx1-ubyte`), labelBytes(labels));
  }
  return images;
}

describe('made from images', () => {
  test('in a folder of IDX files, the same with any number of threads', async () => {
    const folder = join(parent, 'lines');
    const images = await writeImages(folder);
    for (const threads of [1, 2, 3]) {
      await fs.rm(cache, { recursive: true, force: true });
      const seen: Progress[] = [];
      const dataset = await loadStrokes(folder, { threads, seed: 5, onProgress: (p) => seen.push(p) });
      assert.equal(dataset.name, 'lines strokes');
      assert.deepEqual(dataset.classes, ['4', '9']);
      assert.deepEqual([...dataset.train.labels], [0, 1, 0, 1, 0]);
      images.forEach((image, n) => {
        const strokes = n < 5 ? movesOf(dataset.train, n) : movesOf(dataset.test, n - 5);
        assert.deepEqual(strokes, imageToStrokes(image, 6, 5, { seed: 5 }));
      });
      assert.deepEqual(seen.at(-1), { what: 'strokes from lines', done: 7, total: 7 });
    }
  });

  test('a mistake that a worker thread finds arrives as one', async () => {
    const folder = join(parent, 'wide');
    await fs.mkdir(folder);
    for (const name of ['train', 't10k']) {
      const images = idxBytes(8, [2, 1, 40_000], Buffer.alloc(80_000));
      await fs.writeFile(join(folder, `${name}-images-idx3-ubyte`), images);
      await fs.writeFile(join(folder, `${name}-labels-idx1-ubyte`), labelBytes([0, 1]));
    }
    await assert.rejects(
      loadStrokes(folder),
      (error) => error instanceof UserError && /width must be .* to 32767, found 40000/.test(error.message),
    );
  });

  test('the prefix `strokes:` is accepted', async () => {
    await writeImages(join(parent, 'lines'));
    const [one, other] = [
      await loadStrokes(join(parent, 'lines')),
      await loadStrokes(`strokes:${parent}/lines`),
    ];
    assert.deepEqual(plain(one), plain(other));
    assert.equal(other.name, 'lines strokes');
  });

  test('are cached for each seed', async () => {
    const folder = join(parent, 'lines');
    await writeImages(folder);
    await loadStrokes(folder, { seed: 1 });
    await loadStrokes(folder, { seed: 2 });
    assert.equal((await names()).length, 2);
    let made = 0;
    await loadStrokes(folder, { seed: 1, onProgress: () => made++ });
    assert.equal(made, 0);
  });
});

describe('written', () => {
  test('as a folder and as an archive, and read again', async () => {
    await writeImages(join(parent, 'lines'));
    const dataset = await loadStrokes(join(parent, 'lines'));
    const [folder, archive] = [join(parent, 'out/sequences'), join(parent, 'out.tar.gz')];
    await prepareStrokeTarget(folder);
    await writeStrokeFolder(dataset, folder);
    await writeStrokeArchive(dataset, archive);
    for (const path of [folder, join(parent, 'out'), archive]) {
      assert.deepEqual(plain(await loadStrokes(path)), plain(dataset));
    }
    assert.equal(await fs.readFile(join(folder, 'classes.txt'), 'utf8'), '4\n9\n');
    const bytes = await fs.readFile(archive);
    await writeStrokeArchive(dataset, archive);
    assert.deepEqual(await fs.readFile(archive), bytes, 'the same data, the same bytes');
  });

  test('not into a folder that has files, nor where the parent folder is missing', async () => {
    await writeFolder(join(parent, 'full'), { a: 'b' });
    await refused(
      prepareStrokeTarget(join(parent, 'full')),
      /it holds 1 files already; name a new or empty folder/,
    );
    await refused(prepareStrokeTarget(join(parent, 'none/a.tar.gz')), /its folder does not exist/);
  });
});
