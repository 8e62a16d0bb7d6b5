/**
 * Protects the stroke data sets: archives and folders are read with files in any order, and refused if incomplete;
 * strokes are made from images; the cache is used, and damaged cache files are made again.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { cacheFolder } from '#src/cache-folder.js';
import type { Progress } from '#src/data/strokes/stroke-archive.js';
import { cachePath, readCache, writeCache } from '#src/data/strokes/stroke-cache.js';
import { loadStrokes } from '#src/data/strokes/stroke-datasets.js';
import {
  inMemory,
  movesOf,
  type StrokeDataset,
  type StrokeExamples,
} from '#src/data/strokes/stroke-examples.js';
import {
  prepareStrokeTarget,
  writeStrokeArchive,
  writeStrokeFolder,
} from '#src/data/strokes/stroke-writer.js';
import { imageToStrokes } from '#src/ink/image-to-strokes.js';
import { UserError } from '#src/user-error.js';
import { safetensorsFile } from '../../formats/safetensors-file.js';
import { idxBytes, labelBytes } from '../images/idx-bytes.js';
import { EXPECTED, type Files, strokeFiles, writeArchive, writeFolder } from './stroke-fixture.js';

let parent = '';
let cache = '';
beforeEach(async () => {
  parent = await fs.mkdtemp(join(tmpdir(), 'scanstroke-strokes-'));
  cache = join(parent, 'cache');
  process.env.SCANSTROKE_CACHE = cache;
});
afterEach(async () => {
  delete process.env.SCANSTROKE_CACHE;
  await fs.rm(parent, { recursive: true });
});

const plain = ({ train, test: held, classes }: StrokeDataset) => ({
  train: {
    moves: [...inMemory(train, 'test').moves],
    offsets: [...train.offsets],
    labels: [...train.labels],
  },
  test: { moves: [...inMemory(held, 'test').moves], offsets: [...held.offsets], labels: [...held.labels] },
  classes,
});

const refused = (promise: Promise<unknown>, ...messages: RegExp[]) =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof UserError, String(error));
    for (const message of messages) assert.match(error.message, message);
    return true;
  });

/** The files in another order. The numbers decide, not the order or the names: 10 comes after 9. */
function shuffled(files: Files): Files {
  return Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? 1 : -1)));
}

const names = async () => (await fs.readdir(cache).catch(() => [])).sort();

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

describe('refused, with the file and the line', () => {
  const without = (name: string) => {
    const { [name]: _, ...rest } = strokeFiles();
    return rest;
  };
  const changed = (files: Files) => ({ ...strokeFiles(), ...files });
  const cases: [string, Files, RegExp][] = [
    [
      'a missing sequence',
      without('trainimg-1-inputdata.txt'),
      /trainimg-1-inputdata\.txt is missing: trainlabels\.txt has 3 labels, numbers 0 to 2, and 2 sequences were found/,
    ],
    [
      'many missing',
      changed({ 'testlabels.txt': '3\n7\n3\n3\n' }),
      /testimg-2-inputdata\.txt and 1 more are missing/,
    ],
    [
      'one sequence too many',
      changed({ 'testimg-2-inputdata.txt': '0 0 1 1\n' }),
      /testimg-2-inputdata\.txt has no label: testlabels\.txt has 2 labels/,
    ],
    ['no labels', without('testlabels.txt'), /testlabels\.txt is missing; .*2 such sequences were found/],
    [
      'misnumbered',
      changed({ 'trainimg-03-inputdata.txt': '0 0 1 1\n' }),
      /"trainimg-03-inputdata\.txt" is misnumbered: "03"/,
    ],
    ['no number', changed({ 'testimg-one-inputdata.txt': '0 0 1 1\n' }), /misnumbered: "one"/],
    ['an empty file', changed({ 'trainimg-2-inputdata.txt': '' }), /trainimg-2-inputdata\.txt is empty/],
    [
      'a malformed move',
      changed({ 'trainimg-1-inputdata.txt': '1 1 0 0\n1 1 0\n0 0 1 1\n' }),
      /trainimg-1-inputdata\.txt:2: expected four whole numbers/,
    ],
    [
      'a malformed label',
      changed({ 'trainlabels.txt': '7\nthree\n7\n' }),
      /trainlabels\.txt:2: expected a label/,
    ],
    [
      'a label that only the test has',
      changed({ 'testlabels.txt': '3\n8\n' }),
      /testlabels\.txt:2: the label 8, which no training sequence has/,
    ],
    [
      'too many class names',
      changed({ 'classes.txt': 'a\nb\nc\n' }),
      /classes\.txt: 3 lines, but the training labels have 2 classes/,
    ],
    [
      'a file too large',
      changed({ 'trainimg-1-inputdata.txt': '1 1 0 0\n'.repeat(200_000) }),
      /trainimg-1-inputdata\.txt(: it)? has \d+ bytes; at most 1048576/,
    ],
    [
      '300 classes',
      changed({
        ...Object.fromEntries(
          Array.from({ length: 300 }, (_, n) => [`trainimg-${n}-inputdata.txt`, '0 0 1 1\n']),
        ),
        'trainlabels.txt': Array.from({ length: 300 }, (_, n) => `${n}\n`).join(''),
      }),
      /300 different labels; at most 256/,
    ],
  ];
  for (const [what, files, message] of cases) {
    test(what, async () => {
      const [folder, archive] = [join(parent, 'bad'), join(parent, 'bad.tar.gz')];
      await writeFolder(folder, files);
      await writeArchive(archive, files);
      await refused(loadStrokes(folder), message, /bad/);
      await refused(loadStrokes(archive), message, /bad\.tar\.gz/);
      assert.deepEqual(await names(), [], 'nothing is cached');
    });
  }

  test('the same file twice in an archive', async () => {
    await writeArchive(join(parent, 'a.tar'), strokeFiles(), { gzip: false });
    const bytes = await fs.readFile(join(parent, 'a.tar'));
    // Two concatenated archives are one archive that contains every file twice.
    const end = bytes.findLastIndex((byte) => byte !== 0);
    const content = bytes.subarray(0, Math.ceil(end / 512) * 512);
    await fs.writeFile(join(parent, 'twice.tar'), Buffer.concat([content, content, Buffer.alloc(1024)]));
    await refused(loadStrokes(join(parent, 'twice.tar')), /exists twice/);
  });

  test('damaged archives and other files', async () => {
    const path = join(parent, 'a.tar.gz');
    await writeArchive(path, strokeFiles());
    const good = await fs.readFile(path);
    const flipped = Buffer.from(good);
    flipped[Math.floor(good.length / 2)] ^= 0xff;
    // The first entry has a size that no number holds, and the right checksum.
    const huge = gunzipSync(good);
    huge.fill(0x80, 124, 125).fill(0xff, 125, 136).fill(' ', 148, 156);
    const sum = huge.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    huge.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    const damaged: [string, Uint8Array, RegExp][] = [
      ['cut short', good.subarray(0, good.length / 2), /damaged/],
      ['a byte changed', flipped, /damaged/],
      ['text', Buffer.from('1 2 0 0\n'.repeat(200)), /damaged, or no tar file/],
      ['nothing', Buffer.alloc(0), /damaged, or no tar file/],
      ['a size beyond all numbers', huge, /damaged, or no tar file/],
      ['text in gzip', gzipSync('hello'.repeat(1000)), /damaged, or no tar file/],
      ['cut short before it was compressed', gzipSync(gunzipSync(good).subarray(0, 700)), /damaged|missing/],
    ];
    for (const [what, bytes, message] of damaged) {
      await fs.writeFile(path, bytes);
      await assert.rejects(loadStrokes(path), (error) => {
        assert.ok(error instanceof UserError, `${what}: ${error}`);
        assert.match(error.message, message);
        assert.ok(error.message.includes(path), what);
        return true;
      });
    }
  });

  test('paths without a data set', async () => {
    await refused(
      loadStrokes(join(parent, 'nowhere')),
      /cannot read the strokes .*nowhere: it does not exist/,
    );
    await fs.mkdir(join(parent, 'empty'));
    await refused(
      loadStrokes(join(parent, 'empty')),
      /empty holds no strokes: expected .*trainimg-0-inputdata/,
    );
    await refused(loadStrokes('/dev/null'), /it is a device/);
  });

  test('a folder with a pipe in place of a file does not wait for ever', async () => {
    const folder = join(parent, 'pipe');
    await writeFolder(folder, strokeFiles());
    await fs.rm(join(folder, 'trainimg-1-inputdata.txt'));
    if (spawnSync('mkfifo', [join(folder, 'trainimg-1-inputdata.txt')]).status === 0) {
      await refused(loadStrokes(folder), /trainimg-1-inputdata\.txt: it is a device, a pipe or a socket/);
    }
  });
});

describe('the cache', () => {
  test("is in the system's folder for caches", () => {
    assert.equal(cacheFolder({ SCANSTROKE_CACHE: '/x' }), '/x');
    assert.match(cacheFolder({}), /scanstroke/);
  });

  test('is nowhere without a home folder; a relative path of the environment is ignored', () => {
    const before = process.env.HOME;
    process.env.HOME = '';
    try {
      assert.throws(() => cacheFolder({}), /HOME is not set; SCANSTROKE_CACHE names one/);
      assert.throws(() => cacheFolder({ XDG_CACHE_HOME: 'relative' }), UserError);
    } finally {
      process.env.HOME = before;
    }
  });

  test('is used the second time, but not after a change of the source', async () => {
    const path = join(parent, 'a.tar.gz');
    await writeArchive(path, strokeFiles());
    let reads = 0;
    const load = () => loadStrokes(path, { onProgress: () => reads++ });
    const first = await load();
    const after = reads;
    assert.ok(after > 0);
    assert.deepEqual(plain(await load()), plain(first));
    assert.equal(reads, after, 'not read again');
    assert.equal((await names()).length, 1);

    await writeArchive(path, { ...strokeFiles(), 'testlabels.txt': '7\n3\n' });
    assert.deepEqual([...(await load()).test.labels], [1, 0]);
    assert.equal((await names()).length, 2);
  });

  test('is not used after a file of a folder has changed in place', async () => {
    const folder = join(parent, 'data');
    await writeFolder(folder, strokeFiles());
    await loadStrokes(folder);
    const file = join(folder, 'trainimg-0-inputdata.txt');
    const { atime, mtime } = await fs.stat(file);
    await fs.writeFile(file, strokeFiles()['trainimg-0-inputdata.txt'].replace('3 4', '5 4'));
    await fs.utimes(file, atime, mtime);
    assert.equal(inMemory((await loadStrokes(folder)).train, 'test').moves[0], 5);
  });

  test('is made again if any byte is damaged', async () => {
    const path = join(parent, 'a.tar.gz');
    await writeArchive(path, strokeFiles());
    await loadStrokes(path);
    const [name] = await names();
    const file = join(cache, name);
    const good = await fs.readFile(file);
    for (let at = 0; at < good.length; at += 3) {
      const bad = Buffer.from(good);
      bad[at] ^= 0x01;
      await fs.writeFile(file, bad);
      assert.deepEqual(plain(await loadStrokes(path)), EXPECTED, `byte ${at}`);
      assert.deepEqual(await fs.readFile(file), good, `byte ${at} mended`);
    }
    for (const bad of [Buffer.alloc(0), good.subarray(0, 100), Buffer.concat([good, good])]) {
      await fs.writeFile(file, bad);
      assert.deepEqual(plain(await loadStrokes(path)), EXPECTED);
    }
  });

  test('with an impossible size of the picture is not used, though its checksum is right', async () => {
    const folder = join(parent, 'data');
    await writeFolder(folder, strokeFiles());
    const dataset = await loadStrokes(folder);
    await writeCache('a-key', dataset);
    assert.equal((await readCache('a-key', 'x'))?.width, dataset.width);
    await writeCache('a-key', { ...dataset, width: 0 });
    assert.equal(await readCache('a-key', 'x'), undefined);
  });

  test('with offsets outside of the moves, or labels without a class, is not used', async () => {
    const folder = join(parent, 'data');
    await writeFolder(folder, strokeFiles());
    const dataset = await loadStrokes(folder);
    const changes: ((test: StrokeExamples) => void)[] = [
      ({ offsets }) => offsets.set([1]),
      ({ offsets }) => offsets.set([2 ** 30], 1),
      ({ offsets }) => offsets.set([offsets[offsets.length - 1] + 1], offsets.length - 1),
      ({ labels }) => labels.set([255]),
    ];
    for (const change of changes) {
      const { moves, offsets, labels, count } = dataset.test;
      const test = { moves, offsets: offsets.slice(), labels: labels.slice(), count };
      await writeCache('a-key', { ...dataset, test });
      assert.ok(await readCache('a-key', 'x'));
      change(test);
      await writeCache('a-key', { ...dataset, test });
      assert.equal(await readCache('a-key', 'x'), undefined);
    }
  });

  test('that is sparse and of another kind is not read beyond its header', async () => {
    await fs.mkdir(cache, { recursive: true });
    const size = 3 * 2 ** 30;
    const header = safetensorsFile({ a: { dtype: 'U8', shape: [size], data_offsets: [0, size] } }, 0);
    await fs.writeFile(cachePath('a-key'), header);
    await fs.truncate(cachePath('a-key'), header.length + size);
    const before = process.memoryUsage().rss;
    assert.equal(await readCache('a-key', 'x'), undefined);
    assert.ok(process.memoryUsage().rss - before < 2 ** 26);
  });

  test('may be unwritable: the strokes are loaded all the same', async () => {
    const path = join(parent, 'a.tar.gz');
    await writeArchive(path, strokeFiles());
    await fs.writeFile(cache, 'a file where the folder should be');
    const notices: string[] = [];
    assert.deepEqual(plain(await loadStrokes(path, { onNotice: (line) => notices.push(line) })), EXPECTED);
    assert.equal(notices.length, 1);
    assert.match(notices[0], /not cached: cannot write/);
  });

  test('is complete when several processes write it at once', async () => {
    const path = join(parent, 'a.tar.gz');
    await writeArchive(path, strokeFiles());
    const module = new URL('../../../../dist/data/strokes/stroke-datasets.js', import.meta.url).href;
    const program = `
      const { loadStrokes } = await import(${JSON.stringify(module)});
      const { train } = await loadStrokes(${JSON.stringify(path)});
      console.log([...train.labels].join());`;
    const outputs = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        let text = '';
        for await (const chunk of child.stdout) text += chunk;
        return text;
      }),
    );
    assert.deepEqual(outputs, Array(4).fill('1,0,1\n'));
    assert.equal((await names()).length, 1, 'no temporary file is left');
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
