/**
 * Protects the view for several symbols in a real browser: numbers of test digits written with mouse and finger are read
 * live, as Node.js reads them; corrections by taps and by keys alone, which stay while one goes on writing; undo; offline
 * use; axe, phones, and letters twice as large.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { numberSample } from '#bench/symbols/numbers.js';
import { openBackend } from '#src/backends/open-node.js';
import { loadImages } from '#src/data/images/image-datasets.js';
import type { ImageExamples } from '#src/data/images/image-examples.js';
import { Random } from '#src/random.js';
import { openRecognizer, type Recognizer } from '#src/recognize/recognizer.js';
import { readSymbols } from '#src/recognize/symbols/read-symbols.js';
import { shippedModel } from '#src/runs/shipped-models.js';
import { scanstroke } from '../../e2e/command.js';
import { temporaryFolder } from '../../train/small-mnist.js';
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
import { type Drawing, draw, save, type Tool } from '../pen.js';
import { type StaticServer, serveFolder } from '../static-server.js';

/** A tap is told from a dot by this rest after a stroke. */
const REST_MS = 550;

let browser: Browser;
let server: StaticServer;
let digits: Recognizer;
let examples: ImageExamples;

before(async () => {
  const site = join(temporaryFolder(), 'site');
  const { code, stderr } = await scanstroke(['page', 'digits', 'digit-strokes', '--out', site]);
  assert.equal(code, 0, stderr);
  browser = await launch();
  server = await serveFolder(site);
  examples = (await loadImages('mnist', { channelsImg: 1 })).test;
  digits = openRecognizer(await shippedModel('digits'), await openBackend('wasm'), { name: 'digits' });
});

after(async () => {
  await browser?.close();
  await server?.close();
});

async function onPad(
  options: Parameters<typeof visit>[2],
  body: (visited: Visit, page: Page) => Promise<void>,
): Promise<void> {
  const visited = await visit(browser, `${server.url}#/several`, options);
  try {
    await visited.page.locator('.reading[aria-busy="false"] select').waitFor();
    await body(visited, visited.page);
  } finally {
    await visited.close();
  }
  assert.deepEqual(visited.troubles, []);
}

/** Numbers of test digits, in pixels of MNIST. */
function numbersOfTestDigits(count: number, length: number) {
  return Array.from({ length: count }, (_, n) => {
    const spacing = { gaps: [3, 8], offset: 3 } as const;
    const { input, text } = numberSample(examples, 'drawing', length, spacing, new Random(16, n));
    assert.ok(input.kind === 'drawing');
    return { text, strokes: input.strokes };
  });
}

/** Fits a number into a box of the pad, in shares of its width and height. Each event takes the browser a frame. */
async function onThePad(
  page: Page,
  strokes: readonly { xs: ArrayLike<number>; ys: ArrayLike<number> }[],
  { left = 0.03, right = 0.97, top = 0.14, bottom = 0.96 } = {},
): Promise<Drawing> {
  const pad = (await page.locator('canvas.ink').boundingBox())!;
  const xs = strokes.flatMap((stroke) => Array.from(stroke.xs));
  const ys = strokes.flatMap((stroke) => Array.from(stroke.ys));
  const [x0, y0] = [Math.min(...xs), Math.min(...ys)];
  const scale = Math.min(
    ((right - left) * pad.width) / (Math.max(...xs) - x0),
    ((bottom - top) * pad.height) / (Math.max(...ys) - y0),
  );
  return strokes.map((stroke) =>
    Array.from(
      stroke.xs,
      (x, n) =>
        [left + ((x - x0) * scale) / pad.width, top + ((stroke.ys[n] - y0) * scale) / pad.height] as const,
    ).filter((_, n, all) => n % 2 === 0 || n === all.length - 1),
  );
}

/** Stroke by stroke: a browser that gets more touches than it has frames takes some for a gesture. */
async function write(visited: Visit, drawing: Drawing, tool: Tool = 'mouse'): Promise<void> {
  for (const stroke of drawing) await draw(visited, [stroke], tool);
}

/** Waits for the reading of all ink and corrections. */
async function read(page: Page): Promise<string> {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await page.locator('.reading[aria-busy="false"]').waitFor();
  return (await page.locator('.reading').getAttribute('data-text'))!;
}

/** Waits until the text is read. */
async function expectText(page: Page, text: string): Promise<void> {
  const found = page.locator(`.reading[data-text=${JSON.stringify(text)}][aria-busy="false"]`);
  await found.waitFor({ timeout: 5000 }).catch(async () => assert.equal(await read(page), text));
}

const one = (x: number): Drawing[number] => [
  [x, 0.3],
  [x - 0.002, 0.5],
  [x, 0.7],
];
const seven = (x: number): Drawing[number] => [
  [x, 0.3],
  [x + 0.18, 0.3],
  [x + 0.13, 0.5],
  [x + 0.08, 0.7],
];
const chip = (page: Page, n: number) => page.locator('.chips-row .chip').nth(n);
const button = (page: Page, name: string | RegExp) => page.locator('.several').getByRole('button', { name });

/** A tap of a person: the page reads its dot before the finger is lifted. */
async function tap({ page, cdp }: Visit, n: number, tool: Tool = 'mouse'): Promise<void> {
  await page.waitForTimeout(REST_MS);
  await page.locator('canvas.ink').scrollIntoViewIfNeeded();
  const { x, y, width, height } = (await page.locator('.frame').nth(n).boundingBox())!;
  const middle = { x: x + width / 2, y: y + height / 2 };
  if (tool === 'touch') {
    await cdp.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [middle] });
    await page.waitForTimeout(100);
    await cdp.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  } else await page.mouse.click(middle.x, middle.y, { delay: 100 });
  await page.locator('.editor').waitFor();
}

for (const [size, options, tool, length] of [
  ['desktop', DESKTOP, 'mouse', 10],
  ['phone', PHONE, 'touch', 5],
] as const) {
  test(`numbers of test digits are read on a ${size}, as Node.js reads them`, async (t) => {
    const numbers = numbersOfTestDigits(2, length);
    let right = 0;
    await onPad(options, async (visited, page) => {
      for (const { text, strokes } of numbers) {
        await write(visited, await onThePad(page, strokes), tool);
        const found = await read(page);
        const saved = await save(visited);
        assert.equal(saved.strokes.length, strokes.length);
        const drawn = saved.strokes.map(({ x, y }) => ({ xs: x, ys: y }));
        assert.equal(found, (await readSymbols(digits, { kind: 'drawing', strokes: drawn })).text);
        assert.equal(await page.locator('.frame:not(.left-out)').count(), found.length);
        if (found === text) right++;
        t.diagnostic(`${text} is read as ${found}`);
        await page.keyboard.press('Delete');
        assert.equal(await read(page), '');
      }
    });
    assert.equal(right, numbers.length);
  });

  test(`a symbol is corrected by a tap on a ${size}; the correction stays while one goes on writing, and is undone`, async () => {
    await onPad(options, async (visited, page) => {
      await write(visited, [one(0.3), seven(0.45)], tool);
      await expectText(page, '17');
      await tap(visited, 1, tool);
      const choices = page.locator('.editor .choice');
      assert.equal(await choices.count(), 10);
      assert.equal(await choices.first().getAttribute('aria-pressed'), 'true');
      await choices.filter({ hasText: /^2/ }).click();
      await expectText(page, '12');
      assert.equal(await page.locator('.editor').count(), 0);
      await write(visited, [seven(0.72), one(0.1)], tool);
      await expectText(page, '1127');
      // The ink of both is one history with the correction.
      for (const text of ['127', '12', '17', '1']) {
        await button(page, 'Undo').click();
        await expectText(page, text);
      }
      for (const text of ['17', '12', '127', '1127']) {
        await button(page, 'Redo').click();
        await expectText(page, text);
      }
    });
  });
}

test('the number is read while the pen is still down', async () => {
  await onPad(DESKTOP, async (visited, page) => {
    await write(visited, [one(0.2)]);
    await expectText(page, '1');
    const { x, y, width, height } = (await page.locator('canvas.ink').boundingBox())!;
    await page.mouse.move(x + 0.4 * width, y + 0.3 * height);
    await page.mouse.down();
    for (const [px, py] of seven(0.4)) await page.mouse.move(x + px * width, y + py * height, { steps: 3 });
    await expectText(page, '17');
    await page.mouse.up();
    await expectText(page, '17');
  });
});

test('symbols are joined, split, left out, read again and erased', async () => {
  await onPad(DESKTOP, async (visited, page) => {
    await write(visited, [one(0.2), one(0.24), seven(0.4)]);
    await expectText(page, '117');
    await tap(visited, 0);
    assert.ok(await button(page, 'Join with previous').isDisabled());
    await button(page, 'Join with next').click();
    await page.locator('.editor h3', { hasText: 'Symbol 1 of 2' }).waitFor();
    assert.equal(await page.locator('.frame').count(), 2);
    await page.locator('.editor .choice', { hasText: /^0/ }).click();
    await expectText(page, '07');
    await chip(page, 0).click();
    await button(page, 'Let the network decide').click();
    await expectText(page, '117');
    await chip(page, 1).click();
    await button(page, 'Join with next').click();
    await page.locator('.editor h3', { hasText: 'Symbol 2 of 2' }).waitFor();
    await button(page, 'Split in two').click();
    await expectText(page, '117');
    await page.keyboard.press('Escape');
    await tap(visited, 2);
    await button(page, 'Not a symbol').click();
    await expectText(page, '11');
    await chip(page, 2)
      .and(page.getByRole('button', { name: /left out\s*: not a symbol/ }))
      .click();
    await button(page, 'Read it as a symbol').click();
    await expectText(page, '117');
    await chip(page, 0).click();
    await button(page, 'Erase').click();
    await expectText(page, '17');
    assert.equal((await save(visited)).strokes.length, 2);
  });
});

test('the keyboard alone writes, corrects and erases, and the focus stays in place', async () => {
  await onPad(DESKTOP, async (_, page) => {
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key);
    };
    const focused = () => page.evaluate(() => document.activeElement?.textContent ?? '');
    const down = Array.from({ length: 6 }, () => 'Shift+ArrowDown');
    const up = Array.from({ length: 6 }, () => 'Shift+ArrowUp');
    await page.locator('canvas.ink').focus();
    await press('Space', ...down, 'Space', 'Shift+ArrowRight', 'Shift+ArrowRight', 'Shift+ArrowRight', ...up);
    await press('Space', ...down, 'Space');
    await expectText(page, '11');
    for (let n = 0; n < 12 && !/^1.*%/.test(await focused()); n++) await press('Tab');
    assert.match(await focused(), /^1.*%/);
    await press('Enter');
    await page.locator('.editor').waitFor();
    assert.match(await focused(), /^1.*%/, 'the class of the symbol has the focus');
    await press('Escape');
    await page.locator('.editor').waitFor({ state: 'detached' });
    await page.waitForTimeout(50);
    assert.equal(await page.evaluate(() => document.activeElement?.classList.contains('chip')), true);
    await press('7');
    await expectText(page, '71');
    assert.match(await focused(), /^7.*by your correction$/);
    await press('Delete');
    await expectText(page, '1');
    await press('Control+z');
    await expectText(page, '71');
    await press('Tab', 'Delete');
    await expectText(page, '7');
    await page.waitForFunction(() => document.activeElement?.textContent?.startsWith('7'));
    await press('Delete');
    await page.waitForFunction(() => document.activeElement?.matches('canvas.ink'));
    await press('Control+z', 'Control+z');
    await expectText(page, '71');
    await page.locator('#announcement', { hasText: '2 symbols: 7 1.' }).waitFor({ state: 'attached' });
    await page.locator('canvas.ink').focus();
    await press('Delete');
    assert.equal(await read(page), '');
  });
});

test('another network reads the same ink; the Draw view and the pad keep theirs', async () => {
  await onPad(DESKTOP, async (visited, page) => {
    await write(visited, [one(0.3), seven(0.45)]);
    await expectText(page, '17');
    await page.locator('.network-choice select').selectOption('digit-strokes');
    await expectText(page, '17');
    await page.getByRole('link', { name: 'One symbol' }).click();
    await page.locator('.answer').first().waitFor();
    assert.equal(await page.locator('.top nav [aria-current]').textContent(), 'Draw');
    await page.goBack();
    await expectText(page, '17');
    assert.equal(await page.locator('.top nav [aria-current]').textContent(), 'Draw');
    assert.equal(await page.locator('.network-choice select').inputValue(), 'digit-strokes');
  });
});

test('after the first visit, of the Draw view, several symbols are read offline', async () => {
  const visited = await visit(browser, server.url);
  const { page } = visited;
  await page.locator('.answer').nth(1).waitFor();
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.waitForFunction(
    async () => (await caches.keys()).length > 0 && navigator.serviceWorker.controller,
  );
  await page.context().setOffline(true);
  await page.goto(`${server.url}#/several`);
  await page.reload();
  await page.locator('.reading select').waitFor();
  await write(visited, [one(0.3), seven(0.45)]);
  await expectText(page, '17');
  await visited.close();
});

for (const [size, options] of [
  ['desktop', DESKTOP],
  ['phone', PHONE],
  ['small phone', { ...PHONE, viewport: { width: 320, height: 568 } }],
] as const) {
  test(`axe finds no problems on a ${size}: empty, read, and with a correction open, light and dark`, async () => {
    await onPad(options, async (visited, page) => {
      assert.deepEqual(await accessibilityProblems(page), []);
      const tool = size === 'desktop' ? 'mouse' : 'touch';
      await write(visited, [one(0.2), seven(0.45), [...one(0.8), [0.7, 0.31], [0.9, 0.69]]], tool);
      await read(page);
      await chip(page, 1).click();
      await page.locator('.editor').waitFor();
      assert.deepEqual(await problemsInBothSchemes(page), []);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, 'no horizontal overflow');
    });
  });
}

test('on a phone an answer stands above its symbol, below it at the upper edge, and never over its ink', async () => {
  await onPad(PHONE, async (visited, page) => {
    const moved = (drawing: Drawing[number], dy: number): Drawing[number] =>
      drawing.map(([x, y]) => [x, y + dy]);
    await write(visited, [moved(seven(0.1), -0.27), moved(seven(0.45), 0), moved(seven(0.8), 0.25)], 'touch');
    await read(page);
    await page.locator('.frame').nth(2).waitFor();
    const places = await page.locator('.frame').evaluateAll((frames) =>
      frames.map((frame) => {
        const [{ top, bottom }, tag] = [frame, frame.querySelector('.tag')!].map((element) =>
          element.getBoundingClientRect(),
        );
        return tag.bottom <= top + 1 ? 'above' : tag.top >= bottom - 1 ? 'below' : 'over';
      }),
    );
    assert.deepEqual(places, ['below', 'above', 'above']);
  });
});
