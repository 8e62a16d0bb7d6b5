/**
 * Protects the Draw view in a real browser: drawing with every kind of pointer and with the keyboard, on a laptop and
 * on a phone; answers equal to those of Node.js; no requests to other origins; offline use.
 */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { scanstroke } from '../../e2e/command.js';
import {
  accessibilityProblems,
  after,
  before,
  DESKTOP,
  launch,
  PHONE,
  problemsInBothSchemes,
  test,
  type Visit,
  visit,
} from '../browser.js';
import { NodeRecognition } from '../in-node.js';
import { answers, type Drawing, draw, drawingOfDigit, save } from '../pen.js';
import { type StaticServer, serveFolder } from '../static-server.js';
import { trainRuns } from '../trained.js';

const MODELS = ['rows', 'strokes'];

let browser: Browser;
let server: StaticServer;
let node: NodeRecognition;
let site: string;
/** Digits of the test set. */
let digits: Drawing[];

before(async () => {
  const { folder, rows, strokes, data } = await trainRuns();
  site = join(folder, 'site');
  const { code, stderr } = await scanstroke(['page', rows, strokes, '--out', site]);
  assert.equal(code, 0, stderr);
  browser = await launch();
  server = await serveFolder(site);
  node = await NodeRecognition.open(site, MODELS);
  const images = readFileSync(join(data, 't10k-images-idx3-ubyte')).subarray(16);
  digits = Array.from({ length: 50 }, (_, n) => drawingOfDigit(images.subarray(784 * n, 784 * (n + 1))));
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** Runs a test on the page; fails on console errors, exceptions and forbidden requests. */
async function onPage(
  options: Parameters<typeof visit>[2],
  body: (visited: Visit, page: Page) => Promise<void>,
  query = '',
): Promise<void> {
  const visited = await visit(browser, server.url + query, options);
  try {
    await visited.page.locator('.answer').nth(1).waitFor();
    await body(visited, visited.page);
  } finally {
    await visited.close();
  }
  assert.deepEqual(visited.troubles, []);
}

for (const [size, options, tools] of [
  ['desktop', DESKTOP, ['mouse', 'pen']],
  ['phone', PHONE, ['touch']],
] as const) {
  test(`an empty canvas shows no answer, on a ${size}`, async () => {
    await onPage(options, async (visited) => {
      for (const { glyph, text } of await answers(visited)) {
        assert.equal(glyph, '');
        assert.equal(text, 'Nothing drawn yet');
      }
    });
  });

  for (const tool of tools) {
    test(`a digit drawn with ${tool} on a ${size} gets the answer of Node.js; the chart and the network's input appear`, async () => {
      await onPage(options, async (visited, page) => {
        await draw(visited, digits[0], tool);
        const shown = await answers(visited);
        const saved = await save(visited);
        for (const [n, model] of MODELS.entries()) {
          const answer = await node.check(saved, model);
          assert.equal(shown[n].glyph, answer.top[0].class);
          assert.equal(shown[n].unsure, answer.unsure);
        }
        // The chart has several bands; one is wide enough for its name.
        await page.locator('.replay .band-name').first().waitFor();
        assert.ok((await page.locator('.replay .stack-chart').first().locator('.band').count()) > 1);
        // The network's input: a ring marks the first point, a dot the last.
        assert.equal(await page.locator('.seen .strokes circle').count(), 2);
        assert.equal(await page.evaluate(() => scrollY), 0);
      });
    });
  }

  test(`axe finds no problems on a ${size}: empty, drawn, with Look inside open, light and dark`, async () => {
    await onPage(options, async (visited, page) => {
      assert.deepEqual(await accessibilityProblems(page), []);
      await draw(visited, digits[2], tools[0]);
      await answers(visited);
      await page.getByText('Look inside the network').click();
      await page.locator('.heat-map').nth(1).waitFor();
      // Both are read to the end, also when the drawing has grown.
      const captions = page.locator('figure.read figcaption');
      const before = (await captions.last().textContent())!;
      await draw(visited, digits[3], tools[0]);
      await captions.last().filter({ hasNotText: before }).waitFor();
      for (const text of await captions.allTextContents()) assert.match(text, /step (\d+) of \1$/);
      assert.deepEqual(await problemsInBothSchemes(page), []);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, 'no horizontal overflow');
    });
  });
}

/** Every third point of a stroke, and the last. */
function everyThird(stroke: Drawing[number]): Drawing[number] {
  return stroke.filter((_, n) => n % 3 === 0 || n === stroke.length - 1);
}

test('the page recognises on the GPU and says so, with the answers of the processor', async () => {
  await onPage(
    DESKTOP,
    async (visited, page) => {
      await draw(visited, digits[3].map(everyThird), 'mouse');
      await answers(visited);
      const saved = await save(visited);
      for (const [n, model] of MODELS.entries()) {
        assert.match((await page.locator('.answer header').nth(n).textContent()) ?? '', / · WebGPU$/);
        assert.ok((await node.deviation(saved, model)) <= 1e-5, model);
      }
    },
    '?backend=webgpu',
  );
});

for (const [size, options, tool] of [
  ['laptop', DESKTOP, 'mouse'],
  ['small laptop', { viewport: { width: 860, height: 600 } }, 'mouse'],
  ['phone', PHONE, 'touch'],
] as const) {
  test(`small networks are recognised by WebAssembly, and the page says so, in full and in place, on a ${size}`, async () => {
    await onPage(options, async (visited, page) => {
      const headers = page.locator('.answer header');
      const heightOf = async (n: number) => (await headers.nth(n).boundingBox())?.height;
      const empty = await heightOf(0);
      await draw(visited, digits[3].map(everyThird), tool);
      await answers(visited);
      for (const n of MODELS.keys()) {
        assert.match((await headers.nth(n).textContent()) ?? '', / · WebAssembly$/);
        assert.equal(await heightOf(n), empty, 'nothing moves with the first answer');
        const cut = await headers
          .nth(n)
          .locator('p')
          .evaluate((p) => p.scrollWidth - p.clientWidth);
        assert.ok(cut <= 0, 'the line is shown in full');
      }
    });
  });
}

test('fifty digits drawn in the page are classified as in Node.js', async (t) => {
  await onPage(DESKTOP, async (visited, page) => {
    for (const [n, drawing] of digits.entries()) {
      if (n > 0) await page.keyboard.press('Delete');
      // Each event takes the browser one frame; fewer points keep the test short.
      await draw(visited, drawing.map(everyThird));
      const shown = await answers(visited);
      const saved = await save(visited);
      for (const [slot, model] of MODELS.entries()) {
        const answer = await node.check(saved, model, `digit ${n}, ${model}`);
        assert.equal(shown[slot].glyph, answer.top[0].class);
      }
    }
    const times = await page.evaluate(() =>
      performance.getEntriesByName('pen to bars').map(({ duration }) => duration),
    );
    assert.ok(times.length >= digits.length, 'at least one latency per digit');
    t.diagnostic(
      `pen to bars: ${times.sort((a, b) => a - b)[times.length >> 1].toFixed(1)} ms, median of ${times.length}`,
    );
  });
});

test('undo, redo and clear work with buttons and with keys', async () => {
  await onPage(DESKTOP, async (visited, page) => {
    const strokes = async () => (await save(visited)).strokes.length;
    const button = (name: string) => page.getByRole('button', { name, exact: true });
    for (const name of ['Undo', 'Redo', 'Clear', 'Save']) assert.ok(await button(name).isDisabled(), name);
    await draw(visited, [
      [
        [0.2, 0.2],
        [0.8, 0.2],
      ],
      [
        [0.8, 0.2],
        [0.4, 0.9],
      ],
      [
        [0.3, 0.5],
        [0.7, 0.5],
      ],
    ]);
    const all = await answers(visited);
    assert.equal(await strokes(), 3);
    await button('Undo').click();
    assert.equal(await strokes(), 2);
    await button('Redo').click();
    assert.equal(await strokes(), 3);
    assert.deepEqual(await answers(visited), all);
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+z');
    assert.equal(await strokes(), 1);
    await page.keyboard.press('Control+Shift+z');
    await page.keyboard.press('Control+y');
    assert.equal(await strokes(), 3);
    for (const clear of [
      () => button('Clear').click(),
      () => page.keyboard.press('Delete'),
      () => page.keyboard.press('Escape'),
    ]) {
      await clear();
      assert.equal((await answers(visited))[0].text, 'Nothing drawn yet');
      await button('Save').and(page.locator(':disabled')).waitFor();
      await button('Undo').click();
      assert.deepEqual(await answers(visited), all);
    }
  });
});

test('the keyboard alone draws a stroke: space puts the pen down, arrow keys move it', async () => {
  await onPage(DESKTOP, async (visited, page) => {
    await page.locator('canvas.ink').focus();
    await page.keyboard.press('Space');
    for (let n = 0; n < 5; n++) await page.keyboard.press('Shift+ArrowDown');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Space');
    await page.keyboard.press('ArrowUp');
    const [rows] = await answers(visited);
    const saved = await save(visited);
    assert.equal(saved.strokes.length, 1);
    assert.equal(saved.strokes[0].x.length, 7);
    assert.equal(rows.glyph, (await node.check(saved, 'rows')).top[0].class);
    // The announcement for screen readers, after the pen has rested.
    await page
      .locator('#announcement', { hasText: /^rows: .*\d+(\.\d)?\s%\. strokes: / })
      .waitFor({ state: 'attached' });
  });
});

test('after the first pen event touches do not draw; the stroke of a palm that touched first is removed', async () => {
  await onPage({ ...DESKTOP, hasTouch: true }, async (visited) => {
    await draw(
      visited,
      [
        [
          [0.2, 0.2],
          [0.3, 0.6],
        ],
      ],
      'touch',
    );
    assert.equal((await save(visited)).strokes.length, 1);
    const { cdp, page } = visited;
    const box = (await page.locator('canvas.ink').boundingBox())!;
    await cdp.send('Input.dispatchTouchEvent', {
      type: 'touchStart',
      touchPoints: [{ x: box.x + 300, y: box.y + 300 }],
    });
    await draw(
      visited,
      [
        [
          [0.5, 0.2],
          [0.6, 0.8],
        ],
      ],
      'pen',
    );
    await cdp.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    assert.equal((await save(visited)).strokes.length, 2, 'the stroke of the palm is removed');
    await draw(
      visited,
      [
        [
          [0.1, 0.1],
          [0.9, 0.9],
        ],
      ],
      'touch',
    );
    assert.equal((await save(visited)).strokes.length, 2, 'the touch is ignored');
  });
});

test('the slider goes back to earlier points: answers, ink and input follow; a replay ends at the last point', async () => {
  await onPage(DESKTOP, async (visited, page) => {
    await draw(visited, digits[3]);
    const end = await answers(visited);
    const seen = () => page.locator('.seen .strokes').innerHTML();
    const ink = () => page.locator('canvas.ink').evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
    const [seenAtEnd, inkAtEnd] = [await seen(), await ink()];
    const slider = page.getByRole('slider', { name: 'Point of the drawing' });
    await slider.fill('6');
    await page.locator('.replay output', { hasText: /^point 6 of \d+$/ }).waitFor();
    assert.notEqual(await seen(), seenAtEnd);
    assert.notEqual(await ink(), inkAtEnd);
    assert.match((await slider.getAttribute('aria-valuetext'))!, /^point 6 of \d+: /);
    const first = (await save(visited)).strokes[0];
    const early = await node.recognize([{ xs: first.x.slice(0, 6), ys: first.y.slice(0, 6) }], 'rows');
    // On a busy machine a point that was passed by while drawing is recognised afterwards.
    await page.waitForFunction(
      (expected) => {
        const bars = [...document.querySelector('.answer')!.querySelectorAll<HTMLElement>('.bar')];
        return bars.every((bar, k) => Math.abs(Number(bar.dataset.probability) - expected[k]) < 1e-4);
      },
      [...early!.probabilities],
    );
    await page.getByRole('button', { name: 'Replay the drawing' }).click();
    await page.getByRole('button', { name: 'Replay the drawing' }).waitFor();
    assert.deepEqual(await answers(visited), end);
    assert.equal(await ink(), inkAtEnd);
  });
});

test('an answer with a low probability is marked as not sure', async () => {
  const candidates = await Promise.all(
    digits.map(async (drawing) => ({
      drawing,
      answer: await node.recognize(
        drawing.map((stroke) => ({ xs: stroke.map(([x]) => x), ys: stroke.map(([, y]) => y) })),
        'rows',
      ),
    })),
  );
  const doubtful = candidates.reduce((a, b) =>
    b.answer!.top[0].probability < a.answer!.top[0].probability ? b : a,
  );
  assert.ok(doubtful.answer!.unsure, 'at least one of the fifty digits is unsure');
  await onPage(DESKTOP, async (visited) => {
    await draw(visited, doubtful.drawing);
    const [rows] = await answers(visited);
    assert.ok(rows.unsure);
    assert.match(rows.text, /not sure/);
  });
});

test('the theme follows the system until the user chooses one; a reload keeps the choice', async () => {
  await onPage({ ...DESKTOP, colorScheme: 'dark' }, async (_, page) => {
    const paper = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const dark = await paper();
    await page.getByRole('button', { name: /^Theme/ }).click();
    const light = await paper();
    assert.notEqual(light, dark);
    await page.reload();
    assert.equal(await paper(), light);
    await page.getByRole('button', { name: /^Theme/ }).click();
    assert.equal(await paper(), dark);
  });
});

test('the first visit loads less than 300 KB without the models; then the page works offline', async () => {
  const host = await serveFolder(site);
  const visited = await visit(browser, host.url);
  const { page } = visited;
  await page.locator('.answer').nth(1).waitFor();
  await draw(visited, digits[5]);
  const online = await answers(visited);
  // The service worker may fetch the same files again to cache them; the map counts each file once.
  const loaded = new Map(host.sent.map(({ path, bytes }) => [path, bytes]));
  const pageBytes = [...loaded]
    .filter(([path]) => !path.startsWith('models/'))
    .reduce((sum, [, bytes]) => sum + bytes, 0);
  assert.ok(pageBytes > 50_000 && pageBytes < 300_000, `${pageBytes} bytes`);
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
  // The copy of the page with a query stays beside the one without.
  await page.goto(`${host.url}?backend=wasm`);
  await page.locator('.answer').nth(1).waitFor();
  await page.waitForFunction(() => caches.match('./?backend=wasm'));
  await host.close();
  await page.goto(host.url);
  await page.locator('.answer').nth(1).waitFor();
  await draw(visited, digits[5]);
  assert.deepEqual(await answers(visited), online);
  await page.getByText('Look inside the network').click();
  await page.locator('.heat-map').first().waitFor();
  await visited.close();
});

test('a browser whose storage is full shows the page and recognises, without a copy for offline use', async () => {
  const host = await serveFolder(site);
  const visited = await visit(browser, host.url);
  const { page, cdp } = visited;
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    for (const name of await caches.keys()) await caches.delete(name);
  });
  await cdp.send('Storage.overrideQuotaForOrigin', { origin: new URL(host.url).origin, quotaSize: 1 });
  await page.reload();
  await page.locator('.answer').nth(1).waitFor();
  await draw(visited, digits[3]);
  assert.equal((await answers(visited)).length, 2);
  await visited.close();
  await host.close();
});

test('an error names a damaged model, and the other model still works', async () => {
  const damaged = join(site, '..', 'damaged');
  cpSync(site, damaged, { recursive: true });
  truncateSync(join(damaged, 'models', 'rows.safetensors'), 1000);
  const host = await serveFolder(damaged);
  const visited = await visit(browser, host.url);
  assert.match((await visited.page.locator('.problem').textContent())!, /^rows: /);
  await draw(visited, digits[1]);
  assert.equal((await answers(visited)).length, 1);
  await node.check(await save(visited), 'strokes');
  await visited.close();
  await host.close();
  assert.deepEqual(visited.troubles, []);
});

test('the page also works when it is cross-origin isolated, with shared memory', async () => {
  const host = await serveFolder(site, { isolated: true });
  const visited = await visit(browser, host.url);
  assert.ok(await visited.page.evaluate(() => crossOriginIsolated));
  await draw(visited, digits[7]);
  await answers(visited);
  await node.check(await save(visited), 'strokes');
  await visited.close();
  await host.close();
  assert.deepEqual(visited.troubles, []);
});
