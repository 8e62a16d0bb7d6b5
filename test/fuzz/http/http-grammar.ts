/**
 * A grammar of HTTP requests: the addresses of the API with hostile ids, queries, hosts, origins, types, lengths and
 * bodies; and the bytes of such requests, mutated.
 */
import type { Random } from '#src/random.js';
import { greyPng } from '../../data/pictures/png-file.js';
import { chance, mutateBytes, pick } from '../mutations/byte-mutations.js';
import {
  hostileText,
  hostileValue,
  isObject,
  type Json,
  jsonText,
  mutateJson,
} from '../mutations/json-mutations.js';

/** Texts are Latin-1: a letter is a byte. `$HOST` stands for the server's address. */
export interface HttpRequest {
  method: string;
  url: string;
  headers: [name: string, value: string][];
  body: string;
  chunked: boolean;
}
/** A request, or any bytes. */
export type HttpInput = { raw: string } | HttpRequest;

/** A request from a fixture or a minimised finding; what is missing is empty. */
export function httpInputOf(value: Json): HttpInput {
  const { raw, method, url, headers, body, chunked } = isObject(value) ? value : {};
  const text = (each: Json | undefined) => (typeof each === 'string' ? each : '');
  if (typeof raw === 'string') return { raw };
  const pairs = (Array.isArray(headers) ? headers : []).map((pair): [string, string] =>
    Array.isArray(pair) ? [text(pair[0]), text(pair[1])] : ['', ''],
  );
  return {
    method: text(method),
    url: text(url),
    headers: pairs,
    body: text(body),
    chunked: chunked === true,
  };
}

const ADDRESSES = [
  ...[
    '/',
    '/index.html',
    '/icon.svg',
    '/manifest.webmanifest',
    '/api/health',
    '/api/models',
    '/models/index.json',
  ],
  ...[
    '/models/rows.safetensors',
    '/api/openapi.json',
    '/api/runs',
    '/api/runs/rows',
    '/api/runs/strokes/events',
  ],
  ...['/api/runs/rows/samples?part=test&limit=3&order=confidence', '/api/runs/strokes/samples/3?part=train'],
  ...[
    '/api/runs/spy/samples',
    '/api/runs/spy',
    '/api/runs/damaged',
    '/api/runs/leak/samples',
    '/api/runs/many~seed-1',
  ],
  ...['/api/projects', '/api/projects/none', '/api/projects/none/events', '/api/projects/none/train'],
  '/api/nothing',
];
const IDS = [
  'rows',
  'strokes',
  'fresh',
  'damaged',
  'leak',
  'linked',
  'spy',
  'many~seed-0',
  'none',
  '..',
  '.',
  '',
];
const QUERY_KEYS = [
  'part',
  'true',
  'predicted',
  'correct',
  'order',
  'offset',
  'limit',
  'model',
  'width',
  'height',
  'channels',
];
const QUERY_VALUES = [
  'test',
  'train',
  'true',
  'false',
  '0',
  '1',
  '28',
  '999999999',
  '1e3',
  '-1',
  'index',
  'confidence',
  'rows',
];
const TRAVERSALS = [
  '../../',
  '%2e%2e%2f',
  '..%5c',
  '/etc/passwd',
  '%00',
  '%zz',
  '//',
  '/./',
  '~',
  ';',
  '%c0%ae',
  '?',
  '#',
  '*',
];

export const FOREIGN = 'foreign.example';
const HOSTS = [
  '$HOST',
  '$HOST',
  '$HOST',
  'localhost',
  '[::1]',
  FOREIGN,
  '127.0.0.1.foreign.example',
  '',
  'localhost:99999',
];
const ORIGINS = [`http://${FOREIGN}`, 'null', 'http://$HOST', 'http://localhost', 'file://', ''];
const TYPES = [
  'application/json',
  'image/png',
  'image/jpeg',
  'image/webp',
  'application/octet-stream',
  'text/plain',
  '',
];
const ODD_HEADERS: [string, string][] = [
  ['transfer-encoding', 'chunked'],
  ['transfer-encoding', 'gzip, chunked'],
  ['content-length', '0'],
  ['content-length', '-1'],
  ['content-length', '99999999999999999999'],
  ['content-encoding', 'gzip'],
  ['expect', '100-continue'],
  ['expect', 'x'],
  ['connection', 'close'],
  ['connection', 'upgrade'],
  ['upgrade', 'websocket'],
  ['if-none-match', '*'],
  ['last-event-id', '1'],
  ['last-event-id', '-1'],
  ['range', 'bytes=0-0'],
  ['accept', 'text/event-stream'],
  ['sec-fetch-site', 'cross-site'],
  ['x', 'y'.repeat(9000)],
];

const INPUTS: Json[] = [
  { model: 'rows', inputs: [{ pixels: 'AAD/AAD/AAD/AAAA', width: 3, height: 4 }] },
  { drawing: { strokes: [{ x: [10, 52, 30], y: [8, 9, 71] }] } },
  {
    model: 'strokes',
    strokes: [
      [5, 6, 0, 0],
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 1, 1],
    ],
  },
  {
    inputs: [
      {
        drawing: {
          strokes: [
            [
              [1, 2],
              [30, 4],
            ],
          ],
        },
      },
      { pixels: [0, 255, 0, 9], width: 2, height: 2 },
    ],
  },
];
const PNG = latin1(
  greyPng(
    Uint8Array.from({ length: 144 }, (_, i) => (i % 5 === 0 ? 240 : 2)),
    12,
  ),
);

export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

/** A request by the grammar, or its bytes after mutations. */
export function makeRequest(random: Random): HttpInput {
  const request = chance(random, 0.4) ? predictRequest(random) : getRequest(random);
  if (chance(random, 0.75)) return request;
  const bytes = mutateBytes(random, requestBytes(request, '$HOST'));
  return { raw: latin1(bytes) };
}

function getRequest(random: Random): HttpInput {
  const method = pick(random, [
    'GET',
    'GET',
    'GET',
    'GET',
    'HEAD',
    'OPTIONS',
    'DELETE',
    'PUT',
    'TRACE',
    'PATCH',
    'PROPFIND',
  ]);
  let url = pick(random, ADDRESSES);
  if (chance(random, 0.3)) url = url.replace(/(?<=runs\/)[^/?]+/, () => hostilePart(random));
  if (chance(random, 0.3)) url += `${url.includes('?') ? '&' : '?'}${query(random)}`;
  if (chance(random, 0.2)) {
    const at = random.below(url.length + 1);
    url = url.slice(0, at) + hostilePart(random) + url.slice(at);
  }
  const headers = commonHeaders(random);
  const hasBody = chance(random, 0.05);
  return { method, url, headers, body: hasBody ? 'x'.repeat(random.below(2000)) : '', chunked: false };
}

function predictRequest(random: Random): HttpInput {
  const kind = random.below(3);
  const [type, body] = [
    () => [
      'application/json',
      jsonText(random, chance(random, 0.8) ? mutateJson(random, pick(random, INPUTS)) : pick(random, INPUTS)),
    ],
    () => ['image/png', chance(random, 0.7) ? latin1(mutateBytes(random, Buffer.from(PNG, 'latin1'))) : PNG],
    () => ['application/octet-stream', '\0\xff\x80'.repeat(random.below(300))],
  ][kind]();
  const headers = commonHeaders(random);
  headers.push(['content-type', chance(random, 0.9) ? type : pick(random, TYPES)]);
  const size = `width=${pick(random, [28, 3, 30, 1, 65535])}&height=${pick(random, [28, 3, 30, 1, 65535])}`;
  let url = kind === 2 ? `/api/predict?${size}` : '/api/predict';
  if (kind === 0 && chance(random, 0.1)) url = `/api/projects/${pick(random, IDS)}/train`;
  if (chance(random, 0.15)) url += `${url.includes('?') ? '&' : '?'}${query(random)}`;
  const method = chance(random, 0.95) ? 'POST' : pick(random, ['PUT', 'GET', 'OPTIONS']);
  return {
    method,
    url,
    headers,
    body: latin1(Buffer.from(body, kind === 0 ? 'utf8' : 'latin1')),
    chunked: chance(random, 0.2),
  };
}

function commonHeaders(random: Random): [string, string][] {
  const headers: [string, string][] = [['host', chance(random, 0.8) ? '$HOST' : pick(random, HOSTS)]];
  if (chance(random, 0.15)) headers.push(['origin', pick(random, ORIGINS)]);
  if (chance(random, 0.15)) headers.push(pick(random, ODD_HEADERS));
  if (chance(random, 0.05)) headers.push(['host', pick(random, HOSTS)]);
  return headers;
}

function hostilePart(random: Random): string {
  switch (random.below(4)) {
    case 0:
      return pick(random, IDS);
    case 1:
      return pick(random, TRAVERSALS).repeat(1 + random.below(6));
    case 2:
      return encoded(hostileText(random));
    default:
      return latin1(Buffer.from(hostileText(random))).replace(/[\r\n ]/g, '');
  }
}

function query(random: Random): string {
  return Array.from({ length: 1 + random.below(3) }, () => {
    const value = chance(random, 0.7) ? pick(random, QUERY_VALUES) : hostileValue(random);
    return `${pick(random, QUERY_KEYS)}=${encoded(String(value))}`;
  }).join('&');
}

/** The bytes of a request. A length is added unless the headers tell one. */
export function requestBytes(request: HttpInput, host: string): Uint8Array {
  if ('raw' in request) return Buffer.from(request.raw.replaceAll('$HOST', host), 'latin1');
  const { method, url, headers, body, chunked } = request;
  const tells = headers.some(([name]) => name === 'content-length' || name === 'transfer-encoding');
  const own: [string, string][] = [];
  if (!tells && chunked) own.push(['transfer-encoding', 'chunked']);
  else if (!tells && (body !== '' || method === 'POST')) own.push(['content-length', String(body.length)]);
  const lines = [...headers, ...own].map(([name, value]) =>
    `${name}: ${value}\r\n`.replaceAll('$HOST', host),
  );
  const content = chunked ? `${chunk(body.slice(0, 7))}${chunk(body.slice(7))}0\r\n\r\n` : body;
  return Buffer.from(`${method} ${url} HTTP/1.1\r\n${lines.join('')}\r\n${content}`, 'latin1');
}

const chunk = (text: string) => (text === '' ? '' : `${text.length.toString(16)}\r\n${text}\r\n`);

/** Percent-encoded; lone surrogates, which cannot be encoded, become U+FFFD. */
function encoded(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString());
}
