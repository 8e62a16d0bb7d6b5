/**
 * Protects the page in one file (`export --format html`), opened from the disk without a network in a real browser:
 * answers equal to those of Node.js bit by bit, the chart and the network's input appear, nothing else is requested, the
 * policy lets nothing out, and no name in the model becomes markup.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { openWasm } from '#src/backends/wasm/load.js';
import { DEFAULT_STROKE_PREPROCESSING } from '#src/data/strokes/stroke-preprocessing.js';
import type { ExportableModel } from '#src/exchange/exportable-model.js';
import { readPageTemplate } from '#src/exchange/html/page-template.js';
import { writeHtml } from '#src/exchange/html/write-html.js';
import { openRecognizer } from '#src/recognize/recognizer.js';
import { checkpointOf, quickModel, strokeModel } from '../exchange/html/untrained.js';
import { temporaryFolder } from '../train/small-mnist.js';
import {
  accessibilityProblems,
  after,
  before,
  DESKTOP,
  launch,
  PHONE,
  test,
  type Visit,
  visit,
} from './browser.js';
import { answers, type Drawing, draw, type SavedDrawing, save } from './pen.js';

const SEVEN: Drawing = [
  [
    [0.3, 0.2],
    [0.4, 0.19],
    [0.55, 0.18],
    [0.7, 0.2],
    [0.66, 0.35],
    [0.58, 0.55],
    [0.5, 0.85],
  ],
  [
    [0.4, 0.5],
    [0.6, 0.52],
    [0.75, 0.5],
  ],
];

const folder = temporaryFolder();
let browser: Browser;

before(async () => {
  browser = await launch();
});
after(async () => {
  await browser?.close();
});

/** Writes the page of a model. @returns its URL on the disk, and its bytes */
async function written(model: ExportableModel): Promise<{ url: string; bytes: Uint8Array }> {
  const [{ bytes }] = await writeHtml(model, await readPageTemplate());
  const path = join(folder, 'page.html');
  writeFileSync(path, bytes);
  return { url: pathToFileURL(path).href, bytes };
}

/** Opens the page of a model without a network; fails on console errors, violations of the policy and requests. */
async function onPage(
  model: ExportableModel,
  options: Parameters<typeof visit>[2],
  body: (visited: Visit, page: Page) => Promise<void>,
): Promise<void> {
  const { url } = await written(model);
  const visited = await visit(browser, url, { ...options, offline: true });
  try {
    await visited.page.locator('.answer').waitFor();
    await body(visited, visited.page);
  } finally {
    await visited.close();
  }
  assert.deepEqual(visited.troubles, []);
}

/** Fails unless the saved answer has the bits that Node.js computes with the same kernels. */
async function checkAnswer(model: ExportableModel, { strokes, answers: saved }: SavedDrawing) {
  const backend = await openWasm({ relaxed: false });
  const recognizer = openRecognizer(checkpointOf(model), backend, { name: model.name });
  const drawing = { kind: 'drawing', strokes: strokes.map(({ x, y }) => ({ xs: x, ys: y })) } as const;
  const [answer] = await recognizer.recognize([drawing]);
  backend.close();
  assert.ok(answer);
  assert.ok(Math.max(...answer.probabilities) > 0.15, 'the weights make a difference');
  assert.deepEqual(saved, [
    { model: model.name, classes: model.classes, probabilities: [...answer.probabilities] },
  ]);
  return answer;
}

const ORDER = { ...DEFAULT_STROKE_PREPROCESSING, order: 'points' } as const;
const MODELS = [quickModel(), strokeModel(), strokeModel({ name: 'points', preprocessing: ORDER })];

for (const model of MODELS) {
  for (const [size, options, tool] of [
    ['desktop', DESKTOP, 'mouse'],
    ['phone', PHONE, 'touch'],
  ] as const) {
    test(`${model.name} on a ${size}: a drawing gets the answer of Node.js; chart, input and inside appear`, async () => {
      await onPage(model, options, async (visited, page) => {
        assert.equal(await page.title(), `${model.name} – scanstroke`);
        await draw(visited, SEVEN, tool);
        const [shown] = await answers(visited);
        const answer = await checkAnswer(model, await save(visited));
        assert.equal(shown.glyph, answer.top[0].class);
        assert.equal(shown.unsure, answer.unsure);
        assert.ok((await page.locator('.replay .band').count()) > 1, 'the chart over pen time');
        await page
          .locator(model.name === 'points' ? '.seen .strokes polyline' : '.seen .pixels canvas')
          .first()
          .waitFor();
        // A network of points reads no picture.
        assert.equal(await page.locator('.seen .pixels canvas').count(), model.name === 'points' ? 0 : 1);
        assert.equal((await page.locator('.seen .strokes polyline').count()) > 0, model.name !== 'quick');
        await page.getByText('Look inside the network').click();
        await page.locator('.heat-map').first().waitFor();
        assert.equal(await page.locator('nav, a:not(.wordmark)').count(), 0, 'no links to a server');
        assert.deepEqual(await accessibilityProblems(page), []);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(overflow <= 0, 'no horizontal overflow');
      });
    });
  }
}

test('the letters are those of the page, and the colours follow the system and the theme button', async () => {
  await onPage(strokeModel(), { ...DESKTOP, colorScheme: 'dark' }, async (_, page) => {
    const paper = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const dark = await paper();
    const letters = await page.evaluate(async () => {
      await document.fonts.ready;
      return [...document.fonts].map(({ family, status }) => `${family} ${status}`);
    });
    assert.ok(
      letters.some((each) => /IBM Plex Sans"? loaded/.test(each)),
      `${letters}`,
    );
    await page.getByRole('button', { name: /^Theme/ }).click();
    assert.notEqual(await paper(), dark);
    await page.reload();
    await page.locator('.answer').waitFor();
    assert.notEqual(await paper(), dark, 'a reload keeps the choice');
  });
});

test('undo, replay and the keyboard work', async () => {
  const model = strokeModel();
  await onPage(model, DESKTOP, async (visited, page) => {
    await page.locator('canvas.ink').focus();
    await page.keyboard.press('Space');
    for (let n = 0; n < 5; n++) await page.keyboard.press('Shift+ArrowDown');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Space');
    await answers(visited);
    await checkAnswer(model, await save(visited));
    await page.getByRole('button', { name: 'Replay the drawing' }).click();
    await page.getByRole('button', { name: 'Replay the drawing' }).waitFor();
    await page.keyboard.press('Control+z');
    assert.equal((await answers(visited))[0].text, 'Nothing drawn yet');
  });
});

test('names of model and classes are shown as text, whatever they hold', async () => {
  const hostile = '</script></title><img src=x onerror="document.title=1"><script>document.title=2</script>';
  const classes = Array.from({ length: 10 }, (_, k) => `${k}${hostile}`);
  const model = strokeModel({ name: hostile, classes });
  await onPage(model, DESKTOP, async (visited, page) => {
    await draw(visited, SEVEN);
    const [{ glyph }] = await answers(visited);
    const answer = await checkAnswer(model, await save(visited));
    assert.equal(glyph, answer.top[0].class);
    assert.equal(await page.locator('.answer h2').textContent(), hostile);
    assert.equal(await page.title(), `${hostile} – scanstroke`);
    assert.equal(await page.locator('img').count(), 0);
  });
});

/** A server that answers every request with these bytes and counts requests. */
async function countingServer(type: string, body: Uint8Array) {
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    response.writeHead(200, { 'content-type': type, 'access-control-allow-origin': '*' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  const { port } = server.address() as AddressInfo;
  return { requests, host: `127.0.0.1:${port}`, close: () => server.closeAllConnections() };
}

test('the policy lets nothing out, neither from the page nor from its worker', async () => {
  const { url } = await written(strokeModel());
  const { requests, host, close } = await countingServer('text/plain', new Uint8Array(1));
  const visited = await visit(browser, url);
  await visited.page.locator('.answer').waitFor();
  await visited.page.evaluate(async (address) => {
    const add = (name: string, attributes: Record<string, string>) =>
      document.body.append(Object.assign(document.createElement(name), attributes));
    await fetch(`http://${address}/fetch`).catch(() => {});
    navigator.sendBeacon(`http://${address}/beacon`, 'x');
    add('img', { src: `http://${address}/image` });
    add('script', { src: `http://${address}/script` });
    add('iframe', { src: `http://${address}/frame` });
    add('link', { rel: 'stylesheet', href: `http://${address}/style` });
    add('script', { textContent: 'document.title = "script ran"' });
    try {
      new WebSocket(`ws://${address}/socket`);
    } catch {
      // blocked
    }
    const code = `fetch('http://${address}/worker').catch(() => {}).finally(() => postMessage(0))`;
    const worker = new Worker(URL.createObjectURL(new Blob([code])));
    await new Promise((resolve) => {
      worker.onmessage = resolve;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
  }, host);
  assert.deepEqual(requests, []);
  assert.equal(await visited.page.title(), 'strokes – scanstroke');
  const blocked = new Set(visited.troubles.map((line) => /^error: blocked by ([\w-]+)/.exec(line)?.[1]));
  for (const directive of ['connect-src', 'img-src', 'script-src-elem', 'frame-src', 'style-src-elem']) {
    assert.ok(blocked.has(directive), `${directive} in ${[...blocked]}`);
  }
  await visited.close();
  close();
});

test('a host that announces another encoding does not harm the file', async () => {
  const model = strokeModel();
  const { bytes } = await written(model);
  const { host, close } = await countingServer('text/html; charset=utf-8', bytes);
  const visited = await visit(browser, `http://${host}/`);
  await visited.page.locator('.answer').waitFor();
  await draw(visited, SEVEN);
  await answers(visited);
  await checkAnswer(model, await save(visited));
  await visited.close();
  close();
  assert.deepEqual(visited.troubles, []);
});

test('a file that is cut short or damaged says so', async () => {
  const { url, bytes } = await written(strokeModel());
  const text = new TextDecoder('utf-16le', { ignoreBOM: true }).decode(bytes);
  const damaged = text.replace(/id="model">.{1000}/s, (start) => `${start.slice(0, -1)}x`);
  writeFileSync(join(folder, 'page.html'), Buffer.from(damaged, 'utf16le'));
  const visited = await visit(browser, url);
  await visited.page.getByText(/^This page cannot be unpacked\. .*damaged at letter/).waitFor();
  await visited.close();
});
