/**
 * Protects files outside of the data roots from hostile runs: whatever config.json names, the server opens only built-in
 * data sets and files inside the roots, never waits for a pipe or a device, and says what to do.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorJson, SampleList } from '#src/serve/api.js';
import { checkAllowed, openDataRoots } from '#src/serve/samples/allowed-data.js';
import { UserError } from '#src/user-error.js';
import { checkpointBytes, ROWS } from '../recognize/checkpoint-bytes.js';
import { temporaryFolder, writeSmallMnist } from '../train/small-mnist.js';
import { CLASSES, getJson, makeRuns, serve, TEST_SAMPLES } from './served-runs.js';

process.env.SCANSTROKE_CACHE = temporaryFolder();
const made = makeRuns();
const base = dirname(made.data);
const root = join(base, 'root');
mkdirSync(root);
const server = await serve({ runs: made.runs, dataRoots: [root] });
after(() => server.close());

const SECRET = 'the secret recipe';
const secret = join(made.outside, 'secret.json');
writeFileSync(secret, SECRET);
writeFileSync(join(made.outside, 'secret.ndjson'), SECRET);
const pipe = join(base, 'pipe');
execFileSync('mkfifo', [pipe]);

let runs = 0;
/** The answer for a run whose config.json names these data. */
async function samplesOf(data: unknown, classes = CLASSES) {
  const run = `hostile-${++runs}`;
  made.write(run, 'config.json', JSON.stringify({ data }));
  made.write(run, 'best.safetensors', checkpointBytes(ROWS, { numClasses: 10 }, classes));
  return answersOf(run);
}

async function answersOf(run: string): Promise<{ status: number; message: string; json: SampleList }> {
  for (;;) {
    const { status, json } = await getJson<SampleList & ErrorJson>(
      `${server.url}api/runs/${run}/samples?limit=200`,
    );
    if (status === 202) continue;
    return { status, message: status === 200 ? '' : json.error.message, json };
  }
}

/** A folder of data in the root; `change` makes it hostile. */
function dataIn(name: string, change: (folder: string) => void): string {
  const folder = join(root, name);
  mkdirSync(folder);
  writeSmallMnist(folder, 60, TEST_SAMPLES);
  change(folder);
  return folder;
}

describe('data of runs', () => {
  test('are opened inside the data roots, in every spelling', async () => {
    const folder = dataIn('good', () => {});
    symlinkSync(folder, join(root, 'link'));
    symlinkSync(root, join(base, 'link-to-root'));
    for (const path of [
      folder,
      relative(process.cwd(), folder),
      `${folder}/../good/.`,
      join(root, 'link'),
      join(base, 'link-to-root/good'),
    ]) {
      const { status, message, json } = await samplesOf(path);
      assert.equal(status, 200, message);
      assert.equal(json.total, TEST_SAMPLES);
    }
    const { status, message } = await samplesOf(`strokes:${folder}`);
    assert.deepEqual([status, /no longer what .* was trained on/.test(message)], [409, true], message);
  });

  test('outside of them are refused with what to do, and none of their content is told', async () => {
    const outside: [string, string][] = [
      [made.data, made.data],
      [`strokes:${made.data}`, made.data],
      [secret, made.outside],
      [`strokes:${secret}`, secret],
      [join(made.outside, 'secret.ndjson'), made.outside],
      [`${root}/../outside/secret.json`, `${root}/../outside`],
      [`${root}-else`, `${root}-else`],
      ['/etc/passwd', '/etc/passwd'],
      ['/proc/self/environ', '/proc/self/environ'],
      ['/dev/zero', '/dev/zero'],
      [pipe, pipe],
      ['..', '..'],
      ['/', '/'],
    ];
    for (const [data, suggested] of outside) {
      const { status, message } = await samplesOf(data);
      assert.equal(status, 403, `${data}: ${message}`);
      assert.match(message, /which serve may not open; if you trust this run, start serve with --data-root /);
      assert.ok(message.endsWith(`--data-root ${suggested}`), message);
      assert.ok(!message.includes(SECRET.slice(0, 5)) && !message.includes('root:'), message);
    }
    const there = (await samplesOf(secret)).message.replaceAll(secret, '');
    const absent = join(made.outside, 'nothing.json');
    assert.equal(
      there,
      (await samplesOf(absent)).message.replaceAll(absent, ''),
      'nobody learns what exists',
    );
  });

  test('are refused if a link leads out of the roots, or a pipe or a device is among them', async () => {
    const refusals: [string, (folder: string) => void, RegExp][] = [
      [
        'linked-file',
        (folder) => symlinkSync(secret, join(folder, 'class-names.txt')),
        /leads out of the data roots/,
      ],
      [
        'linked-pipe',
        (folder) => symlinkSync(pipe, join(folder, 'more.ndjson')),
        /leads out of the data roots/,
      ],
      ['linked-zero', (folder) => symlinkSync('/dev/zero', join(folder, 'trainlabels.txt')), /leads out/],
      ['linked-folder', (folder) => symlinkSync(made.outside, join(folder, 'sequences')), /leads out/],
      [
        'pipe',
        (folder) => execFileSync('mkfifo', [join(folder, 'trainlabels.txt')]),
        /is a device, a pipe or a socket/,
      ],
      [
        'pipe-below',
        (folder) => {
          mkdirSync(join(folder, 'sequences'));
          execFileSync('mkfifo', [join(folder, 'sequences/trainlabels.txt')]);
        },
        /is a device, a pipe or a socket/,
      ],
    ];
    for (const [name, change, expected] of refusals) {
      const { status, message } = await samplesOf(dataIn(name, change));
      assert.match(message, expected, name);
      assert.equal(status, 403, name);
    }
    symlinkSync(made.data, join(root, 'way-out'));
    symlinkSync('/dev/zero', join(root, 'zero.ndjson'));
    symlinkSync(pipe, join(root, 'pipe.tar.gz'));
    for (const name of ['way-out', 'zero.ndjson', 'pipe.tar.gz', 'way-out/../data']) {
      const { status, message } = await samplesOf(`${root}/${name}`);
      assert.deepEqual([status, /data roots|may not open/.test(message)], [403, true], message);
    }
    execFileSync('mkfifo', [join(root, 'own.ndjson')]);
    assert.match((await samplesOf(join(root, 'own.ndjson'))).message, /is a device, a pipe or a socket/);
    assert.match((await samplesOf(join(root, 'none'))).message, /which does not exist/);
    assert.equal((await getJson(`${server.url}api/health`)).status, 200);
    assert.deepEqual(server.defects, []);
  });

  test('are refused if a link leads out of the roots from a file that is read with them, at any depth', async () => {
    const folder = (name: string) => {
      mkdirSync(join(root, name), { recursive: true });
      return join(root, name);
    };
    const arrays = folder('arrays');
    for (const name of ['images.npy', 'own-labels.npy']) writeFileSync(join(arrays, name), '');
    symlinkSync(join(arrays, 'own-labels.npy'), join(arrays, 'labels.npy'));
    symlinkSync(secret, join(arrays, 'other.npz'));
    await checkAllowed(join(arrays, 'images.npy'), [root]);
    symlinkSync(secret, join(arrays, 'test-labels.npy'));
    await assert.rejects(
      checkAllowed(join(arrays, 'images.npy'), [root]),
      /test-labels\.npy" is a symbolic link/,
    );
    symlinkSync(join(arrays, 'images.npy'), join(made.outside, 'images.npy'));
    writeFileSync(join(made.outside, 'secret.npy'), SECRET);
    await assert.rejects(checkAllowed(join(made.outside, 'images.npy'), [root]), (error) => {
      assert.match(String(error), /which serve may not open/);
      assert.doesNotMatch(String(error), /secret/);
      return true;
    });

    for (const name of ['parquet/data', 'pictures/train/cats/old/1/2/3/4']) {
      await checkAllowed(join(root, name.split('/')[0]), [folder(name), root]);
      symlinkSync(secret, join(root, name, 'train-0.parquet'));
      const { status, message } = await samplesOf(join(root, name.split('/')[0]));
      assert.match(message, /train-0\.parquet" is a symbolic link that leads out of the data roots/);
      assert.equal(status, 403);
    }
    symlinkSync(secret, join(folder('with-tools/.venv/bin'), 'python3'));
    await checkAllowed(join(root, 'with-tools'), [root]);
  });

  test('of several files are checked one by one', async () => {
    const [cat, dog] = ['cat', 'dog'].map((name) => join(root, `${name}.ndjson`));
    for (const path of [cat, dog]) writeFileSync(path, '');
    await checkAllowed(`${cat},${dog}`, [root]);
    await checkAllowed(`strokes:${cat},${dog}`, [root]);
    const stranger = join(made.outside, 'secret.ndjson');
    for (const data of [`${cat},${stranger}`, `${stranger},${cat}`, `strokes:${cat},${stranger}`]) {
      await assert.rejects(
        checkAllowed(data, [root]),
        /data are in ".*secret\.ndjson", which serve may not open/,
      );
    }
  });

  test('are read again when they or the configuration have changed', async () => {
    const folder = dataIn('changing', () => {});
    assert.equal((await samplesOf(folder)).json.total, TEST_SAMPLES);
    const run = `hostile-${runs}`;
    writeSmallMnist(folder, 60, 20);
    assert.equal((await samplesOf(folder)).json.total, 20, 'of another run');
    while ((await answersOf(run)).json.total !== 20) await sleep(100);
    made.write(run, 'config.json', JSON.stringify({ data: dataIn('others', () => {}) }));
    assert.equal((await answersOf(run)).json.total, TEST_SAMPLES);
  });

  test('with classes of other names are not those of the run', async () => {
    const names = [...'abcdefghij'];
    const folder = dataIn('named', (path) => writeFileSync(join(path, 'classes.txt'), names.join('\n')));
    const right = await samplesOf(folder, names.toReversed());
    assert.equal(right.status, 200, right.message);
    assert.equal(right.json.classes[right.json.samples[0].label], 'h', 'the first sample is a seven');
    const { status, message } = await samplesOf(folder, [...'klmnopqrst']);
    assert.deepEqual([status, /no longer what .* was trained on/.test(message)], [409, true], message);
    assert.equal((await samplesOf(folder)).status, 200, 'numbers are no names');
  });

  test('built-in data sets need no root', async () => {
    await checkAllowed('mnist', []);
    await checkAllowed('strokes', []);
    await assert.rejects(checkAllowed('strokes:mnist', []), /may not open/);
    await assert.rejects(checkAllowed('.', []), /start serve with --data-root \.$/);
    await assert.rejects(checkAllowed('a b; rm', []), /--data-root "a b; rm"$/);
  });

  test('roots must be folders', async () => {
    assert.deepEqual(
      await openDataRoots([root, join(base, 'link-to-root')]),
      Array(2).fill(realpathSync(root)),
    );
    for (const path of ['', join(base, 'none'), secret, pipe, '/dev/null']) {
      await assert.rejects(openDataRoots([path]), (error) => {
        assert.ok(error instanceof UserError);
        assert.match(
          error.message,
          /--data-root must be a folder of data sets, found ".*which (does not exist|is no folder)/,
        );
        return true;
      });
    }
    assert.equal(readFileSync(secret, 'utf8'), SECRET);
  });
});
