/**
 * A real browser for the tests of the page: headless Chromium. Records hidden problems for the test: errors in the
 * console, requests to other origins, violations of the content-security policy.
 */

import * as runner from 'node:test';
import axe from 'axe-core';
import type { Browser, BrowserContextOptions, CDPSession, Page } from 'playwright-core';
import { NO_CHROMIUM, startChromium } from './chromium.js';

export const DESKTOP = { viewport: { width: 1280, height: 800 } } as const;
export const PHONE = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  hasTouch: true,
  isMobile: true,
} as const;

/** An open page, and the problems recorded in it. */
export interface Visit {
  page: Page;
  cdp: CDPSession;
  /** Console errors and warnings, exceptions, requests to other origins, policy violations. */
  troubles: string[];
  close(): Promise<void>;
}

const started = await startChromium();

/** The browser, started once per process; a test that gets it closes it. */
export function launch(): Promise<Browser> {
  return started ? Promise.resolve(started) : Promise.reject(new Error(NO_CHROMIUM));
}

// A file whose tests need a browser takes these instead of node:test's. Without a browser its tests and hooks are
// left out, and one skipped test says why: a hook that fails would leave servers open, and the process would not end.
const nothing = (): Promise<void> => Promise.resolve();
export const test: typeof runner.test = started ? runner.test : Object.assign(nothing, runner.test);
export const suite: typeof runner.suite = started ? runner.suite : Object.assign(nothing, runner.suite);
export const before: typeof runner.before = started ? runner.before : nothing;
export const after: typeof runner.after = started ? runner.after : nothing;
if (!started) runner.test('in a browser', { skip: NO_CHROMIUM });

/** Opens a URL with an empty profile. */
export async function visit(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = DESKTOP,
): Promise<Visit> {
  const context = await browser.newContext({ colorScheme: 'light', reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const troubles: string[] = [];
  const { origin } = new URL(url);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) troubles.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => troubles.push(`exception: ${error.message}`));
  page.on('request', (request) => {
    const address = request.url();
    // The origin of a file is null.
    if (address !== url && !address.startsWith(`${origin}/`) && !address.startsWith(`blob:${origin}/`)) {
      troubles.push(`request to another origin: ${address}`);
    }
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      console.error(`blocked by ${violatedDirective}: ${blockedURI}`),
    );
  });
  await page.goto(url);
  const cdp = await context.newCDPSession(page);
  return { page, cdp, troubles, close: () => context.close() };
}

/**
 * Accessibility problems that axe finds in the page, one line each.
 * @param rules ids of axe's rules; without them all rules
 */
export async function accessibilityProblems(page: Page, rules?: readonly string[]): Promise<string[]> {
  // Through the debugger: the page's content-security policy blocks foreign scripts.
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe.source);
  const options = JSON.stringify({ resultTypes: ['violations'], ...(rules && { runOnly: rules }) });
  const { violations } = (await page.evaluate(`axe.run(document, ${options})`)) as axe.AxeResults;
  return violations.map(
    ({ id, help, nodes }) => `${id}: ${help} (${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')})`,
  );
}

/** The same in light and in dark, which has other colours only; each line begins with the scheme. The page ends light. */
export async function problemsInBothSchemes(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const [colorScheme, rules] of [
    ['light', undefined],
    ['dark', ['color-contrast']],
  ] as const) {
    await page.emulateMedia({ colorScheme });
    found.push(...(await accessibilityProblems(page, rules)).map((line) => `${colorScheme}: ${line}`));
  }
  await page.emulateMedia({ colorScheme: 'light' });
  return found;
}
