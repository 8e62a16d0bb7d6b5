/** Protects the Teach view for those who use the keyboard alone, in a real browser: names, drawings, walls, menus, undo. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { scanstroke } from '../../e2e/command.js';
import { temporaryFolder } from '../../train/small-mnist.js';
import { after, before, DESKTOP, launch, test, visit } from '../browser.js';
import { type StaticServer, serveFolder } from '../static-server.js';
import { expectCounts } from './card-counts.js';

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

test('the keyboard alone names, draws, selects, deletes, merges and undoes', async () => {
  const visited = await visit(browser, `${server.url}#/teach`, DESKTOP);
  const { page } = visited;
  await page.locator('.begin').waitFor();
  try {
    const keys = async (...names: string[]) => {
      for (const name of names) await page.keyboard.press(name);
    };
    const focusOn = async (label: RegExp) => {
      for (let n = 0; n < 80; n++) {
        await page.keyboard.press('Tab');
        const name = await page.evaluate(
          () =>
            document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '',
        );
        if (label.test(name)) return;
      }
      assert.fail(`${label} cannot be reached with Tab`);
    };
    await focusOn(/^Your own/);
    await keys('Enter');
    await page.locator('.class-card .name:focus').waitFor();
    await page.keyboard.type('line');
    await keys('Enter');
    await focusOn(/^Canvas to draw an example of line/);
    for (const key of ['ArrowDown', 'ArrowUp']) {
      await keys('Space', ...Array<string>(4).fill(`Shift+${key}`), 'Space', 'Enter');
    }
    await expectCounts(page, 2);
    await focusOn(/^\+ Add a symbol$/);
    await keys('Enter');
    await page.locator('.class-card .name:focus').waitFor();
    await page.keyboard.type('line');
    await keys('Enter');
    assert.match((await page.locator('.class-card .problem').textContent())!, /already a symbol “line”/);
    await focusOn(/^Drawing 1 of line/);
    await keys('ArrowRight', 'Enter');
    await page.locator('.wall [aria-pressed="true"]').waitFor();
    await keys('Delete');
    await expectCounts(page, 1, 0);
    await keys('Control+z');
    await expectCounts(page, 2, 0);
    // With a drawing on the canvas, Delete still deletes the drawing of the wall, and Escape closes a menu.
    await page.locator('.teach canvas.ink').focus();
    await keys('Space', ...Array<string>(4).fill('Shift+ArrowDown'), 'Space');
    await page.getByText('Projects', { exact: true }).press('Enter');
    await page.locator('details.menu[open]').waitFor();
    await keys('Escape');
    await page.locator('details.menu[open]').waitFor({ state: 'detached' });
    await page.getByLabel('Drawing 2 of line').focus();
    await keys('Delete');
    await expectCounts(page, 1, 0);
    await page.locator('[aria-label="Drawing 1 of line"]:focus').waitFor();
    await keys('Delete');
    await expectCounts(page, 0, 0);
    await page.locator('[aria-label="Draw line"]:focus').waitFor();
    await page.locator('.teach canvas.ink').focus();
    await keys('Enter');
    await expectCounts(page, 0, 1);
    await keys('Control+z', 'Control+z', 'Control+z');
    await expectCounts(page, 2, 0);
    await focusOn(/^More for line/);
    await keys('Enter');
    await focusOn(/^Delete line/);
    await keys('Enter');
    await expectCounts(page, 0);
    await page.locator('[aria-label="Draw symbol 1"]:focus').waitFor();
    await keys('Control+z');
    await page.locator('.class-card').nth(1).waitFor();
    await page.getByLabel('More for symbol 1').press('Enter');
    // An arrow key chooses in the closed menu: nothing happens before the button is pressed.
    await page.getByRole('combobox', { name: 'Merge into' }).press('ArrowDown');
    assert.ok(await page.getByRole('button', { name: 'Merge', exact: true }).isEnabled());
    await expectCounts(page, 2, 0);
    await keys('Tab', 'Enter');
    await expectCounts(page, 2);
    await page.locator('[aria-label="Draw line"]:focus').waitFor();
    await page.getByLabel('Drawing 1 of line').press('Enter');
    await page.locator('.selected-bar .danger').press('Enter');
    await expectCounts(page, 1);
    await page.locator('[aria-label="Drawing 1 of line"]:focus').waitFor();
    await keys('Control+z');
    await expectCounts(page, 2);
    await keys('Control+z', 'Control+Shift+z', 'Control+z');
    await expectCounts(page, 2, 0);
    // While the change before is being kept, which draws the bar anew.
    const title = page.getByLabel('Name of the project');
    await title.focus();
    await keys('Control+a');
    await title.pressSequentially('Lines', { delay: 150 });
    await keys('Enter');
    assert.equal(await title.inputValue(), 'Lines');
    await page.getByRole('button', { name: 'Undo: rename the project' }).waitFor();
  } finally {
    await visited.close();
  }
  assert.deepEqual(visited.troubles, []);
});
