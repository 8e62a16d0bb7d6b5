/**
 * Protects `POST /api/predict`: answers equal the recogniser's, for every form of input and many requests at once;
 * errors are JSON, and the next request is answered.
 */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { openBackend } from '#src/backends/open-node.js';
import { readPicture } from '#src/data/pictures/picture.js';
import type { RecognizerInput } from '#src/recognize/prepare-input.js';
import { openRecognizer } from '#src/recognize/recognizer.js';
import { readSymbols } from '#src/recognize/symbols/read-symbols.js';
import { readingJson } from '#src/recognize/symbols/reading-json.js';
import { decodeCheckpoint, encodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import type { ErrorJson, ModelList, PredictResponse } from '#src/serve/api.js';
import { readResponse } from '#src/serve/openapi.js';
import { answerRequests, predictionJson } from '#src/serve/predict/predict-jobs.js';
import { jpegFile, webpFile } from '../data/pictures/photo-file.js';
import { greyPng, pngFile } from '../data/pictures/png-file.js';
import { digits } from '../ink/images.js';
import { checkpointBytes, ROWS, STROKES } from '../recognize/checkpoint-bytes.js';
import { CLASSES, getJson, makeRuns, serve } from './served-runs.js';

const { runs } = makeRuns();
const server = await serve({ runs });
after(() => server.close());
const backend = await openBackend('auto');
const recognizers = {
  rows: openRecognizer(checkpointBytes(ROWS, { numClasses: 10 }, CLASSES), backend, { name: 'rows' }),
  strokes: openRecognizer(checkpointBytes(STROKES, { numClasses: 10 }, CLASSES), backend, {
    name: 'strokes',
  }),
};
const address = `${server.url}api/predict`;

async function expected(model: 'rows' | 'strokes', inputs: RecognizerInput[]) {
  const answers = await recognizers[model].recognize(inputs);
  return { model, results: answers.map((answer) => answer && predictionJson(answer)) };
}

const JSON_TYPE = { 'content-type': 'application/json' };
const send = (body: string | Uint8Array, type: string, query = '') =>
  getJson<PredictResponse & ErrorJson>(address + query, {
    method: 'POST',
    headers: { 'content-type': type },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });
const sendJson = (value: unknown, query = '') => send(JSON.stringify(value), 'application/json', query);

const SEVEN = {
  strokes: [
    [
      [10, 20],
      [110, 22],
      [50, 160],
    ],
    [
      [40, 90],
      [100, 88],
    ],
  ],
};
const LINES = [
  { xs: [10, 110, 50], ys: [20, 22, 160] },
  { xs: [40, 100], ys: [90, 88] },
];

test('a network whose sums overflow fails alone: the others of its batch are answered', async () => {
  const network = decodeCheckpoint(checkpointBytes(ROWS, { numClasses: 10 }, CLASSES), 'huge');
  network.parameters.get('fc.weight')!.data.fill(3e38);
  const huge = openRecognizer(encodeCheckpoint(network), backend, { name: 'huge' });
  const models = ['rows', 'huge'].map((id) => ({ id, path: id, version: '1' }));
  const job = (model: string) => ({
    body: new TextEncoder().encode(JSON.stringify(SEVEN)),
    ...({ type: 'json', model, size: null, several: false } as const),
  });
  const settled = await answerRequests(
    [job('huge'), job('rows')],
    { default: null, models },
    async ({ id }) => (id === 'huge' ? huge : recognizers.rows),
  );
  assert.deepEqual(
    settled.map(({ status }) => status),
    ['rejected', 'fulfilled'],
  );
  assert.match(
    String((settled[0] as PromiseRejectedResult).reason),
    /huge: the network's answer is not a number/,
  );
  huge.close();
});

describe('predict', () => {
  test('answers JPEG pictures, several at once', async () => {
    for (const image of await digits(3)) {
      const file = await jpegFile(image);
      const picture = await readPicture(file, 'a.jpg');
      const want = await expected('rows', [{ kind: 'picture', ...picture }]);
      const sent = await Promise.all([1, 2, 3].map(() => send(file, 'image/jpeg', '?model=rows')));
      for (const { status, json } of sent) {
        assert.equal(status, 200, JSON.stringify(json));
        assert.deepEqual(json, want);
      }
    }
  });

  test('reads several symbols in pictures, drawings and moves, and limits their number and size', async () => {
    const several = '?model=rows&several=true';
    const drawing: RecognizerInput = { kind: 'drawing', strokes: LINES };
    const want = readingJson(await readSymbols(recognizers.rows, drawing));
    const { status, json } = await sendJson({ inputs: [SEVEN, { strokes: [] }] }, several);
    assert.equal(status, 200, JSON.stringify(json));
    assert.deepEqual(json, { model: 'rows', results: [want, { text: '', symbols: [], left_out: [] }] });
    readResponse.parse(json);
    const [image] = await digits(1);
    const picture = readingJson(await readSymbols(recognizers.rows, { kind: 'picture', ...image }));
    const png = await send(greyPng(image.pixels, 28), 'image/png', several);
    assert.deepEqual(png.json, { model: 'rows', results: [picture] });
    const raw = await send(image.pixels, 'application/octet-stream', `${several}&width=28&height=28`);
    assert.deepEqual(raw.json, png.json);
    for (const [value, message] of [
      [{ inputs: Array.from({ length: 5 }, () => SEVEN) }, /5 inputs; at most 4 .* several=true/],
      [
        {
          strokes: Array.from({ length: 300 }, (_, n) => [
            [20 * n, 0],
            [20 * n, 40],
          ]),
        },
        /at most 200/,
      ],
    ] as const) {
      const refused = await sendJson(value, several);
      assert.ok(refused.status === 413 || refused.status === 400, String(refused.status));
      assert.match(refused.json.error.message, message);
    }
    const large = new Uint8Array(2049 * 2048);
    const tooLarge = await send(large, 'application/octet-stream', `${several}&width=2049&height=2048`);
    assert.equal(tooLarge.status, 413);
    assert.equal((await sendJson(SEVEN, '?several=perhaps')).status, 400);
    assert.equal((await sendJson(SEVEN, '?model=rows&several=false')).json.results.length, 1);
  });

  test('answers pictures in every form', async () => {
    const [image] = await digits(1);
    const want = await expected('rows', [{ kind: 'picture', ...image }]);
    const pixels = Buffer.from(image.pixels);
    for (const { status, json } of [
      await send(greyPng(image.pixels, 28), 'image/png', '?model=rows'),
      await send(await webpFile(image, { lossless: 1 }), 'image/webp', '?model=rows'),
      // The content decides which of the three it is.
      await send(greyPng(image.pixels, 28), 'image/jpeg', '?model=rows'),
      await send(pixels, 'application/octet-stream', '?width=28&height=28&model=rows'),
      await sendJson({ pixels: [...pixels], width: 28, height: 28, model: 'rows' }),
      await sendJson({ pixels: pixels.toString('base64'), width: 28, height: 28 }, '?model=rows'),
      await sendJson({ model: 'rows', inputs: [{ pixels: [...pixels], width: 28, height: 28 }] }),
    ]) {
      assert.equal(status, 200, JSON.stringify(json));
      assert.deepEqual(json, want);
    }
  });

  test('answers drawings and strokes, many at once, and gives null for empty inputs', async () => {
    const inputs = [
      { drawing: SEVEN },
      SEVEN,
      { strokes: [] },
      {
        strokes: [
          [3, 4, 0, 0],
          [1, 1, 0, 0],
          [0, 0, 1, 1],
        ],
      },
    ];
    const want = await expected('strokes', [
      { kind: 'drawing', strokes: LINES },
      { kind: 'drawing', strokes: LINES },
      { kind: 'drawing', strokes: [] },
      { kind: 'strokes', moves: Int16Array.of(3, 4, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1) },
    ]);
    assert.equal(want.results[2], null);
    const { json } = await sendJson({ model: 'strokes', inputs });
    assert.deepEqual(json, want);
  });

  test('sends each of many concurrent requests its own answer', async () => {
    const images = await digits(60);
    const requests = images.flatMap((image, n) =>
      (['rows', 'strokes'] as const).map(async (model) => {
        const bad = n % 7 === 3;
        const { status, json } = await send(
          bad ? Buffer.from('no picture') : greyPng(image.pixels, 28),
          'image/png',
          `?model=${model}`,
        );
        if (bad) assert.equal(status, 400);
        else assert.deepEqual(json, await expected(model, [{ kind: 'picture', ...image }]));
      }),
    );
    await Promise.all(requests);
  });

  test('without a model, uses the newest run or the one given to the server', async () => {
    const { json: list } = await getJson<ModelList>(`${server.url}api/models`);
    assert.equal((await sendJson(SEVEN)).json.model, list.default);
    const given = await serve({ runs, given: [`${runs}/strokes`] });
    try {
      const { json } = await getJson<PredictResponse>(`${given.url}api/predict`, {
        method: 'POST',
        headers: JSON_TYPE,
        body: JSON.stringify(SEVEN),
      });
      assert.equal(json.model, 'strokes');
    } finally {
      await given.close();
    }
  });

  test('errors name the expected value', async () => {
    const octets = 'application/octet-stream';
    const refusals: [Promise<{ status: number; json: ErrorJson }>, number, RegExp][] = [
      [send('{', 'application/json'), 400, /the body: not valid JSON/],
      [send('[]', 'application/json'), 400, /expected an object with pixels, strokes or a drawing/],
      [send(Buffer.of(0xff, 0xfe), 'application/json'), 400, /expected JSON in UTF-8/],
      [send('['.repeat(1000), 'application/json'), 400, /nested deeper than 32/],
      [sendJson({ inputs: [] }), 400, /inputs: expected a list of at least one/],
      [sendJson({ inputs: [SEVEN, { pixels: 3 }] }), 400, /inputs\[1\]: width/],
      [sendJson({ inputs: Array.from({ length: 1025 }, () => SEVEN) }), 413, /1025 inputs; at most 1024/],
      [sendJson({ ...SEVEN, model: 'nobody' }), 404, /no model "nobody"; there are "/],
      [sendJson({ ...SEVEN, model: 7 }), 400, /model: expected the id/],
      [sendJson({ pixels: [1, 2], width: 2, height: 2 }), 400, /2 × 2 × 1 = 4 bytes expected.*found 2/],
      [send('x', 'text/plain'), 415, /expected a body of image\/png.*found content-type "text\/plain"/],
      [send('x', 'foo'), 415, /expected a content-type such as image\/png.*found "foo"/],
      [send('x', octets), 400, /raw pixels need their size/],
      [
        send('x', octets, '?width=1&height=0'),
        400,
        /height \(of raw pixels\): expected a whole number from 1, found "0"/,
      ],
      [send('x', octets, '?width=1&width=2&height=1'), 400, /width .*given once/],
      [send('x', 'image/png', '?width=3'), 400, /width is for raw pixels/],
      [
        send('x', 'image/png', '?modell=rows'),
        400,
        /unknown parameter "modell"; there are model, width, height, channels, several/,
      ],
      [send('', 'image/png'), 400, /expected a PNG, JPEG or WebP picture; found nothing/],
      [send('GIF89a', 'image/jpeg'), 400, /expected a PNG, JPEG or WebP picture; found a GIF picture/],
      [send(pngFile({ width: 40_000, height: 40_000 }), 'image/png'), 400, /40000 × 40000/],
      [send(Buffer.alloc(17 * 2 ** 20), octets, '?width=9&height=9'), 413, /at most 16777216 bytes/],
      [getJson(address), 404, /nothing at GET "\/api\/predict"/],
    ];
    for (const [answer, status, message] of refusals) {
      const { status: found, json } = await answer;
      assert.match(json.error.message, message);
      assert.equal(found, status, json.error.message);
      assert.equal(json.error.status, status);
    }
    assert.equal((await sendJson(SEVEN)).status, 200);
    assert.deepEqual(server.defects, []);
  });
});
