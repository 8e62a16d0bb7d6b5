/**
 * Protects words of one's own symbols in the Teach view, in a real browser: they are read by the examples before there is
 * a network, keep their new names, and a corrected symbol becomes an example with one tap.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { scanstroke } from '../../e2e/command.js';
import { temporaryFolder } from '../../train/small-mnist.js';
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
} from '../browser.js';
import { type Drawing, draw, type Tool } from '../pen.js';
import { type StaticServer, serveFolder } from '../static-server.js';

/** One drawing each, so that nothing is trained: the examples answer. */
const SYMBOLS: Record<string, Drawing> = {
  ring: [
    Array.from({ length: 17 }, (_, n) => {
      const angle = (n / 16) * 2 * Math.PI;
      return [0.5 + 0.4 * Math.sin(angle), 0.5 - 0.4 * Math.cos(angle)] as const;
    }),
  ],
  tick: [
    [
      [0.1, 0.6],
      [0.25, 0.75],
      [0.4, 0.9],
      [0.65, 0.5],
      [0.9, 0.1],
    ],
  ],
  cross: [
    [
      [0.1, 0.1],
      [0.5, 0.5],
      [0.9, 0.9],
    ],
    [
      [0.9, 0.1],
      [0.5, 0.5],
      [0.1, 0.9],
    ],
  ],
};

let browser: Browser;
let server: StaticServer;

before(async () => {
  const site = join(temporaryFolder(), 'site');
  const { code, stderr } = await scanstroke(['page', 'digit-strokes', '--out', site]);
  assert.equal(code, 0, stderr);
  browser = await launch();
  server = await serveFolder(site);
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** Writes a symbol at a place of the pad. */
async function write(visited: Visit, name: string, left: number, tool: Tool): Promise<void> {
  const { width, height } = (await visited.page.locator('canvas.ink').boundingBox())!;
  for (const stroke of SYMBOLS[name]) {
    const placed = stroke.map(([x, y]) => [left + 0.2 * x, 0.35 + (0.2 * y * width) / height] as const);
    await draw(visited, [placed], tool);
  }
}

async function expectText(page: Page, text: string): Promise<void> {
  const found = page.locator(`.reading[data-text="${text}"][aria-busy="false"]`);
  await found
    .waitFor({ timeout: 8000 })
    .catch(async () => assert.equal(await page.locator('.reading').getAttribute('data-text'), text));
}

for (const [size, options, tool] of [
  ['desktop', DESKTOP, 'mouse'],
  ['phone', PHONE, 'touch'],
] as const) {
  test(`a word of one's own symbols is read on a ${size}, corrected, and taught with one tap`, async () => {
    const visited = await visit(browser, `${server.url}#/teach`, options);
    const { page } = visited;
    await page.getByRole('button', { name: /^Your own/ }).click();
    for (const [n, [name, drawing]] of Object.entries(SYMBOLS).entries()) {
      if (n > 0) await page.getByRole('button', { name: '+ Add a symbol' }).click();
      const field = page.locator('.class-card .name').nth(n);
      await field.fill(name);
      await field.press('Enter');
      for (const stroke of drawing) await draw(visited, [stroke], tool);
      await page.keyboard.press('Enter');
      await page.locator('.class-card .count', { hasText: '1 drawing' }).nth(n).waitFor();
    }
    await page.getByText('Write words').click();
    await page.locator('.pad .hint').waitFor();
    await write(visited, 'tick', 0.05, tool);
    await write(visited, 'ring', 0.35, tool);
    await expectText(page, 'tick ring');
    assert.equal(await page.locator('.reading .by').textContent(), 'by comparison with your examples');
    // A name is the project's, also of what has been read.
    await page.locator('.class-card .name').first().fill('wheel');
    await page.keyboard.press('Enter');
    await expectText(page, 'tick wheel');

    await page.waitForTimeout(550);
    await page.locator('canvas.ink').scrollIntoViewIfNeeded();
    const { x, y, width, height } = (await page.locator('.frame').first().boundingBox())!;
    if (tool === 'touch') await page.touchscreen.tap(x + width / 2, y + height / 2);
    else await page.mouse.click(x + width / 2, y + height / 2);
    assert.deepEqual(await accessibilityProblems(page), []);
    await page.locator('.editor .choice', { hasText: 'cross' }).click();
    await expectText(page, 'cross wheel');
    await write(visited, 'cross', 0.65, tool);
    await expectText(page, 'cross wheel cross');
    await page.locator('.chips-row .chip').first().click();
    await page.getByRole('button', { name: 'Teach this as cross' }).click();
    await page.locator('#teach-message', { hasText: 'cross: 2 drawings.' }).waitFor({ state: 'attached' });
    assert.deepEqual(await page.locator('.class-card .count').allTextContents(), [
      '1 drawing',
      '1 drawing',
      '2 drawings',
    ]);
    await expectText(page, 'cross wheel cross');
    await page.getByRole('button', { name: 'Draw tick', exact: true }).click();
    await page.locator('.pad').waitFor({ state: 'detached' });
    assert.ok(await page.evaluate(() => document.activeElement?.matches('canvas.ink')));
    await page.getByText('Write words').click();
    await expectText(page, 'cross wheel cross');
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, 'no horizontal overflow');
    await visited.close();
    assert.deepEqual(visited.troubles, []);
  });
}
