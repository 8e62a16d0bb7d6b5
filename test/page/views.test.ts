/**
 * Protects the look and the states of every view, in a real browser against the real server and made-up runs
 * (gallery.ts): nothing is wider than the screen, nothing waits for ever, every failure says what to do, and the keyboard
 * reaches everything.
 */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { type RunningServer, startServer } from '#src/serve/server.js';
import { accessibilityProblems, after, before, DESKTOP, launch, suite, test, visit } from './browser.js';
import { type Gallery, HOSTILE_CLASSES, LONG_NAME, makeGallery, TRIALS } from './gallery.js';

const MANY = 1000;
const phone = (width: number, height: number): BrowserContextOptions => ({
  viewport: { width, height },
  deviceScaleFactor: 2,
  hasTouch: true,
  isMobile: true,
});
/** Upright and on its side. */
const PHONES = [
  { width: 320, height: 568 },
  { width: 360, height: 740 },
  { width: 740, height: 360 },
];
/** Requests for samples, and for one of them. */
const SAMPLES = /\/samples\?/;
const ONE_SAMPLE = /\/samples\/\d/;

/** Every view: its address, and what is there when it has loaded. `axe`: also checked by axe. */
const VIEWS: readonly (readonly [hash: string, ready: string, axe?: 'axe'])[] = [
  ['#/draw?model=hostile-classes', '.answer .bars', 'axe'],
  ['#/several', '.reading select', 'axe'],
  ['#/runs', '.run-list li'],
  ['#/runs?run=rows', '[aria-label=Mistakes] .tile'],
  ['#/runs?run=strokes', '[aria-label=Mistakes] .tile', 'axe'],
  [`#/runs?run=${LONG_NAME}`, '[aria-label=Mistakes] .tile'],
  ['#/runs?run=letters', '[aria-label=Mistakes] .tile'],
  ['#/runs?run=hostile-classes', '[aria-label=Mistakes] .tile', 'axe'],
  ['#/runs?run=300-epochs', '[aria-label=Mistakes] .tile'],
  ['#/runs?run=one-epoch', '[aria-label=Mistakes] .tile'],
  ['#/runs?run=sweep~trial-001', '.parallel-trial', 'axe'],
  ['#/runs?run=training', 'progress'],
  ['#/runs?run=not-begun', '.facts'],
  ['#/runs?run=damaged', '.reason', 'axe'],
  ['#/runs?run=data-gone', '[aria-label=Mistakes] .reason'],
  ['#/runs?run=nosuch', '.reason'],
  [`#/runs?run=rows&run=strokes&run=${LONG_NAME}&run=300-epochs&run=one-epoch`, '.comparison', 'axe'],
  ['#/inspect?run=rows', '.heat-map'],
  ['#/inspect?run=hostile-classes', '.heat-map', 'axe'],
  ['#/inspect?run=letters&correct=true', '.browser header'],
  ['#/inspect?run=data-gone', '.reason', 'axe'],
];

let browser: Browser;
let gallery: Gallery;
let server: RunningServer;
const servers: RunningServer[] = [];

async function serve(runs: string): Promise<RunningServer> {
  const started = await startServer({
    given: [],
    runs,
    dataRoots: gallery.data,
    host: '127.0.0.1',
    port: 0,
    threads: 1,
    batch: 16,
    backend: 'auto',
    version: 'test',
    page: fileURLToPath(new URL('../../../dist/page/', import.meta.url)),
    onDefect: (error: unknown) => assert.fail(String(error)),
  });
  servers.push(started);
  return started;
}

before(async () => {
  browser = await launch();
  gallery = await makeGallery(MANY);
  server = await serve(gallery.runs);
});

after(async () => {
  await browser?.close();
  for (const each of servers) await each.close();
  await gallery?.lock.release();
});

/** Opens the page, and closes it after `body`. Errors of exceptions and policies fail the test. */
async function onPage(
  hash: string,
  options: BrowserContextOptions,
  body: (page: Page) => Promise<void>,
  url = server.url,
): Promise<void> {
  const visited = await visit(browser, `${url}${hash}`, { ...options, serviceWorkers: 'block' });
  try {
    await body(visited.page);
  } finally {
    await visited.close();
  }
  // The browser logs answers that are no 2xx, which some of these views are about.
  assert.deepEqual(
    visited.troubles.filter(
      (trouble) => !/Failed to load resource|Service Worker registration/.test(trouble),
    ),
    [],
  );
}

async function open(page: Page, [hash, ready]: readonly [string, string, string?]): Promise<void> {
  await page.evaluate((to) => {
    location.hash = to;
  }, hash);
  await page.locator(ready).first().waitFor();
  // Other cards of the view.
  await page.waitForFunction(() => !document.querySelector('main .state[role=status]'));
}

/** Elements that reach beyond the screen, unless they scroll within their card. */
function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const found = document.documentElement.scrollWidth > width ? ['the document scrolls sideways'] : [];
    for (const element of document.querySelectorAll('main *, header *')) {
      // The thumb of a slider reaches beyond its chart; SVG is clipped by its own frame.
      if (element.closest('.scroll, .hidden, svg svg, .timeline, .skip, .bars, .class-name')) continue;
      const { left, right, width: size } = element.getBoundingClientRect();
      if (size > 0 && (left < -1 || right > width + 1))
        found.push(`${element.tagName}.${element.getAttribute('class')}: ${left} to ${right}`);
    }
    return found;
  });
}

/** Texts of charts that are cut at the chart's edge. */
function cutLabels(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('.line-chart text')].flatMap((text) => {
      const [box, frame] = [text, text.closest('svg') as Element].map((each) => each.getBoundingClientRect());
      return box.left < frame.left - 1 || box.right > frame.right + 1 ? [text.textContent ?? ''] : [];
    }),
  );
}

/** Texts of cards that still end in an ellipsis: something is under way, or pretends to be. */
function unfinished(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('.card p, .card h2, .card figcaption, .browser header')]
      .map((element) => element.textContent?.trim() ?? '')
      .filter((text) => /…$|\b0 of 0\b|\bNaN\b|undefined/.test(text)),
  );
}

/** What a finger must hit and is too small: less than 44 px, or 24 px for a link within a text or a table. */
function smallTargets(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('button, select, input, a, summary')].flatMap((element) => {
      // The list of runs has the trials of a chart, too.
      if (element.closest('.hidden, .skip, .parallel-chart')) return [];
      const target =
        element.closest('label') && element.matches('[type=checkbox]') ? element.closest('label') : element;
      const { width, height } = (target as Element).getBoundingClientRect();
      const least = element.matches('a, summary') ? 24 : 43.5;
      return height > 0 && (height < least || width < Math.min(24, least))
        ? [`${element.tagName}.${element.className} ${element.textContent}: ${width} × ${height}`]
        : [];
    }),
  );
}

/** Checks of a view that take no time; `size` and the view's address are named in a failure. */
async function checkView(page: Page, where: string): Promise<void> {
  assert.deepEqual(await tooWide(page), [], where);
  assert.deepEqual(await cutLabels(page), [], where);
  assert.deepEqual(await unfinished(page), [], where);
}

test('on phones every view fits the screen and ends in content or a reason; fingers hit what they aim at', () =>
  onPage('#/draw', phone(320, 568), async (page) => {
    await page.locator('.answer .bars').first().waitFor();
    for (const view of VIEWS) {
      await page.setViewportSize(PHONES[0]);
      await open(page, view);
      for (const size of PHONES) {
        await page.setViewportSize(size);
        // Charts are drawn again in the frame after the one that has measured them.
        await page.evaluate(
          () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(null)))),
        );
        const where = `${view[0]}, ${size.width} × ${size.height}`;
        await checkView(page, where);
        assert.deepEqual(await smallTargets(page), [], where);
      }
    }
  }));

test('on a desktop every view fits the screen and ends in content or a reason; axe finds nothing, light and dark', () =>
  onPage('#/draw', DESKTOP, async (page) => {
    await page.locator('.answer .bars').first().waitFor();
    for (const view of VIEWS) {
      await open(page, view);
      await checkView(page, view[0]);
      if (view[2] !== 'axe') continue;
      assert.deepEqual(await accessibilityProblems(page), [], `${view[0]}, light`);
      await page.emulateMedia({ colorScheme: 'dark' });
      assert.deepEqual(await tooWide(page), [], `${view[0]}, dark`);
      assert.deepEqual(await accessibilityProblems(page, ['color-contrast']), [], `${view[0]}, dark`);
      await page.emulateMedia({ colorScheme: 'light' });
    }
  }));

test('with letters twice as large, nothing is wider than a phone', () =>
  onPage('#/draw', phone(360, 740), async (page) => {
    await page.evaluate(() => {
      document.documentElement.style.fontSize = '32px';
    });
    for (const view of VIEWS) {
      await open(page, view);
      assert.deepEqual(await tooWide(page), [], view[0]);
    }
  }));

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
      assert.ok((await page.locator('.tile > span bdi').count()) > 10);
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

test('the keyboard reaches every view, with the focus in sight', () =>
  onPage('#/draw', DESKTOP, async (page) => {
    await page.locator('.answer .bars').first().waitFor();
    const press = async (key: string) => {
      await page.keyboard.press(key);
      return page.evaluate(() => {
        const element = document.activeElement as HTMLElement;
        const { outlineStyle, outlineWidth } = getComputedStyle(element);
        const { width, height } = element.getBoundingClientRect();
        const name = element.getAttribute('aria-label') ?? element.textContent ?? '';
        const inSight =
          outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 1 && width > 0 && height > 0;
        return { name: name.trim(), inSight, tag: element.tagName };
      });
    };
    const expected = ['Skip to the content', 'scanstroke', 'Draw', 'Teach', 'Runs'];
    for (const name of expected)
      assert.deepEqual(await press('Tab').then((at) => [at.name, at.inSight]), [name, true]);
    await page.keyboard.press('Enter');
    await page.locator('.run-list li').first().waitFor();
    // The skip link leads to the content; the next stop is its first control.
    for (let n = 0; n < 4; n++) await page.keyboard.press('Shift+Tab');
    assert.equal((await press('Enter')).tag, 'MAIN');
    assert.equal((await press('Tab')).name, 'Filter the runs by name, data or state');
    await page.keyboard.type('strokes');
    assert.match((await press('Tab')).name, /^strokes/);
    await page.keyboard.press('Enter');
    await page.locator('.headline h2', { hasText: 'strokes' }).waitFor();
    const inspect = page.getByRole('link', { name: 'Inspect samples' });
    for (let n = 0; n < 8 && !(await inspect.evaluate((link) => link === document.activeElement)); n++) {
      const at = await press('Tab');
      assert.ok(at.inSight, at.name);
    }
    await page.keyboard.press('Enter');
    const slider = page.getByRole('slider', { name: 'Step' });
    await slider.waitFor();
    await slider.focus();
    await page.keyboard.press('Home');
    await page.locator('figcaption', { hasText: /^read up to step 1 of/ }).waitFor();
    await page.keyboard.press('ArrowRight');
    await page.locator('figcaption', { hasText: /^read up to step 2 of/ }).waitFor();
    // On the canvas: space and arrows draw, Escape clears.
    await open(page, ['#/draw', '.answer .bars']);
    await page.locator('canvas.ink').focus();
    for (const key of ['Space', 'ArrowDown', 'ArrowDown', 'ArrowRight', 'Space'])
      await page.keyboard.press(key);
    await page.locator('.replay output', { hasText: /^point \d+ of \d+$/ }).waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.hint').waitFor();
  }));

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

test('without runs every view says what to do', async () => {
  const none = await serve(gallery.none);
  await onPage(
    '#/inspect',
    phone(320, 568),
    async (page) => {
      await page.getByText('Nothing to inspect yet').waitFor();
      await page.getByRole('link', { name: 'All runs' }).click();
      await page.getByText('No runs yet').waitFor();
      await page.getByRole('link', { name: 'Draw' }).click();
      await page.getByText('No model yet').waitFor();
      assert.deepEqual(await tooWide(page), []);
    },
    none.url,
  );
});
