/**
 * Protects the project that a server was started with: the page opens it in Teach, keeps what is edited, and asks before
 * the file takes its place.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { writeProject } from '#src/data/pens/project.js';
import { shippedRuns } from '#src/runs/find-runs.js';
import { type RunningServer, startServer } from '#src/serve/server.js';
import { letterProject } from '../teach/hands.js';
import { temporaryFolder } from '../train/small-mnist.js';
import { accessibilityProblems, after, before, DESKTOP, launch, test, visit } from './browser.js';

const PAGE = fileURLToPath(new URL('../../../dist/page/', import.meta.url));
// One drawing a class: nothing is trained.
const project = { ...letterProject(['A', 'E'], 1), name: 'My signs' };
let browser: Browser;
let server: RunningServer;
let path: string;

before(async () => {
  browser = await launch();
  path = join(temporaryFolder(), 'signs.json');
  writeFileSync(path, writeProject(project));
  server = await startServer({
    given: [],
    runs: null,
    shipped: shippedRuns(),
    project: path,
    host: '127.0.0.1',
    port: 0,
    threads: 1,
    backend: 'auto',
    version: '0.0.0',
    page: PAGE,
    onDefect: (error) => {
      throw error;
    },
  });
});

after(async () => {
  await browser?.close();
  await server?.close();
});

test('it opens in Teach; what is edited stays; the file replaces it only when asked', async () => {
  const visited = await visit(browser, server.url, DESKTOP);
  const { page } = visited;
  const names = () =>
    page
      .locator('.class-card .name')
      .evaluateAll((fields) => fields.map((field) => (field as HTMLInputElement).value));
  const opened = () => page.locator('.class-card').first().waitFor();
  const question = page.getByRole('region', { name: 'Which project to open' });
  try {
    await opened();
    assert.match(page.url(), /#\/teach$/);
    assert.deepEqual(await names(), ['A', 'E']);
    assert.equal(await page.getByLabel('Name of the project').inputValue(), 'My signs');
    await page.reload();
    await opened();
    assert.equal(await question.count(), 0);

    const field = page.locator('.class-card .name').first();
    const renamed = page.getByRole('button', { name: /^Undo: rename/ });
    // A page that is still loading may draw the field anew before the name counts.
    for (let tries = 0; tries < 20 && (await renamed.count()) === 0; tries++) {
      await field.fill('alpha');
      await field.press('Enter');
      await page.waitForTimeout(100);
    }
    await page.getByText('Kept in this browser').waitFor();
    await page.reload();
    await question.waitFor();
    assert.deepEqual(await names(), ['alpha', 'E']);
    assert.match(
      (await question.textContent()) ?? '',
      /signs\.json differs .* 2 symbols and 2 drawings; kept are 2 symbols/s,
    );
    assert.deepEqual(await accessibilityProblems(page), []);
    // The question is not about another project.
    await page.getByText('Projects', { exact: true }).click();
    await page.getByRole('button', { name: 'New project' }).click();
    await question.waitFor({ state: 'detached' });
    await page.getByText('Projects', { exact: true }).click();
    await page.getByRole('button', { name: /^My signs/ }).click();
    await question.waitFor();
    await page.getByRole('button', { name: 'Keep what is here' }).click();
    await question.waitFor({ state: 'detached' });
    assert.deepEqual(await names(), ['alpha', 'E']);

    await page.reload();
    await page.getByRole('button', { name: 'Replace with the file' }).click();
    await page.waitForFunction(
      () => document.querySelector<HTMLInputElement>('.class-card .name')?.value === 'A',
    );
    await question.waitFor({ state: 'detached' });
    // The other views are still there, and opening them opens nothing in their place.
    await page.goto(`${server.url}#/draw`);
    await page.locator('.draw, canvas').first().waitFor();
    assert.match(page.url(), /#\/draw$/);
  } finally {
    await visited.close();
  }
  assert.deepEqual(visited.troubles, []);
  assert.equal(readFileSync(path, 'utf8'), writeProject(project));
});
