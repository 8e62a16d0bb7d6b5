/**
 * Protects the server from its clients: garbage, slow or aborted uploads and many connections do not affect other
 * clients; memory is released; a server that ends answers the requests being processed.
 */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import dns from 'node:dns';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBackend } from '#src/backends/open-node.js';
import { openRecognizer } from '#src/recognize/recognizer.js';
import type { Health, PredictResponse } from '#src/serve/api.js';
import { Bodies } from '#src/serve/bodies.js';
import { HttpError } from '#src/serve/http-error.js';
import { IDLE_MS } from '#src/serve/server-limits.js';
import { greyPng } from '../data/pictures/png-file.js';
import { digits } from '../ink/images.js';
import { checkpointBytes, ROWS } from '../recognize/checkpoint-bytes.js';
import { CLASSES, getJson, makeRuns, serve } from './served-runs.js';

const { runs } = makeRuns();
const server = await serve({ runs, given: [`${runs}/rows`] });
after(() => server.close());
const { hostname, port } = new URL(server.url);

/** Sends raw bytes. @returns everything received until the connection ends */
function exchange(
  pieces: (string | Uint8Array)[],
  options: { end?: boolean; pause?: number } = {},
): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(Number(port), hostname, async () => {
      for (const piece of pieces) {
        if (socket.destroyed) break;
        socket.write(piece);
        if (options.pause) await sleep(options.pause);
      }
      if (options.end) socket.destroy();
    });
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

const head = (path: string, more: string[] = [], connection = 'close') =>
  [`POST ${path} HTTP/1.1`, `host: ${hostname}`, `connection: ${connection}`, ...more, '', ''].join('\r\n');
const isWell = async () => assert.equal((await getJson(`${server.url}api/health`)).status, 200);

describe('a server among bad clients', () => {
  test('answers garbage with an error', async () => {
    const garbage = [
      '\0\0\0\0\r\n\r\n',
      'GET\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`,
      head('/api/predict', ['content-type: image/png', 'content-length: -1']),
      head('/api/predict', ['content-type: image/png', 'content-length: 5', 'transfer-encoding: chunked']),
      `${head('/api/predict', ['content-type: image/png', 'transfer-encoding: chunked'])}zz\r\n`,
      `GET /%zz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`,
      'GET / HTTP/1.1\r\nhost: localhost\r\nno header\r\n\r\n',
      'GET / HTTP/1.1\r\nconnection: close\r\n\r\n',
      head('/api/predict', ['content-type: image/png', 'content-length: 5', 'expect: more']),
    ];
    for (const bytes of garbage) {
      const answer = await exchange([bytes]);
      const [headers, body] = answer.split('\r\n\r\n');
      const [, status] = /^HTTP\/1\.1 (4\d\d) /.exec(headers) ?? [];
      assert.equal(JSON.parse(body).error.status, Number(status), JSON.stringify(bytes.slice(0, 40)));
      assert.match(headers, /^content-security-policy: default-src 'self'/m);
    }
    await isWell();
  });

  test('does not disconnect who waits, but who does not take the answer', async () => {
    const timeouts: (number | undefined)[] = [];
    const waits = (message: unknown) => {
      const { socket } = message as { socket: Socket };
      setImmediate(() => timeouts.push(socket.timeout));
    };
    const ends = (message: unknown) => timeouts.push((message as { socket: Socket }).socket.timeout);
    subscribe('http.server.request.start', waits);
    subscribe('http.server.response.finish', ends);
    const [image] = await digits(1);
    const body = new Uint8Array(greyPng(image.pixels, 28));
    await fetch(`${server.url}api/predict`, {
      method: 'POST',
      headers: { 'content-type': 'image/png' },
      body,
    });
    unsubscribe('http.server.request.start', waits);
    unsubscribe('http.server.response.finish', ends);
    assert.deepEqual(timeouts, [0, IDLE_MS]);
  });

  test('releases the memory of aborted uploads', async () => {
    const upload = head('/api/predict', ['content-type: image/png', 'content-length: 1000000']);
    await Promise.all(
      Array.from({ length: 200 }, () => exchange([upload, new Uint8Array(50_000)], { end: true, pause: 5 })),
    );
    await isWell();
    assert.deepEqual(server.defects, []);
  });

  test('answers others while hundreds of clients are slow', async () => {
    const slow: Socket[] = Array.from({ length: 400 }, (_, n) => {
      const socket = connect(Number(port), hostname, () => {
        const request = head('/api/predict', ['content-type: image/png', 'content-length: 500']);
        socket.write(n % 2 === 0 ? request.slice(0, 20) : `${request}12345`);
      });
      return socket.on('error', () => {});
    });
    await sleep(200);
    const [image] = await digits(1);
    const answer = await getJson<PredictResponse>(`${server.url}api/predict`, {
      method: 'POST',
      headers: { 'content-type': 'image/png' },
      body: new Uint8Array(greyPng(image.pixels, 28)),
    });
    assert.equal(answer.json.results.length, 1);
    for (const socket of slow) socket.destroy();
    await isWell();
  });

  test('sends each of a thousand clients its own answer', async () => {
    const images = await digits(50);
    const backend = await openBackend('auto');
    const bytes = checkpointBytes(ROWS, { numClasses: 10 }, CLASSES);
    const recognizer = openRecognizer(bytes, backend, { name: 'rows' });
    const expected = await recognizer.recognize(images.map((image) => ({ kind: 'picture', ...image })));
    const files = images.map(({ pixels }) => greyPng(pixels, 28));
    const answers = await Promise.all(
      Array.from({ length: 1000 }, (_, n) => {
        const file = files[n % 50];
        const request = head('/api/predict', ['content-type: image/png', `content-length: ${file.length}`]);
        return exchange([request, file]);
      }),
    );
    answers.forEach((answer, n) => {
      const { results } = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as PredictResponse;
      assert.deepEqual(results[0]?.probabilities, [...expected[n % 50]!.probabilities]);
    });
    assert.deepEqual(server.defects, []);
  });

  test('answers requests being processed when it ends, and no new ones', async () => {
    const ending = await serve({ runs, given: [`${runs}/rows`] });
    const [image] = await digits(1);
    const input = { pixels: Buffer.from(image.pixels).toString('base64'), width: 28, height: 28 };
    const body = JSON.stringify({ inputs: Array.from({ length: 1024 }, () => input) });
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    let answered = 0;
    const underWay = Array.from({ length: 8 }, async () => {
      const answer = await getJson<PredictResponse>(`${ending.url}api/predict`, init);
      answered++;
      return answer;
    });
    const taken = async () => {
      // Before: one that is answered meanwhile would count twice.
      const before = answered;
      const { json } = await getJson<Health>(`${ending.url}api/health`);
      return json.waiting + json.running + before;
    };
    while ((await taken()) < 8) await sleep(2);
    assert.ok(answered < 8, 'some are still being processed');
    const closed = ending.close();
    for (const { status, json } of await Promise.all(underWay)) {
      assert.equal(status, 200);
      assert.equal(json.results.length, 1024);
    }
    await closed;
    await assert.rejects(fetch(`${ending.url}api/health`));
  });
});

test('the end does not wait for connections without a request, as browsers open them', async () => {
  const ending = await serve({ runs });
  const { hostname, port } = new URL(ending.url);
  const silent = connect(Number(port), hostname).on('error', () => {});
  await once(silent, 'connect');
  await fetch(`${ending.url}api/health`); // the server has seen both connections
  const began = performance.now();
  await ending.close();
  assert.ok(performance.now() - began < 3000);
  silent.destroy();
});

test('the end waits for the last answer of a connection, not for its client; who asks more is refused', async () => {
  for (const more of ['', `GET /api/health HTTP/1.1\r\nhost: ${hostname}\r\n\r\n`]) {
    const ending = await serve({ runs, given: [`${runs}/rows`] });
    const kept = connect(Number(new URL(ending.url).port), hostname).on('error', () => {});
    let text = '';
    kept.on('data', (piece) => {
      text += piece;
    });
    const body = JSON.stringify({ pixels: [9], width: 1, height: 1 });
    const type = 'content-type: application/json';
    const headers = [type, `content-length: ${body.length}`, 'expect: 100-continue'];
    kept.write(head('/api/predict', headers, 'keep-alive'));
    await once(kept, 'data');
    const closed = ending.close();
    await sleep(50);
    const began = performance.now();
    kept.write(body + more);
    await Promise.all([closed, once(kept, 'close')]);
    assert.ok(performance.now() - began < 5000);
    const [, first, next, refused] = text.split('\r\n\r\n');
    assert.match(first, /^HTTP\/1\.1 200 /);
    if (more === '') continue;
    assert.match(next, /HTTP\/1\.1 503 .*content-security-policy.*retry-after: \d/s);
    assert.equal(JSON.parse(refused).error.status, 503);
  }
});

test('a server on localhost listens on one address, whose connections it knows', async (context) => {
  const both = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ];
  const { lookup } = dns;
  context.mock.method(dns, 'lookup', (...given: unknown[]) => {
    const [options, done] = given.slice(1) as [{ all?: boolean }, (error: null, found: unknown) => void];
    if (options.all) process.nextTick(done, null, both);
    else Reflect.apply(lookup, dns, given);
  });
  const local = await serve({ runs, host: 'localhost' });
  const { port } = new URL(local.url);
  const isThere = (address: string) =>
    new Promise((resolve) => {
      const socket = connect(Number(port), address);
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
  assert.deepEqual([await isThere('127.0.0.1'), await isThere('::1')], [true, false]);
  await local.close();
});

describe('bodies', () => {
  const upload = (chunks: Iterable<Uint8Array>, headers = {}) =>
    Object.assign(Readable.from(chunks), { headers }) as unknown as IncomingMessage;
  const refused = (status: number) => (error: unknown) =>
    error instanceof HttpError && error.status === status;
  const megabyte = new Uint8Array(2 ** 20);

  test('have a common limit of memory', async () => {
    const bodies = new Bodies();
    const taken = await Promise.all(
      Array.from({ length: 16 }, () => bodies.take(upload(Array(15).fill(megabyte)))),
    );
    assert.equal(bodies.bytes, 240 * 2 ** 20);
    const crowd = await Promise.allSettled(
      Array.from({ length: 4 }, () => bodies.take(upload(Array(15).fill(megabyte)))),
    );
    assert.ok(crowd.some((each) => each.status === 'rejected' && refused(503)(each.reason)));
    for (const { release } of taken) release();
    for (const each of crowd) if (each.status === 'fulfilled') each.value.release();
    assert.equal(bodies.bytes, 0);
  });

  test('are refused as soon as they are too large, or compressed; the memory of aborted ones is released', async () => {
    const bodies = new Bodies();
    await assert.rejects(bodies.take(upload([], { 'content-length': '16777217' })), refused(413));
    await assert.rejects(bodies.take(upload(Array(17).fill(megabyte))), refused(413));
    await assert.rejects(bodies.take(upload([], { 'content-encoding': 'gzip' })), refused(415));
    assert.equal((await bodies.take(upload([], { 'content-encoding': 'identity' }))).body.length, 0);
    function* broken() {
      yield megabyte;
      throw new Error('aborted');
    }
    await assert.rejects(bodies.take(upload(broken())), refused(400));
    assert.equal(bodies.bytes, 0);
  });
});
