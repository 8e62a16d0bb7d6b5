/** Protects the cache of strokes: it is used for the same source only, and made again where a file in it is damaged. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { cacheFolder } from '#src/cache-folder.js';
import { cachePath, readCache, writeCache } from '#src/data/strokes/files/stroke-cache.js';
import { loadStrokes } from '#src/data/strokes/stroke-datasets.js';
import { inMemory, type StrokeExamples } from '#src/data/strokes/stroke-examples.js';
import { UserError } from '#src/user-error.js';
import { safetensorsFile } from '../../../formats/safetensors/safetensors-file.js';
import { cache, names, parent, plain } from '../loaded-strokes.js';
import { EXPECTED, strokeFiles, writeArchive, writeFolder } from '../stroke-fixture.js';

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
    await assert.rejects(loadStrokes(path, { mustCache: true }), /not cached: cannot write/);
  });

  test('is complete when several processes write it at once', async () => {
    const path = join(parent, 'a.tar.gz');
    await writeArchive(path, strokeFiles());
    const module = new URL('../../../../../dist/data/strokes/stroke-datasets.js', import.meta.url).href;
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
