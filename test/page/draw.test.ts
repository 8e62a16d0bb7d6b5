/**
 * Protects the Draw page, in a real browser: drawing with every kind of pointer and with the keys, on a laptop and on
 * a phone; what is answered is what Node.js answers; nothing leaves the page; it works without a network.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { openBackend } from 'scanstroke';
import { openRecognizer, type Recognizer } from '#src/recognize/recognizer.js';
import { scanstroke } from '../e2e/command.js';
import { DESKTOP, launch, PHONE, type Visit, visit } from './browser.js';
import { answers, draw, type Lines, linesOfDigit, type SavedDrawing, save } from './pen.js';
import { type StaticServer, serveFolder } from './static-server.js';
import { trainRuns } from './trained.js';

let browser: Browser;
let server: StaticServer;
let site: string;
let recognizers: Map<string, Recognizer>;
let digits: Lines[];

before(async () => {
  const { folder, rows, strokes, data } = await trainRuns();
  site = join(folder, 'site');
  const { code, stderr } = await scanstroke(['page', rows, strokes, '--out', site]);
  assert.equal(code, 0, stderr);
  server = await serveFolder(site);
  browser = await launch();
  const backend = await openBackend('wasm');
  recognizers = new Map(
    ['rows', 'strokes'].map((name) => {
      const bytes = readFileSync(join(site, 'models', `${name}.safetensors`));
      return [name, openRecognizer(bytes, backend, { name })];
    }),
  );
  const images = readFileSync(join(data, 't10k-images-idx3-ubyte')).subarray(16);
  digits = Array.from({ length: 100 }, (_, n) =>
    linesOfDigit(new Uint8Array(images.subarray(784 * n, 784 * (n + 1)))),
  );
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** What Node.js makes of a drawing that the page has saved. */
async function recognized(drawing: SavedDrawing, model: string) {
  const lines = drawing.strokes.map(({ x, y }) => ({ xs: x, ys: y }));
  const [answer] = await recognizers.get(model)!.recognize([{ kind: 'drawing', lines }]);
  return answer;
}

async function open(options?: Parameters<typeof visit>[2]): Promise<Visit> {
  const opened = await visit(browser, server.url, options);
  await opened.page.locator('.answer').nth(1).waitFor();
  return opened;
}

/** Everything went well, seen or not. */
async function leave(visited: Visit): Promise<void> {
  const { troubles } = visited;
  await visited.close();
  assert.deepEqual(troubles, []);
}

for (const [size, options] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
  test(`an empty canvas says so instead of guessing, on a ${size}`, async () => {
    const visited = await open(options);
    for (const { glyph, text } of await answers(visited)) {
      assert.equal(glyph, '');
      assert.equal(text, 'Nothing drawn yet');
    }
    await leave(visited);
  });

  for (const tool of size === 'phone' ? (['touch'] as const) : (['mouse', 'pen'] as const)) {
    test(`a digit drawn with ${tool} on a ${size} is answered as in Node.js, and its making can be seen`, async () => {
      const visited = await open(options);
      const { page } = visited;
      await draw(visited, digits[0], tool);
      const shown = await answers(visited);
      const saved = await save(visited);
      for (const [n, model] of ['rows', 'strokes'].entries()) {
        const answer = (await recognized(saved, model))!;
        assert.equal(shown[n].glyph, answer.top[0].class);
        assert.equal(shown[n].unsure, answer.unsure);
        assert.deepEqual(saved.answers[n].probabilities, [...answer.probabilities]);
      }
      // The chart: bands of several classes, one of them broad enough to carry its name.
      await page.locator('.replay .band-name').first().waitFor();
      assert.ok((await page.locator('.replay .stack-chart').first().locator('.band').count()) > 1);
      // What the network sees: strokes from a ring to a dot.
      assert.equal(await page.locator('.seen .strokes circle').count(), 2);
      assert.equal(await page.evaluate(() => scrollY), 0);
      await leave(visited);
    });
  }
}

test('a hundred digits drawn in the page are classified as in Node.js', async () => {
  const visited = await open();
  const { page } = visited;
  for (const [n, lines] of digits.entries()) {
    if (n > 0) await page.keyboard.press('Delete');
    await draw(visited, lines);
    const shown = await answers(visited);
    const saved = await save(visited);
    for (const [slot, model] of ['rows', 'strokes'].entries()) {
      const answer = (await recognized(saved, model))!;
      assert.equal(shown[slot].glyph, answer.top[0].class, `digit ${n}`);
      assert.deepEqual(saved.answers[slot].probabilities, [...answer.probabilities], `digit ${n}`);
    }
  }
  await leave(visited);
});
