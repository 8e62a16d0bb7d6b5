/** Protects the start and the end of `scanstroke serve`, and its error messages. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeProject } from '#src/data/pens/project.js';
import type { ModelList, PredictResponse } from '#src/serve/api.js';
import { checkpointBytes, ROWS, STROKES } from '../recognize/checkpoint-bytes.js';
import { letterProject } from '../teach/hands.js';
import { temporaryFolder } from '../train/small-mnist.js';
import { COMMAND, scanstroke } from './command.js';

const folder = temporaryFolder();
const run = join(folder, 'a.safetensors');
writeFileSync(run, checkpointBytes(ROWS));

test('prints its address, answers, and finishes open requests after SIGTERM', async () => {
  const project = join(folder, 'signs.json');
  writeFileSync(project, writeProject(letterProject(['A', 'E'], 1)));
  const args = [
    COMMAND,
    'serve',
    run,
    '--port',
    '0',
    '--json',
    '--runs',
    join(folder, 'none'),
    '--threads',
    '1',
    '--allow-training',
    project,
  ];
  const child = spawn(process.execPath, args);
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  let text = '';
  let errors = '';
  child.stderr.on('data', (piece) => {
    errors += piece;
  });
  for await (const piece of child.stdout) {
    text += piece;
    if (text.includes('}')) break;
  }
  const { url, host } = JSON.parse(text) as { url: string; host: string };
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  assert.equal(host, '127.0.0.1');

  const drawing = { strokes: [{ x: [10, 52, 30], y: [8, 9, 71] }] };
  const body = JSON.stringify({ inputs: Array.from({ length: 1024 }, () => ({ drawing })) });
  const ask = async () => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}api/predict`, { method: 'POST', headers, body });
    return ((await response.json()) as PredictResponse).results.length;
  };
  assert.equal(await ask(), 1024);
  const { project: offer } = (await (await fetch(`${url}api/models`)).json()) as ModelList;
  assert.equal(offer?.name, 'signs.json');
  assert.deepEqual(await (await fetch(`${url}api/projects`)).json(), { projects: [] });
  const underWay = ask();
  while (!/"(waiting|running)":[1-9]/.test(await (await fetch(`${url}api/health`)).text())) {}
  child.kill('SIGTERM');
  assert.equal(await underWay, 1024);
  assert.equal(await ended, 0, errors);
  assert.match(errors, /^scanstroke: finishing open requests[^\n]*\n$/);
});

test('ends in bounded time after SIGTERM even with a thread that is stuck in a call of the system', async () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  // Two ways to be stuck: a worker thread, and a thread of the pool that reads files.
  const stuck = join(folder, 'stuck.mjs');
  writeFileSync(
    stuck,
    `import { isMainThread, Worker } from 'node:worker_threads';
     import { open } from 'node:fs/promises';
     if (isMainThread) {
       new Worker('require("node:fs").openSync(${JSON.stringify(pipe)})', { eval: true, execArgv: [] });
       open(${JSON.stringify(pipe)});
     }`,
  );
  const args = ['--import', stuck, COMMAND, 'serve', '--port', '0', '--runs', join(folder, 'none')];
  const child = spawn(process.execPath, args);
  const ended = new Promise<string | null>((resolve) => child.on('close', (_, signal) => resolve(signal)));
  let errors = '';
  child.stderr.on('data', (piece) => {
    errors += piece;
  });
  for await (const piece of child.stdout) if (String(piece).includes('Ctrl-C')) break;
  const began = performance.now();
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  assert.equal(await ended, 'SIGTERM', 'it ended by itself');
  clearTimeout(timer);
  assert.ok(performance.now() - began < 15_000);
  assert.match(errors, /^scanstroke: finishing open requests[^\n]*\n$/);
});

test('a signal that ends it at once leaves no copy of the network of a project', async () => {
  const project = join(folder, 'taught.json');
  const summary = {
    classes: ['A', 'E'],
    drawings: 2,
    epochs: 1,
    seconds: 1,
    heldOut: { correct: 0, count: 0 },
  };
  const network = {
    checkpoint: checkpointBytes(STROKES, { numClasses: 2 }, ['A', 'E']),
    taught: '2026-11-28T12:00:00Z',
    summary: { ...summary, confusions: [], none: null },
  };
  writeFileSync(project, writeProject({ ...letterProject(['A', 'E'], 1), network }));
  for (const signals of [['SIGHUP'], ['SIGTERM', 'SIGTERM']] as const) {
    const scratch = temporaryFolder();
    const args = [COMMAND, 'serve', project, '--port', '0', '--json', '--runs', join(folder, 'none')];
    const child = spawn(process.execPath, args, { env: { ...process.env, TMPDIR: scratch } });
    const ended = new Promise<string | null>((resolve) => child.on('close', (_, signal) => resolve(signal)));
    const [piece] = await once(child.stdout, 'data');
    const { port } = new URL(JSON.parse(String(piece)).url);
    assert.equal(readdirSync(scratch).length, 1);
    // A request that does not end holds up the end.
    const socket = connect(Number(port), '127.0.0.1').on('error', () => {});
    const lines = ['content-type: image/png', 'content-length: 9', 'expect: 100-continue', '', ''];
    socket.write(`POST /api/predict HTTP/1.1\r\nhost: localhost\r\n${lines.join('\r\n')}`);
    await once(socket, 'data');
    for (const [n, signal] of signals.entries()) {
      if (n > 0) await once(child.stderr, 'data');
      child.kill(signal);
    }
    assert.equal(await ended, signals[0]);
    assert.deepEqual(readdirSync(scratch), []);
    socket.destroy();
  }
});

test('mistakes are one line and exit code 2', async () => {
  const [project, other] = ['a.json', 'b.json'].map((name) => join(folder, name));
  for (const path of [project, other]) writeFileSync(path, '{"format": "scanstroke-project", "version": 2}');
  const refusals: [string[], RegExp][] = [
    [['none'], /none does not exist; give a run folder, a checkpoint, or a network of the package/],
    [['--port', '70000'], /--port must be a whole number from 0 to 65535, found "70000"/],
    [['--batch', '0'], /--batch must be a whole number from 1 to 4096/],
    [['--threads', 'many'], /--threads must be/],
    [['--host', ' '], /--host must be an address or a name, found " "; use 127\.0\.0\.1/],
    [['--host', ''], /--host is empty/],
    [
      ['--data-root', 'none'],
      /--data-root must be a folder of data sets, found "none", which does not exist/,
    ],
    [['--data-root', ''], /--data-root is empty/],
    [[project, other], /expected one project file at most, found 2: .*a\.json, .*b\.json; open the others/],
    [[project], /a\.json: "version": expected 1; update/],
    [['--host', '192.0.2.7'], /this machine has no address 192\.0\.2\.7/],
  ];
  for (const [args, message] of refusals) {
    const { code, stdout, stderr } = await scanstroke(['serve', ...args]);
    assert.match(stderr, message);
    assert.deepEqual([code, stdout, stderr.trim().split('\n').length], [2, '', 1]);
  }
});
