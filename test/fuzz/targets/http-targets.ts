/** The server on a folder of hostile runs, with clients that send anything. */
import assert from 'node:assert/strict';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HttpError } from '#src/serve/http-error.js';
import { configToDisk } from '#src/train/config/run-config.js';
import { checkpointBytes, ROWS } from '../../recognize/checkpoint-bytes.js';
import { CLASSES, makeRuns, serve } from '../../serve/served-runs.js';
import { smallConfig } from '../../train/small-mnist.js';
import { type Answer, RawClient } from '../http/http-client.js';
import {
  FOREIGN,
  type HttpInput,
  type HttpRequest,
  httpInputOf,
  makeRequest,
  requestBytes,
} from '../http/http-grammar.js';
import { decodeJson, encodeJson } from '../minimise.js';
import { isObject, type Json } from '../mutations/json-mutations.js';
import type { Openers } from '../target.js';

const PAGE = fileURLToPath(new URL('../../../../dist/page/', import.meta.url));
/** The content of a file that no answer may show. */
const SECRET = 'NOBODY-MAY-SEE-THIS';
const HEALTH = Buffer.from('GET /api/health HTTP/1.1\r\nhost: localhost\r\n\r\n');
/** The server must be well after each so many inputs. */
const HEALTH_INPUTS = 100;

/** The runs of the server's tests, and one whose configuration names a secret file as its data. */
function hostileRuns(): string {
  const { runs, outside, write } = makeRuns();
  const secret = join(outside, 'secret.txt');
  writeFileSync(secret, `${SECRET}\n`.repeat(3));
  const spy = smallConfig(`strokes:${secret}`, '.', { preset: 'quick' });
  write('spy', 'config.json', JSON.stringify(configToDisk(spy)));
  write('spy', 'best.safetensors', checkpointBytes(ROWS, { numClasses: 10 }, CLASSES));
  write('reader', 'best.safetensors', '');
  symlinkSync(secret, join(runs, 'reader/config.json'));
  return runs;
}

/** Throws for an answer that is not as promised, and an HttpError for a refusal. */
function judge(input: HttpInput, { status, body, all, headers }: Answer): void {
  assert.ok(!all.includes(SECRET), 'the answer shows a secret file');
  assert.ok(!/\bat .*\.(js|ts):\d+/.test(all), `the answer shows a stack: ${all.slice(0, 500)}`);
  if (status === null) {
    assert.equal(headers + body, '', 'an answer that is not HTTP');
    throw new HttpError(400, 'closed without an answer');
  }
  assert.notEqual(status, 500, body);
  if ('method' in input) checkForeign(input, status);
  if (status < 400) return;
  const message = errorMessage(body);
  if (message !== null) throw new HttpError(status, message);
  assert.ok(status < 500 || status === 503, `status ${status}`);
  throw new HttpError(status, `${status} ${headers.split('\r\n')[0]}`);
}

function checkForeign({ headers, method, url }: HttpRequest, status: number): void {
  const of = (wanted: string) => headers.filter(([name]) => name === wanted).map(([, value]) => value);
  const hosts = of('host');
  assert.ok(!hosts.every((host) => host.includes(FOREIGN)) || status >= 400, `host ${FOREIGN} is answered`);
  const isForeign = of('origin').some((origin) => origin.includes(FOREIGN));
  const costs = method === 'POST' && /^\/api\/(predict|projects\/)/.test(url);
  assert.ok(!isForeign || !costs || status >= 400, `origin http://${FOREIGN} is answered`);
}

function errorMessage(body: string): string | null {
  try {
    const value = JSON.parse(Buffer.from(body, 'latin1').toString()) as Json;
    if (!isObject(value) || !isObject(value.error)) return null;
    return typeof value.error.message === 'string' ? value.error.message : null;
  } catch {
    return null;
  }
}

export const OPENERS: Openers = {
  http: async () => {
    const server = await serve({ runs: hostileRuns(), page: PAGE, allowTraining: true });
    const { hostname, port } = new URL(server.url);
    const client = new RawClient(hostname, Number(port));
    let inputs = 0;
    return {
      make: (random) => encodeJson({ ...makeRequest(random) }),
      run: async (encoded) => {
        const input = httpInputOf(decodeJson(encoded));
        const bytes = requestBytes(input, `${hostname}:${port}`);
        const tells = 'method' in input && isWhole(input);
        const answer = tells ? await client.request(bytes, input.method !== 'HEAD') : await client.raw(bytes);
        const defect = server.defects.shift();
        if (defect !== undefined) throw defect;
        if (++inputs % HEALTH_INPUTS === 0) {
          const well = await client.request(HEALTH, true);
          assert.equal(well.status, 200, 'the server is not well');
        }
        judge(input, answer);
      },
      close: async () => {
        client.close();
        await server.close();
      },
    };
  },
};

/** Whether the server can tell where the request ends, and its answer is one with an end. */
function isWhole({ headers, method, url }: HttpRequest): boolean {
  const isPlain = /^[!-~]+$/.test(url) && headers.every(([, value]) => /^[ -~]*$/.test(value));
  const odd = ['transfer-encoding', 'content-length', 'expect', 'upgrade', 'connection'];
  return isPlain && /^(GET|HEAD|POST)$/.test(method) && !headers.some(([name]) => odd.includes(name));
}
