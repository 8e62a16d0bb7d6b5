/**
 * Protects the Draw page, in a real browser: drawing with every kind of pointer and with the keys, on a laptop and on
 * a phone; what is answered is what Node.js answers; nothing leaves the page; it works without a network.
 */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { scanstroke } from '../e2e/command.js';
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
import { NodeRecognition } from './in-node.js';
import { answers, draw, type Lines, linesOfDigit, save } from './pen.js';
import { type StaticServer, serveFolder } from './static-server.js';
import { trainRuns } from './trained.js';

const MODELS = ['rows', 'strokes'];

let browser: Browser;
let server: StaticServer;
let node: NodeRecognition;
let site: string;
/** A hundred test digits, none of which was learnt from. */
let digits: Lines[];

before(async () => {
  const { folder, rows, strokes, data } = await trainRuns();
  site = join(folder, 'site');
  const { code, stderr } = await scanstroke(['page', rows, strokes, '--out', site]);
  assert.equal(code, 0, stderr);
  browser = await launch();
  server = await serveFolder(site);
  node = await NodeRecognition.open(site, MODELS);
  const images = readFileSync(join(data, 't10k-images-idx3-ubyte')).subarray(16);
  digits = Array.from({ length: 100 }, (_, n) => linesOfDigit(images.subarray(784 * n, 784 * (n + 1))));
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** Runs a test on the page, and fails if anything went wrong unseen. */
async function onPage(
  options: Parameters<typeof visit>[2],
  body: (visited: Visit, page: Page) => Promise<void>,
): Promise<void> {
  const visited = await visit(browser, server.url, options);
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
  test(`an empty canvas says so instead of guessing, on a ${size}`, async () => {
    await onPage(options, async (visited) => {
      for (const { glyph, text } of await answers(visited)) {
        assert.equal(glyph, '');
        assert.equal(text, 'Nothing drawn yet');
      }
    });
  });

  for (const tool of tools) {
    test(`a digit drawn with ${tool} on a ${size} is answered as in Node.js, and one sees how`, async () => {
      await onPage(options, async (visited, page) => {
        await draw(visited, digits[0], tool);
        const shown = await answers(visited);
        const saved = await save(visited);
        for (const [n, model] of MODELS.entries()) {
          const answer = await node.check(saved, model);
          assert.equal(shown[n].glyph, answer.top[0].class);
          assert.equal(shown[n].unsure, answer.unsure);
        }
        // The chart: several classes, one of them for long enough to carry its name.
        await page.locator('.replay .band-name').first().waitFor();
        assert.ok((await page.locator('.replay .stack-chart').first().locator('.band').count()) > 1);
        // What the network sees: strokes from a ring to a dot.
        assert.equal(await page.locator('.seen .strokes circle').count(), 2);
        assert.equal(await page.evaluate(() => scrollY), 0);
      });
    });
  }

  test(`axe finds nothing wrong on a ${size}: empty, drawn, with the inside open, light and dark`, async () => {
    await onPage(options, async (visited, page) => {
      assert.deepEqual(await accessibilityProblems(page), []);
      await draw(visited, digits[2], tools[0]);
      await answers(visited);
      await page.getByText('Look inside the network').click();
      await page.locator('.heat-map').nth(1).waitFor();
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await accessibilityProblems(page), []);
      }
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, 'nothing reaches beyond the edge of the screen');
    });
  });
}

/** Every third point, and the last. */
function quick(line: Lines[number]): Lines[number] {
  return line.filter((_, n) => n % 3 === 0 || n === line.length - 1);
}

test('a hundred digits drawn in the page are classified as in Node.js', async (t) => {
  await onPage(DESKTOP, async (visited, page) => {
    for (const [n, lines] of digits.entries()) {
      if (n > 0) await page.keyboard.press('Delete');
      // Every event takes the browser a frame: a quick pen leaves fewer.
      await draw(visited, lines.map(quick));
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
    assert.ok(times.length >= digits.length, 'every digit was measured');
    t.diagnostic(
      `pen to bars: ${times.sort((a, b) => a - b)[times.length >> 1].toFixed(1)} ms in the middle of ${times.length}`,
    );
  });
});

test('undo, redo and clear, by buttons and by keys', async () => {
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

test('the keys alone draw a digit: space puts the pen down, arrows move it', async () => {
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
    // What is said aloud, once the pen rests.
    await page
      .locator('#spoken', { hasText: /^rows: .*\d+(\.\d)?\s%\. strokes: / })
      .waitFor({ state: 'attached' });
  });
});

test('after a pen was seen, touches do not draw; a palm that came before its pen is taken back', async () => {
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
    assert.equal((await save(visited)).strokes.length, 2, 'the palm left nothing');
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
    assert.equal((await save(visited)).strokes.length, 2, 'the touch drew nothing');
  });
});

test('the slider goes back in time: answers, ink and what the network sees follow; replay comes back to the end', async () => {
  await onPage(DESKTOP, async (visited, page) => {
    await draw(visited, digits[3]);
    const end = await answers(visited);
    const seen = () => page.locator('.seen .strokes').innerHTML();
    const ink = () => page.locator('canvas.ink').evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
    const [seenAtEnd, inkAtEnd] = [await seen(), await ink()];
    const slider = page.getByRole('slider', { name: 'Point of the pen' });
    await slider.fill('6');
    await page.locator('.replay output', { hasText: /^6 of \d+$/ }).waitFor();
    assert.notEqual(await seen(), seenAtEnd);
    assert.notEqual(await ink(), inkAtEnd);
    assert.match((await slider.getAttribute('aria-valuetext'))!, /^point 6 of \d+: /);
    const saved = await page
      .locator('.answer')
      .first()
      .locator('.bar')
      .evaluateAll((bars) => bars.map((bar) => Number((bar as HTMLElement).dataset.probability)));
    const first = (await save(visited)).strokes[0];
    const early = await node.recognize([{ xs: first.x.slice(0, 6), ys: first.y.slice(0, 6) }], 'rows');
    saved.forEach((value, k) => {
      assert.ok(Math.abs(value - early!.probabilities[k]) < 1e-4, `class ${k} after 6 points`);
    });
    await page.getByRole('button', { name: 'Replay the drawing' }).click();
    await page.getByRole('button', { name: 'Replay the drawing' }).waitFor();
    assert.deepEqual(await answers(visited), end);
    assert.equal(await ink(), inkAtEnd);
  });
});

test('what is hardly believed is shown as not sure', async () => {
  const candidates = await Promise.all(
    digits.map(async (lines) => ({
      lines,
      answer: await node.recognize(
        lines.map((line) => ({ xs: line.map(([x]) => x), ys: line.map(([, y]) => y) })),
        'rows',
      ),
    })),
  );
  const doubtful = candidates.reduce((a, b) =>
    b.answer!.top[0].probability < a.answer!.top[0].probability ? b : a,
  );
  assert.ok(doubtful.answer!.unsure, 'there is a doubtful digit among a hundred');
  await onPage(DESKTOP, async (visited) => {
    await draw(visited, doubtful.lines);
    const [rows] = await answers(visited);
    assert.ok(rows.unsure);
    assert.match(rows.text, /not sure/);
  });
});

test('light and dark follow the system until one is chosen, and the choice outlives a reload', async () => {
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

test('the first visit loads less than 300 KB beside the models, and works offline from then on', async () => {
  const host = await serveFolder(site);
  const visited = await visit(browser, host.url);
  const { page } = visited;
  await page.locator('.answer').nth(1).waitFor();
  await draw(visited, digits[5]);
  const online = await answers(visited);
  // What the service worker fetches again, to keep it, comes after what the page itself has asked for.
  const loaded = new Map(host.sent.map(({ path, bytes }) => [path, bytes]));
  const pageBytes = [...loaded]
    .filter(([path]) => !path.startsWith('models/'))
    .reduce((sum, [, bytes]) => sum + bytes, 0);
  assert.ok(pageBytes > 50_000 && pageBytes < 300_000, `${pageBytes} bytes`);
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
  await host.close();
  await page.reload();
  await page.locator('.answer').nth(1).waitFor();
  await draw(visited, digits[5]);
  assert.deepEqual(await answers(visited), online);
  await page.getByText('Look inside the network').click();
  await page.locator('.heat-map').first().waitFor();
  await visited.close();
});

test('a damaged network is named, and the other one goes on', async () => {
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

test('where memory may be shared the page works as well', async () => {
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
