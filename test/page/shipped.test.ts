/**
 * Protects the page of `scanstroke serve` in an empty folder, in a real browser: it recognises with the networks of the
 * package, answers “none of these” to a drawing that is no digit, and agrees with the server and with `predict`.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { SHIPPED_MODELS } from '#src/runs/shipped-models.js';
import type { PredictResponse } from '#src/serve/api.js';
import { scanstroke, serveIn } from '../e2e/command.js';
import { getJson } from '../serve/served-runs.js';
import { temporaryFolder } from '../train/small-mnist.js';
import { after, before, DESKTOP, launch, test, type Visit, visit } from './browser.js';
import { answers, type Drawing, draw, save } from './pen.js';

/** The page computes in WebAssembly, the server and `predict` natively. */
const ROUNDING = 1e-4;

/** A seven with slightly curved lines. */
const SEVEN: Drawing = [
  Array.from({ length: 15 }, (_, n) => [0.28 + 0.03 * n, 0.24 - 0.0008 * n * (14 - n)] as const).concat(
    Array.from({ length: 18 }, (_, n) => [0.7 - 0.014 * n, 0.25 + 0.032 * n] as const),
  ),
];
/** Lines across one another. */
const LINES: Drawing = Array.from({ length: 9 }, (_, n) => [
  [
    [0.1 + 0.1 * n, 0.1],
    [0.9 - 0.1 * n, 0.9],
  ],
  [
    [0.1, 0.1 + 0.1 * n],
    [0.9, 0.1 + 0.1 * n],
  ],
]).flat() as unknown as Drawing;

let browser: Browser;
let server: Awaited<ReturnType<typeof serveIn>>;
let visited: Visit;
const folder = temporaryFolder();
const inputs = temporaryFolder();

before(async () => {
  browser = await launch();
  server = await serveIn(folder);
  visited = await visit(browser, server.url, DESKTOP);
});

after(async () => {
  await browser?.close();
  await server?.close();
  if (visited) assert.deepEqual(visited.troubles, []);
});

test('a drawn digit is recognised, as by the server and by predict', async () => {
  await visited.page.locator('.answer').nth(1).waitFor();
  assert.equal(await visited.page.locator('.hint').textContent(), 'Draw a digit');
  await draw(visited, SEVEN);
  const shown = await answers(visited);
  assert.equal(shown[0].glyph, '7');
  const { strokes, answers: saved } = await save(visited);
  const path = join(inputs, 'seven.json');
  writeFileSync(path, JSON.stringify({ strokes }));
  for (const [n, model] of SHIPPED_MODELS.entries()) {
    const { stdout } = await scanstroke(['predict', model, path, '--json'], { cwd: folder });
    const [predicted] = JSON.parse(stdout) as { class: string; probabilities: number[] }[];
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, drawing: { strokes } }),
    };
    const { json } = await getJson<PredictResponse>(`${server.url}api/predict`, init);
    const drawn = saved.find((answer) => answer.model === model)?.probabilities;
    for (const others of [predicted, json.results[0]]) {
      assert.equal(others?.class, shown[n].glyph === 'none of these' ? 'none' : shown[n].glyph, model);
      const far = others?.probabilities.filter((value, k) => Math.abs(value - (drawn?.[k] ?? 9)) > ROUNDING);
      assert.deepEqual(far, [], model);
    }
  }
});

test('a drawing that is no digit is answered with “none of these”', async () => {
  await visited.page.keyboard.press('Delete');
  await draw(visited, LINES);
  for (const { glyph } of await answers(visited)) assert.equal(glyph, 'none of these');
});

test('the runs view shows the networks, marked as shipped, and how to train one', async () => {
  const { page } = visited;
  await page.evaluate(() => {
    location.hash = '#/runs';
  });
  await page.locator('.headline .hero').waitFor();
  assert.deepEqual(await page.locator('.run-list .run-id').allTextContents(), [...SHIPPED_MODELS]);
  assert.equal(await page.locator('.run-list .badge.shipped').count(), SHIPPED_MODELS.length);
  assert.match((await page.locator('.rail .notice').textContent()) ?? '', /npx scanstroke train/);
});
