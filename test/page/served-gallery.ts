/**
 * The made-up runs of gallery.ts, served by the real server to a real browser: for the tests that look at views in all
 * their states.
 */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { type RunningServer, startServer } from '#src/serve/server.js';
import { after, before, launch, visit } from './browser.js';
import { type Gallery, makeGallery } from './gallery.js';

export const phone = (width: number, height: number): BrowserContextOptions => ({
  viewport: { width, height },
  deviceScaleFactor: 2,
  hasTouch: true,
  isMobile: true,
});

/** There once the tests run. */
export let gallery: Gallery;
let browser: Browser;
let server: RunningServer;
const servers: RunningServer[] = [];

/**
 * Serves the gallery to the tests of a file.
 * @param many number of runs in its folder of very many
 */
export function serveGallery(many: number): void {
  before(async () => {
    browser = await launch();
    gallery = await makeGallery(many);
    server = await serve(gallery.runs);
  });

  after(async () => {
    await browser?.close();
    for (const each of servers) await each.close();
    await gallery?.lock.release();
  });
}

/** Serves another folder of the gallery, until the tests of the file end. */
export async function serve(runs: string): Promise<RunningServer> {
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

/** Opens the page, and closes it after `body`. Errors of exceptions and policies fail the test. */
export async function onPage(
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

/** Goes to the view at `hash`, and waits until it and its cards have loaded. */
export async function open(page: Page, [hash, ready]: readonly [string, string, string?]): Promise<void> {
  await page.evaluate((to) => {
    location.hash = to;
  }, hash);
  await page.locator(ready).first().waitFor();
  // Other cards of the view.
  await page.waitForFunction(() => !document.querySelector('main .state[role=status]'));
}
