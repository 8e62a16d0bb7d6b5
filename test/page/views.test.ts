/**
 * Protects the look of every view, in a real browser against the real server and made-up runs (gallery.ts): nothing is
 * wider than the screen, every view ends in content or a reason, and fingers and the keyboard reach everything.
 */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { DESKTOP, problemsInBothSchemes, test } from './browser.js';
import { LONG_NAME } from './gallery.js';
import { gallery, onPage, open, phone, serve, serveGallery } from './served-gallery.js';

serveGallery(0);

/** Upright and on its side. */
const PHONES = [
  { width: 320, height: 568 },
  { width: 360, height: 740 },
  { width: 740, height: 360 },
];

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
      assert.deepEqual(await problemsInBothSchemes(page), [], view[0]);
      await page.emulateMedia({ colorScheme: 'dark' });
      assert.deepEqual(await tooWide(page), [], `${view[0]}, dark`);
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
