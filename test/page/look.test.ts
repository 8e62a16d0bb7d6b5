/**
 * Protects the views Runs and Inspect, in a real browser against the real server: they show the contents of the run's
 * files, and they follow a run in training, also across a restart of the server.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { plural } from '#src/report/text.js';
import { type RunningServer, startServer } from '#src/serve/server.js';
import { scanstroke } from '../e2e/command.js';
import { after, before, DESKTOP, launch, PHONE, problemsInBothSchemes, test, visit } from './browser.js';
import { type TrainedRuns, trainRuns } from './trained.js';

let browser: Browser;
let server: RunningServer;
let trained: TrainedRuns;

function serve(port: number, runs = join(trained.folder, 'runs')): Promise<RunningServer> {
  return startServer({
    given: [],
    runs,
    dataRoots: [trained.data],
    host: '127.0.0.1',
    port,
    threads: 1,
    batch: 16,
    backend: 'auto',
    version: 'test',
    page: fileURLToPath(new URL('../../../dist/page/', import.meta.url)),
    onDefect: (error: unknown) => assert.fail(String(error)),
  });
}

before(async () => {
  browser = await launch();
  trained = await trainRuns({ trainCount: 1200, epochs: 3 });
  server = await serve(0);
});

after(async () => {
  await browser?.close();
  await server?.close();
});

async function onPage(
  hash: string,
  options: Parameters<typeof visit>[2],
  body: (page: Page) => Promise<void>,
) {
  const visited = await visit(browser, `${server.url}${hash}`, options);
  try {
    await body(visited.page);
  } finally {
    await visited.close();
  }
  assert.deepEqual(visited.troubles, []);
}

function summaryOf(run: string) {
  return JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8'));
}

const share = (value: number) => `${(value * 100).toFixed(2)} %`;

test('runs are listed newest first; the newest is shown with the figures of its summary', async () => {
  await onPage('#/runs', DESKTOP, async (page) => {
    const names = page.locator('.run-list .run-name');
    await names.nth(1).waitFor();
    assert.deepEqual(await names.allTextContents(), ['strokes', 'rows']);
    const summary = summaryOf(trained.strokes);
    assert.equal(
      await page.locator('.hero').textContent(),
      share(summary.test_accuracy).replace(' ', '\u00a0'),
    );
    const facts = (await page.locator('.facts').textContent())!.replaceAll('\u00a0', ' ');
    assert.ok(facts.includes(`Threads${plural(summary.threads, 'thread')}`), facts);
    assert.ok(facts.includes(`Accuracy drawn in reverse${summary.reversed_score.correct}/`), facts);
    assert.equal(await page.locator('.line-chart').count(), 2);
    assert.match(
      (await page.locator('.line-chart svg').first().getAttribute('aria-label'))!,
      /^Accuracy over 3 epochs\. training \d.*validation \d/,
    );
    assert.ok((await page.locator('.configuration').textContent())!.includes('Hidden size24 units'));
  });
});

test('a cell of the confusion matrix opens its samples', async () => {
  const matrix: number[][] = summaryOf(trained.rows).confusion_matrix;
  const label = matrix.findIndex((row, k) => row.some((count, other) => other !== k && count > 0));
  const predicted = matrix[label].findIndex((count, other) => other !== label && count > 0);
  await onPage('#/runs?run=rows', DESKTOP, async (page) => {
    await page.locator('.confusion td a').first().waitFor();
    const shown = await page
      .locator('.confusion tbody tr')
      .evaluateAll((rows) =>
        rows.map((row) =>
          [...row.querySelectorAll('td:not(.recall)')].map((cell) => Number(cell.textContent)),
        ),
      );
    assert.deepEqual(shown, matrix);
    await page.locator('.confusion tbody tr').nth(label).locator('td').nth(predicted).locator('a').click();
    await page.locator('.browser .tile').first().waitFor();
    const captions = await page.locator('.browser .tile b').allTextContents();
    assert.deepEqual(captions, Array(matrix[label][predicted]).fill(`${label} → ${predicted}`));
    await page.locator('.sample h2', { hasText: `${label}, recognised as ${predicted}` }).waitFor();
  });
});

test('several runs are compared: curves in one chart, and the settings that differ', async () => {
  await onPage('#/runs?run=rows', DESKTOP, async (page) => {
    await page.getByRole('checkbox', { name: 'compare strokes' }).check();
    await page.locator('.card[aria-label="Comparison"]').waitFor();
    assert.deepEqual((await page.locator('.line-chart').first().locator('.end').allTextContents()).sort(), [
      'rows',
      'strokes',
    ]);
    const rows = await page.locator('table tbody tr').allTextContents();
    assert.ok(rows.includes('Hidden size32 units24 units'), rows.join('\n'));
    assert.ok(!rows.some((row) => row.startsWith('Batch size')), 'equal settings are omitted');
    await page.locator('.line-chart').first().hover();
    assert.equal(await page.locator('.readout p').count(), 2);
  });
});

test('a run links to the Draw view, which then uses its model', async () => {
  await onPage('#/runs?run=rows', DESKTOP, async (page) => {
    await page.getByRole('link', { name: 'Draw with this model' }).click();
    await page.locator('.answer', { hasText: 'reads pixels' }).waitFor();
    assert.ok(await page.evaluate(() => crossOriginIsolated));
  });
});

test('samples are filtered by class, answer and part; one is shown with the inside of the network', async () => {
  const matrix: number[][] = summaryOf(trained.strokes).confusion_matrix;
  const correct = matrix.map((row, label) => row[label]);
  const label = String(correct.indexOf(Math.max(...correct)));
  await onPage('#/inspect?run=strokes', DESKTOP, async (page) => {
    await page.getByRole('combobox', { name: 'True class' }).selectOption(label);
    await page.getByRole('combobox', { name: 'Answer' }).selectOption('correct');
    await page.locator('.sample h2', { hasText: `${label}, correct` }).waitFor();
    const captions = await page.locator('.browser .tile b').allTextContents();
    assert.ok(captions.length > 3 && captions.every((caption) => caption === label), captions.join());
    await page.locator('.browser .tile').nth(2).click();
    const third = await page
      .locator('.browser .tile')
      .nth(2)
      .locator('[role=img]')
      .getAttribute('aria-label');
    await page.locator('.sample p', { hasText: `test ${third!.split(':')[0].toLowerCase()}` }).waitFor();
    // Inside: the input, a chart and hidden states of two directions; all follow the slider.
    assert.deepEqual(await page.locator('.heat-map .group').allTextContents(), ['forward', 'backward']);
    const read = () => page.locator('.inside .read').innerHTML();
    const whole = await read();
    await page.getByRole('slider', { name: 'Step' }).fill('5');
    await page.locator('.inside figcaption', { hasText: /read up to step 5 of/ }).waitFor();
    assert.notEqual(await read(), whole);
    assert.ok((await page.locator('.influence .weight').count()) > 5);
    await page.getByRole('combobox', { name: 'Part' }).selectOption('validation');
    await page.locator('.browser header', { hasText: 'the part has' }).waitFor();
  });
  await onPage('#/inspect?run=rows', DESKTOP, async (page) => {
    await page.locator('.inside .read .scan').waitFor();
    await page.locator('.influence .overlay').waitFor();
  });
});

for (const [size, options] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
  test(`axe finds no problems with runs and samples on a ${size}, light and dark`, async () => {
    for (const [hash, ready] of [
      ['#/runs?run=strokes', '.card[aria-label="Mistakes"] .tile'],
      ['#/runs?run=rows&run=strokes', '.card[aria-label="Comparison"]'],
      ['#/inspect?run=rows', '.heat-map'],
    ]) {
      await onPage(hash, options, async (page) => {
        await page.locator(ready).first().waitFor();
        assert.deepEqual(await problemsInBothSchemes(page), [], hash);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(overflow <= 0, `${hash}: no horizontal overflow`);
      });
    }
  });
}

test('without models and runs, the page says how to train one', async (t) => {
  const empty = await serve(0, join(trained.folder, 'nothing'));
  t.after(() => empty.close());
  const visited = await visit(browser, empty.url);
  t.after(() => visited.close());
  await visited.page.getByText('No model yet').waitFor();
  await visited.page.getByRole('link', { name: 'Runs' }).click();
  await visited.page.getByText('No runs yet').waitFor();
  assert.deepEqual(visited.troubles, []);
});

test('a run in training is followed from its first epoch to its result, across a restart of the server', async () => {
  const port = Number(new URL(server.url).port);
  const visited = await visit(browser, `${server.url}#/runs`);
  const { page } = visited;
  const training = scanstroke([
    'train',
    '--data',
    trained.data,
    '--hidden-size',
    '48',
    '--num-epochs',
    '48',
    '--chart-format',
    'svg',
    '--batch-size',
    '8',
    '--saving-path',
    join(trained.folder, 'runs', 'live'),
  ]);
  const row = page.locator('.run-list li', { hasText: 'live' });
  await row.locator('.badge', { hasText: 'training' }).waitFor();
  await row.locator('a').click();
  const epochs = async () => Number(await page.locator('progress').getAttribute('value'));
  const until = async (count: number) => {
    while ((await epochs()) < count) await new Promise((resolve) => setTimeout(resolve, 30));
  };
  await page.locator('progress').waitFor();
  await until(2);
  await server.close();
  server = await serve(port);
  const before = await epochs();
  await until(before + 1);
  const { code, stderr } = await training;
  assert.equal(code, 0, stderr);
  const summary = summaryOf(join(trained.folder, 'runs', 'live'));
  await page.locator('.hero', { hasText: share(summary.test_accuracy) }).waitFor();
  await page.locator('.confusion').waitFor();
  assert.equal(await page.locator('.headline .badge').count(), 0);
  await visited.close();
  // Only failed connections during the restart are allowed.
  assert.deepEqual(
    visited.troubles.filter(
      (trouble) =>
        !/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED/.test(
          trouble,
        ),
    ),
    [],
  );
});
