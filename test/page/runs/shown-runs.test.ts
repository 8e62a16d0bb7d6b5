/**
 * Protects how runs are shown, in a real browser against the real server and made-up runs (gallery.ts): names, sweeps,
 * comparisons and long lists, and what is said while the page waits or the server fails.
 */
import assert from 'node:assert/strict';
import { DESKTOP, suite, test } from '../browser.js';
import { HOSTILE_CLASSES, TRIALS } from '../gallery.js';
import { gallery, onPage, open, phone, serve, serveGallery } from '../served-gallery.js';

const MANY = 1000;
/** Requests for samples, and for one of them. */
const SAMPLES = /\/samples\?/;
const ONE_SAMPLE = /\/samples\/\d/;

serveGallery(MANY);

suite('names', () => {
  test('class names are text, whatever they contain, and keep their direction to themselves', () =>
    onPage('#/runs?run=hostile-classes', DESKTOP, async (page) => {
      await page.locator('.confusion tbody tr').first().waitFor();
      assert.notEqual(await page.title(), 'broken');
      const shown = await page.locator('.confusion tbody th bdi').allTextContents();
      assert.equal(shown[0], HOSTILE_CLASSES[0]);
      assert.equal(shown[6], '\ufffdgnp.exe', 'no character that turns the text around');
      assert.equal(shown[7], '7', 'a blank name is replaced by the index');
      // Right-to-left names would turn "19 %" after them into "% 19".
      await page.locator('.tile > span bdi').nth(10).waitFor();
    }));

  test('settings have names and units, on one run and in the comparison', () =>
    onPage('#/runs?run=strokes', DESKTOP, async (page) => {
      const settings = (await page.locator('.configuration').textContent())!;
      assert.ok(settings.includes('Epochs at most3 epochs'), settings);
      assert.ok(settings.includes('Learning rate0.008'), settings);
      assert.doesNotMatch(settings, /num.epochs|learning_rate|seed number/);
      await open(page, ['#/runs?run=rows&run=strokes', '.comparison']);
      const rows = await page.locator('.comparison tbody tr').allTextContents();
      assert.ok(rows.includes('Rotation up to0°8°'), rows.join('\n'));
    }));

  test('every line of a chart is named, at its end or in the legend', () =>
    onPage('#/runs?run=rows', DESKTOP, async (page) => {
      await page.locator('.line-chart svg').first().waitFor();
      const figure = page.locator('.curves figure').first();
      assert.equal(await figure.locator('path.line').count(), 3);
      assert.deepEqual(
        [
          ...(await figure.locator('.end').allTextContents()),
          ...(await figure.locator('.legend li').allTextContents()),
        ].sort(),
        ['training', 'training, within the epochs', 'validation'],
      );
    }));
});

test('the trials of a sweep are lines across their settings; a click on one opens it', () =>
  onPage('#/runs?run=sweep~trial-001', DESKTOP, async (page) => {
    const sweep = page.getByRole('region', { name: 'Sweep' });
    const lines = sweep.locator('a:has(.parallel-trial)');
    await sweep.getByText(`${TRIALS.length} trials of`).waitFor();
    assert.deepEqual(await sweep.locator('.parallel-name').allTextContents(), [
      'Hidden size',
      'Learning rate',
      'validation',
    ]);
    // The best is drawn last, above the others.
    assert.deepEqual(await lines.locator('title').allTextContents(), [
      'Trial 1: 91.00 %',
      'Trial 3: 94.00 %',
      'Trial 2: 97.00 %',
    ]);
    assert.equal(await lines.nth(0).locator('.current').count(), 1);
    // A few pixels beside the line.
    const { x, y } = await lines
      .nth(1)
      .locator('.parallel-trial')
      .evaluate((line: SVGPathElement) => {
        const point = line.getPointAtLength(0.8 * line.getTotalLength());
        const { x, y } = point.matrixTransform(line.getScreenCTM() as DOMMatrix);
        return { x, y };
      });
    await page.mouse.click(x, y + 4);
    await page.waitForURL(/trial-003/);
    await lines.nth(1).locator('.current').waitFor();
    await sweep.getByRole('link', { name: 'trial 2', exact: true }).click();
    await page.waitForURL(/trial-002/);
  }));

test('on a phone the comparison scrolls in its card, with the names of its rows in view, also by keyboard', () =>
  onPage('#/runs?run=rows&run=strokes&run=one-epoch&run=300-epochs', phone(360, 740), async (page) => {
    const frame = page.locator('[aria-label=Comparison] .scroll');
    await frame.locator('.comparison').waitFor();
    await page.getByText('Scroll sideways to see all 4 runs.').waitFor();
    await frame.focus();
    for (let n = 0; n < 12; n++) await page.keyboard.press('ArrowRight');
    await page.waitForFunction(
      () => document.querySelector('[aria-label=Comparison] .scroll')!.scrollLeft > 60,
    );
    const name = await frame.locator('tbody th').first().boundingBox();
    const edge = await frame.boundingBox();
    assert.ok(Math.abs(name!.x - edge!.x) < 2, 'the names stay');
    await page.evaluate(() => {
      const scroll = document.querySelector('[aria-label=Comparison] .scroll')!;
      scroll.scrollLeft = scroll.scrollWidth;
    });
    const last = await frame.locator('tbody tr').first().locator('td').last().boundingBox();
    assert.ok(last!.x + last!.width <= 360, 'the last run can be seen');
  }));

test('on a phone several runs are ticked in the list, then compared', () =>
  onPage('#/runs', phone(360, 740), async (page) => {
    for (const name of ['rows', 'strokes'])
      await page.getByRole('checkbox', { name: `compare ${name}`, exact: true }).check();
    await page.getByRole('link', { name: 'Compare 3 runs' }).click();
    await page.locator('.comparison').waitFor();
    assert.ok(!(await page.locator('.run-list').isVisible()));
    await page.getByRole('link', { name: '← All runs' }).click();
    assert.ok(await page.getByRole('checkbox', { name: 'compare rows', exact: true }).isChecked());
  }));

suite('waiting and failing', () => {
  test('while samples are computed the page says what happens; a refusal is shown with ways out', () =>
    onPage('#/draw', DESKTOP, async (page) => {
      let answer: { status: number; body: unknown } = { status: 202, body: { done: 0, total: 0 } };
      await page.route(SAMPLES, (route) =>
        route.fulfill({
          status: answer.status,
          contentType: 'application/json',
          body: JSON.stringify(answer.body),
        }),
      );
      await page.evaluate(() => {
        location.hash = '#/inspect?run=rows';
      });
      await page.getByText('Opening the data …').waitFor();
      answer = { status: 202, body: { done: 1500, total: 10_000 } };
      await page.getByText('Running the network: 1,500 of 10,000 samples …').waitFor();
      const message = 'samples: the data of rows are not among those that the server may open';
      answer = { status: 403, body: { error: { status: 403, message } } };
      const card = page.getByRole('alert');
      await card
        .getByText('Samples: the data of rows are not among those that the server may open.')
        .waitFor();
      assert.equal(await page.getByText('…').count(), 0);
      assert.equal(
        await card.getByRole('link', { name: 'Results of this run' }).getAttribute('href'),
        '#/runs?run=rows',
      );
      await page.unroute(SAMPLES);
      // The same for one sample, after the list has arrived.
      await page.route(ONE_SAMPLE, (route) => route.fulfill({ status: 202, json: { done: 3, total: 90 } }));
      await card.getByRole('button', { name: 'Try again' }).click();
      await page.getByText('Running the network: 3 of 90 samples …').waitFor();
      await page.unroute(ONE_SAMPLE);
      await page.locator('.heat-map').waitFor();
      // The card of mistakes.
      await page.route(SAMPLES, (route) =>
        route.fulfill({ status: 409, json: { error: { status: 409, message: 'no longer what it was' } } }),
      );
      await page.evaluate(() => {
        location.hash = '#/runs?run=strokes';
      });
      await page.locator('[aria-label=Mistakes]').getByText('No longer what it was.').waitFor();
      await page.unroute(SAMPLES);
      await page.locator('[aria-label=Mistakes]').getByRole('button', { name: 'Try again' }).click();
      await page.locator('[aria-label=Mistakes] .tile').first().waitFor();
    }));

  test('a server that is gone is announced, and everything goes on when it is back', () =>
    onPage('#/runs?run=rows', DESKTOP, async (page) => {
      await page.locator('[aria-label=Mistakes] .tile').first().waitFor();
      await page.route('**/api/**', (route) => route.abort());
      await page.locator('.banner', { hasText: 'The server does not answer.' }).waitFor();
      assert.ok((await page.locator('.run-list li').count()) > 3, 'the last list stays');
      await page.evaluate(() => {
        location.hash = '#/inspect?run=rows';
      });
      await page.locator('.reason', { hasText: 'The server does not answer.' }).first().waitFor();
      await page.unroute('**/api/**');
      await page.getByRole('button', { name: 'Try now' }).click();
      // Without another click.
      await page.locator('.heat-map').waitFor();
      assert.equal(await page.locator('.banner p').count(), 0);
      assert.equal(await page.locator('.reason').count(), 0);
    }));

  test('compared runs hold no connection: with five of them in training, samples still arrive', () =>
    onPage('#/draw', DESKTOP, async (page) => {
      const streams: string[] = [];
      page.on('request', (request) => request.url().endsWith('/events') && streams.push(request.url()));
      await open(page, ['#/runs?run=training&run=not-begun&run=rows', '.comparison']);
      assert.deepEqual(streams, []);
      await open(page, ['#/runs?run=training', 'progress']);
      await page.waitForFunction(() => document.querySelector('progress'));
      assert.equal(streams.length, 1);
      await open(page, ['#/runs?run=stopped', '.badge.stopped']);
      assert.equal(streams.length, 1);
    }));
});

test(`${MANY} runs stay a list that can be used: filtered, and shown in parts`, async () => {
  const many = await serve(gallery.many);
  await onPage(
    '#/runs',
    phone(360, 740),
    async (page) => {
      await page.getByText(`${MANY.toLocaleString('en')} runs`, { exact: true }).waitFor();
      assert.equal(await page.locator('.run-list li').count(), 40);
      await page.getByRole('button', { name: /^Show 40 more/ }).click();
      assert.equal(await page.locator('.run-list li').count(), 80);
      await page.getByRole('searchbox').fill('run-0007');
      await page.getByText(`1 of ${MANY.toLocaleString('en')} runs`).waitFor();
      assert.match((await page.locator('.run-list a', { hasText: 'run-0007' }).textContent())!, /stopped/);
      await page.getByRole('searchbox').fill('nothing like it');
      await page.getByText('No run matches “nothing like it”.').waitFor();
    },
    many.url,
  );
});
