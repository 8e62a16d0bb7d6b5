/** Protects `scanstroke page`: all files for a static host, checkpoints without training state, other files kept. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { page } from '#src/cli/commands/page-command.js';
import { replaceAll, writePage } from '#src/cli/page-folder.js';
import { decodeCheckpoint, encodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import type { ModelList } from '#src/serve/api.js';
import { UserError } from '#src/user-error.js';
import { checkpointBytes, ROWS, STROKES } from '../../recognize/checkpoint-bytes.js';
import { temporaryFolder } from '../../train/small-mnist.js';
import { fakeTerminal } from './fake-run.js';

const root = temporaryFolder();

/** Writes a run folder whose checkpoint contains training state. */
function run(name: string, bytes: Uint8Array): string {
  const folder = join(root, name);
  mkdirSync(folder, { recursive: true });
  const checkpoint = decodeCheckpoint(bytes, name);
  const vector = [...checkpoint.parameters].map(([key, tensor]) => [`mean.${key}`, tensor] as const);
  const training = {
    optimizer: new Map(vector),
    state: { epoch: 3 },
  };
  writeFileSync(join(folder, 'best.safetensors'), encodeCheckpoint({ ...checkpoint, training }));
  return folder;
}

async function write(runs: string[], out: string): Promise<ModelList> {
  const terminal = fakeTerminal();
  await page(runs, { out, json: true }, terminal);
  assert.equal(JSON.parse(terminal.out.text).out, out);
  return JSON.parse(readFileSync(join(out, 'models/index.json'), 'utf8'));
}

test('writes the page and its networks, with unchanged parameters and without training state', async () => {
  const out = join(root, 'site');
  const bytes = checkpointBytes(ROWS);
  const {
    api,
    models,
    default: first,
  } = await write([run('a/my run', bytes), run('b/my run', checkpointBytes(STROKES))], out);
  assert.equal(api, false);
  assert.equal(first, 'my-run');
  assert.deepEqual(
    models.map(({ id, kind }) => [id, kind]),
    [
      ['my-run', 'images'],
      ['my-run-2', 'strokes'],
    ],
  );
  const written = readFileSync(join(out, 'models', models[0].file));
  assert.equal(written.length, models[0].bytes);
  assert.deepEqual(decodeCheckpoint(written, 'written'), decodeCheckpoint(bytes, 'given'));
  for (const file of ['index.html', 'service-worker.js', 'theme.js', 'manifest.webmanifest']) {
    assert.ok(existsSync(join(out, file)), file);
  }
});

test('replaces an older page completely', async () => {
  const out = join(root, 'again');
  await write([run('old', checkpointBytes(ROWS))], out);
  writeFileSync(join(out, 'assets', 'stale.js'), '');
  const { models } = await write([run('new', checkpointBytes(STROKES))], out);
  assert.deepEqual(readdirSync(join(out, 'models')).sort(), ['index.json', 'new.safetensors']);
  assert.ok(!existsSync(join(out, 'assets', 'stale.js')));
  const { version } = models[0];
  assert.equal(
    (await write([join(root, 'new')], out)).models[0].version,
    version,
    'the same network, the same version',
  );
  assert.notEqual((await write([join(root, 'old')], out)).models[0].version, version);
});

test('refuses a folder with other files, and writes nothing if a run does not exist', async () => {
  const out = join(root, 'photos');
  mkdirSync(out);
  writeFileSync(join(out, 'cat.png'), '');
  await assert.rejects(
    write([run('some', checkpointBytes(ROWS))], out),
    (error) =>
      error instanceof UserError &&
      /page: .*photos holds files that are not part of a page/.test(error.message),
  );
  await assert.rejects(write([join(root, 'nowhere')], join(root, 'fresh')), UserError);
  assert.deepEqual(readdirSync(out), ['cat.png']);
  assert.ok(!existsSync(join(root, 'fresh')));
});

test('an older page stays complete until the new one is, and a failure leaves nothing', async () => {
  const built = join(root, 'built');
  mkdirSync(built);
  writeFileSync(join(built, 'index.html'), 'new');
  const out = join(root, 'old page');
  await write([run('before', checkpointBytes(ROWS))], out);
  const [names, index] = [readdirSync(out), readFileSync(join(out, 'index.html'))];
  const models = [
    { name: 'good.safetensors', bytes: new Uint8Array(8) },
    { name: 'none/bad.safetensors', bytes: new Uint8Array(8) },
  ];
  await assert.rejects(writePage(built, out, models), UserError);
  assert.deepEqual(readdirSync(out), names);
  assert.deepEqual(readFileSync(join(out, 'index.html')), index);
  assert.deepEqual(readdirSync(join(out, 'models')).sort(), ['before.safetensors', 'index.json']);
  await assert.rejects(writePage(built, join(root, 'deep/new/page'), models), UserError);
  assert.ok(!existsSync(join(root, 'deep')));
});

test('moves are undone if one of them fails', async () => {
  const [from, to] = [join(root, 'from'), join(root, 'to')];
  for (const [folder, names] of [
    [from, ['a', 'b']],
    [to, ['b']],
  ] as const) {
    mkdirSync(folder);
    for (const name of names) writeFileSync(join(folder, name), folder);
  }
  await assert.rejects(replaceAll(from, to, join(root, 'no folder')), { code: 'ENOENT' });
  assert.deepEqual([readdirSync(from), readdirSync(to)], [['a', 'b'], ['b']]);
  assert.equal(readFileSync(join(to, 'b'), 'utf8'), to);
});

test('what a process killed while it replaced a page has left is replaced, and goes', async () => {
  const out = join(root, 'killed');
  await write([run('first', checkpointBytes(ROWS))], out);
  const old = join(out, '.page-0123456789ab.tmp/old');
  mkdirSync(old, { recursive: true });
  renameSync(join(out, 'service-worker.js'), join(old, 'service-worker.js'));
  await write([run('again', checkpointBytes(ROWS))], out);
  const names = readdirSync(out);
  assert.ok(names.includes('service-worker.js') && !names.some((name) => name.endsWith('.tmp')));
});
