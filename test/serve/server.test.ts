/**
 * Protects the server: accepted hosts, security headers, the page's files, models and checkpoints, the OpenAPI
 * description, the choice of a port, and its arguments.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type RequestOptions, request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseInput } from '#src/recognize/json-input.js';
import { openFile } from '#src/runs/file-stamp.js';
import type { ModelList } from '#src/serve/api.js';
import { health, modelList, openApi, predictBody, predictResponse, runList } from '#src/serve/openapi.js';
import { isMeant } from '#src/serve/security.js';
import { UserError } from '#src/user-error.js';
import { checkpointBytes, ROWS } from '../recognize/checkpoint-bytes.js';
import { temporaryFolder } from '../train/small-mnist.js';
import { getJson, makeRuns, serve } from './served-runs.js';

const made = makeRuns();
const page = temporaryFolder();
mkdirSync(join(page, 'assets'));
writeFileSync(join(page, 'index.html'), `<!doctype html><title>page</title>${' '.repeat(2000)}`);
writeFileSync(join(page, 'assets/app-1234.js'), 'draw()');
const server = await serve({ runs: made.runs, dataRoots: [made.data], page });
after(() => server.close());

/** A request with any path and headers, also such that browsers do not send. */
function raw(path: string, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    request({ hostname, port, path, headers }, (response) => {
      let text = '';
      response.on('data', (piece) => {
        text += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    })
      .on('error', reject)
      .end();
  });
}

function statusAt(options: RequestOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ hostname: '127.0.0.1', ...options }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

describe('the page', () => {
  test('has the headers for isolation with every answer', async () => {
    for (const path of ['', 'api/health', 'nowhere', 'api/runs/none', 'models/none']) {
      const { headers } = await fetch(server.url + path);
      const policy = headers.get('content-security-policy') ?? '';
      assert.match(policy, /default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'/);
      assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval'(?<!wasm-unsafe-eval')|\*/);
      assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin');
      assert.equal(headers.get('cross-origin-embedder-policy'), 'require-corp');
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
      assert.equal(headers.get('access-control-allow-origin'), null);
    }
  });

  test('is sent compressed or uncompressed, or not again if it is unchanged', async () => {
    const whole = await fetch(server.url);
    assert.match(await whole.text(), /<title>page/);
    assert.equal(whole.headers.get('content-encoding'), 'gzip');
    assert.equal(whole.headers.get('cache-control'), 'no-cache');
    const again = await fetch(server.url, { headers: { 'if-none-match': whole.headers.get('etag') ?? '' } });
    assert.equal(again.status, 304);
    const etag = whole.headers.get('etag');
    for (const known of [`W/${etag}`, `"other", ${etag}`, '*']) {
      const { status } = await fetch(server.url, { headers: { 'if-none-match': known } });
      assert.equal(status, 304, known);
    }
    assert.equal((await fetch(server.url, { headers: { 'if-none-match': '"other"' } })).status, 200);
    for (const [accepted, coding] of [
      ['gzip;q=0', null],
      ['br, gzip; q=0.5', 'gzip'],
      ['x-gzip-like', null],
    ] as const) {
      const answer = await fetch(server.url, { headers: { 'accept-encoding': accepted } });
      assert.equal(answer.headers.get('content-encoding'), coding, accepted);
      await answer.body?.cancel();
    }
    const script = await fetch(`${server.url}assets/app-1234.js`);
    assert.equal(await script.text(), 'draw()');
    assert.match(script.headers.get('content-type') ?? '', /^text\/javascript/);
    assert.match(script.headers.get('cache-control') ?? '', /immutable/);
  });

  test('has a message in its place if it is not built', async () => {
    const bare = await serve({ runs: null });
    try {
      const answer = await fetch(bare.url);
      assert.equal(bare.page, false);
      assert.equal(answer.status, 503);
      assert.match(await answer.text(), /npm run build/);
    } finally {
      await bare.close();
    }
  });
});

describe('access', () => {
  test('a server on the loopback address refuses other names in Host', async () => {
    const { port } = new URL(server.url);
    for (const host of ['localhost', `localhost:${port}`, `127.0.0.1:${port}`, '[::1]:80']) {
      assert.equal((await raw('/api/health', { host })).status, 200, host);
    }
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1.evil.example',
      'localhost.evil.example',
    ]) {
      const { status, text } = await raw('/api/runs', { host });
      assert.equal(status, 421, host);
      assert.match(text, /expected 127\.0\.0\.1 or localhost as the host/);
      assert.doesNotMatch(text, /rows/);
    }
  });

  test('the host is checked where the server listens on the loopback address, whatever --host says', async () => {
    for (const host of ['127.1', '127.0.0.2', '[::1]', 'LOCALHOST', '::ffff:127.0.0.1']) {
      const other = await serve({ runs: null, host }).catch((error: unknown) => {
        // This machine may have no IPv6.
        assert.match(String(error), /this machine has no address/);
      });
      if (!other) continue;
      const { port } = new URL(other.url.replace('[::ffff:127.0.0.1]', '127.0.0.1'));
      const hostname = host.includes('::1') ? '::1' : host.includes(':') ? '127.0.0.1' : host;
      const status = (name: string) =>
        statusAt({ hostname, port, path: '/api/health', headers: { host: name } });
      assert.equal(await status('evil.example'), 421, host);
      assert.equal(await status('localhost'), 200, host);
      assert.equal(await status(`${host}:${port}`), 200, host);
      assert.equal(await status(new URL(other.url).host), 200, 'as browsers spell it');
      for (const evil of ['evil.example@127.0.0.1', '127.0.0.1#evil.example', '127.0.0.1/evil.example']) {
        assert.equal(await status(evil), 421, evil);
      }
      await other.close();
    }
    const open = await serve({ runs: null, host: '0.0.0.0' });
    const { port } = new URL(open.url);
    assert.equal(await statusAt({ port, path: '/api/health', headers: { host: 'my-machine.example' } }), 200);
    await open.close();
    for (const host of ['', ' ', '\t', '[]', 'a b']) {
      await assert.rejects(serve({ runs: null, host }), (error) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message, /--host must be an address or a name, found ".*; use 127\.0\.0\.1/);
        return true;
      });
    }
  });

  test('pages of other servers cannot compute, and cannot start work by links and images', async () => {
    const { port, host } = new URL(server.url);
    const paths = [
      '/api/predict',
      '/%61pi/predict',
      '/api/runs/rows/samples',
      '/models/rows.safetensors',
      '/api/runs',
    ];
    const foreign = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: '' },
      { origin: `http://127.0.0.1:${Number(port) + 1}` },
      { origin: `http://evil.example:${port}` },
      { origin: `http://${host}.evil.example` },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
      { origin: `http://${host}`, 'sec-fetch-site': 'cross-site' },
    ];
    const own = [
      {},
      { origin: `http://${host}` },
      { 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
    ];
    for (const path of paths) {
      const method = path.endsWith('predict') ? 'POST' : 'GET';
      for (const headers of foreign) {
        const status = await statusAt({ port, path, method, headers });
        assert.equal(status, 403, `${path} ${JSON.stringify(headers)}`);
      }
      for (const headers of own) {
        const status = await statusAt({ port, path, method, headers });
        assert.ok([200, 202, 415].includes(status), `${path} ${JSON.stringify(headers)}: ${status}`);
      }
    }
    const { text } = await raw('/api/runs', { origin: 'https://evil.example' });
    assert.match(text, /requests of other web pages are refused: .* found Origin \\"https:\/\/evil\.example/);
    assert.equal((await raw('/', { 'sec-fetch-site': 'cross-site' })).status, 200, 'the page can be linked');
    const open = await serve({ runs: null, host: '0.0.0.0' });
    const at = (origin: string) =>
      statusAt({
        port: new URL(open.url).port,
        path: '/api/health',
        headers: { host: 'my-machine:7860', origin },
      });
    assert.deepEqual([await at('http://my-machine:7860'), await at('http://evil.example:7860')], [200, 403]);
    assert.equal(await at('https://my-machine:7860'), 200, 'of a proxy that passes on Host');
    const byName = { host: 'strokes.example', address: '127.0.0.1' };
    assert.deepEqual(
      ['Strokes.example', 'strokes.example:8443', 'evil.example'].map((host) => isMeant(host, byName)),
      [true, true, false],
    );
    await open.close();
  });

  test('no path reaches files that are not listed', async () => {
    const secret = readFileSync(join(made.outside, 'secret.safetensors'));
    const ids = [
      '..',
      '../outside',
      '..%2foutside',
      '%2e%2e%2foutside',
      '..%5coutside',
      'rows/../../outside',
      '%2e%2e/outside',
      'rows%2f..%2f..%2foutside',
      'linked',
      'notes',
      'rows%00',
      '%c0%ae%c0%ae',
      '%',
      '/etc/passwd',
      '~',
    ];
    for (const id of ids) {
      const inRun = ['', '/samples', '/samples/0', '/events'].map((path) => `/api/runs/${id}${path}`);
      for (const path of [...inRun, `/models/${id}`, `/models/${id}.safetensors`, `/${id}`]) {
        const { status, text } = await raw(path);
        assert.ok(status >= 400, `${path}: ${status}`);
        assert.ok(!text.includes(secret.subarray(200, 300).toString('latin1')), path);
      }
    }
    assert.equal((await raw('/models/leak.safetensors')).status, 404);
    assert.equal((await raw('/api/runs/leak/samples')).status, 404);
    await assert.rejects(openFile(join(made.runs, 'leak/best.safetensors')), { code: 'ELOOP' });
    const { json } = await getJson<{ config: unknown; model: boolean }>(`${server.url}api/runs/leak`);
    assert.deepEqual([json.config, json.model], [null, false]);
  });
});

describe('models', () => {
  test('are exactly the best checkpoints of the runs', async () => {
    const { json } = await getJson<ModelList>(`${server.url}api/models`);
    assert.deepEqual(modelList.parse(json), json);
    assert.deepEqual(json.models.map(({ id }) => id).sort(), [
      'many~seed-0',
      'many~seed-1',
      'rows',
      'strokes',
    ]);
    assert.deepEqual((await getJson(`${server.url}models/index.json`)).json, json);
    const rows = json.models.find(({ id }) => id === 'rows');
    assert.equal(rows?.kind, 'images');
    assert.equal(rows?.test_accuracy, 0.95);
    for (const { file, bytes } of json.models) {
      const content = Buffer.from(await (await fetch(`${server.url}models/${file}`)).arrayBuffer());
      assert.equal(content.length, bytes);
      const path = join(
        made.runs,
        decodeURIComponent(file).replace('~', '/').replace('.safetensors', '/best.safetensors'),
      );
      const hash = (of: Buffer) => createHash('sha256').update(of).digest('hex');
      assert.equal(hash(content), hash(readFileSync(path)));
      const head = await fetch(`${server.url}models/${file}`, { method: 'HEAD' });
      assert.equal(head.headers.get('content-length'), String(bytes));
      const known = { 'if-none-match': `W/${head.headers.get('etag')}` };
      assert.equal((await fetch(`${server.url}models/${file}`, { headers: known })).status, 304);
    }
  });

  test('that were replaced by a pipe or a folder a moment ago are not sent', async () => {
    for (const replace of [(path: string) => execFileSync('mkfifo', [path]), mkdirSync]) {
      const path = made.write('brief', 'best.safetensors', checkpointBytes(ROWS));
      made.write('brief', 'config.json', '{}');
      const status = async () => (await raw('/models/brief.safetensors')).status;
      while ((await status()) !== 200) await sleep(50);
      rmSync(path);
      replace(path);
      assert.equal(await status(), 404);
      rmSync(join(made.runs, 'brief'), { recursive: true });
      while ((await status()) !== 404) await sleep(50);
    }
    assert.deepEqual(server.defects, []);
  });

  test('answer in their version on disk', async () => {
    const version = async () => {
      const { json } = await getJson<ModelList>(`${server.url}api/models`);
      return json.models.find(({ id }) => id === 'rows')?.version;
    };
    const before = await version();
    const path = join(made.runs, 'rows/best.safetensors');
    made.write('rows', 'best.safetensors', readFileSync(path));
    await new Promise((resolve) => setTimeout(resolve, 400));
    assert.notEqual(await version(), before);
  });
});

describe('the description', () => {
  test('fits the answers', async () => {
    const { json } = await getJson<Record<string, unknown>>(`${server.url}api/openapi.json`);
    assert.deepEqual(json, JSON.parse(JSON.stringify(openApi('1.2.3'))));
    assert.equal(json.openapi, '3.1.0');
    const get = async (path: string) => (await getJson<unknown>(server.url + path)).json;
    assert.equal(health.parse(await get('api/health')).version, '1.2.3');
    assert.deepEqual(runList.parse(await get('api/runs')), await get('api/runs'));
    for (const path of Object.keys(json.paths as object)) {
      const address = path
        .replace('{id}', 'rows')
        .replace('{index}', '0')
        .replace('{file}', 'rows.safetensors')
        .replace('{name}', 'none');
      const [method] = Object.keys((json.paths as Record<string, object>)[path]);
      const answer = await fetch(new URL(address, server.url), { method: method.toUpperCase() });
      // A server without a project says so.
      if (path !== '/api/project') assert.notEqual(answer.status, 404, path);
      await answer.body?.cancel();
    }
  });

  test('allows exactly the inputs that are accepted', async () => {
    const bodies = [
      { pixels: [0, 255], width: 2, height: 1 },
      {
        inputs: [
          {
            strokes: [
              [1, 2, 0, 0],
              [0, 0, 1, 1],
            ],
          },
          { drawing: { strokes: [{ x: [1], y: [2] }] } },
        ],
        model: 'rows',
      },
    ];
    for (const body of bodies) {
      assert.ok(predictBody.safeParse(body).success);
      for (const each of 'inputs' in body ? (body.inputs ?? []) : [body]) parseInput(each, 'a');
    }
    assert.ok(!predictBody.safeParse({ pixels: [256], width: 1, height: 1 }).success);
    const answer = await fetch(`${server.url}api/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        drawing: {
          strokes: [
            [
              [1, 2],
              [30, 40],
            ],
          ],
        },
      }),
    });
    assert.equal(predictResponse.parse(await answer.json()).results.length, 1);
  });
});

describe('address', () => {
  test('the next free port is used if the first is in use, unless a port was named', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => blocker.once('listening', resolve));
    const { port } = blocker.address() as { port: number };
    await assert.rejects(serve({ runs: null, port }), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /another program is there already; choose another port/);
      return true;
    });
    blocker.close();
    const [one, other] = [await serve({ runs: null, port: null }), await serve({ runs: null, port: null })];
    assert.notEqual(one.url, other.url);
    await Promise.all([one.close(), other.close()]);
    await assert.rejects(
      serve({ runs: null, host: '192.0.2.7' }),
      /this machine has no address 192\.0\.2\.7/,
    );
    const given = [
      join(made.runs, 'linked'),
      join(made.runs, 'leak/best.safetensors'),
      join(made.runs, 'rows'),
    ];
    const named = await serve({ runs: made.runs, given });
    const { json } = await getJson<ModelList>(`${named.url}api/models`);
    assert.deepEqual(
      json.models.slice(0, 2).map(({ id }) => id),
      ['outside~secret', 'rows'],
      'named links are followed',
    );
    await named.close();
    await assert.rejects(serve({ runs: null, given: ['/no/such/run'] }), /\/no\/such\/run does not exist/);
    await assert.rejects(serve({ runs: null, given: [join(made.runs, 'notes')] }), /holds no run/);
    const folders = [await serve({ runs: null, given: [made.runs] }), await serve({ runs: made.runs })];
    const [positional, flagged] = await Promise.all(
      folders.map(async ({ url }) => (await getJson<ModelList>(`${url}api/models`)).json.models),
    );
    assert.deepEqual(positional, flagged, 'one folder of runs is as --runs');
    assert.ok(flagged.length > 1);
    await Promise.all(folders.map((each) => each.close()));
  });
});
