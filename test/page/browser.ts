/**
 * A real browser for the tests of the page: Chromium without a window, in which whatever goes wrong unseen (an error
 * in the console, a request to somewhere else, a refusal by the content-security policy) is kept for the test to see.
 */

import axe from 'axe-core';
import {
  type Browser,
  type BrowserContextOptions,
  type CDPSession,
  chromium,
  type Page,
} from 'playwright-core';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

export const DESKTOP = { viewport: { width: 1280, height: 800 } } as const;
export const PHONE = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  hasTouch: true,
  isMobile: true,
} as const;

/** A page that is looked at, and what went wrong in it. */
export interface Visit {
  page: Page;
  cdp: CDPSession;
  /** Errors and warnings of the console, exceptions, requests elsewhere, refusals by the policy. */
  troubles: string[];
  close(): Promise<void>;
}

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
}

/** Goes to an address with an empty profile. */
export async function visit(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = DESKTOP,
): Promise<Visit> {
  const context = await browser.newContext({ colorScheme: 'light', reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const troubles: string[] = [];
  const { origin } = new URL(url);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) troubles.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => troubles.push(`exception: ${error.message}`));
  page.on('request', (request) => {
    const address = request.url();
    if (!address.startsWith(`${origin}/`) && !address.startsWith(`blob:${origin}/`)) {
      troubles.push(`asks elsewhere: ${address}`);
    }
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      console.error(`refused by ${violatedDirective}: ${blockedURI}`),
    );
  });
  await page.goto(url);
  const cdp = await context.newCDPSession(page);
  return { page, cdp, troubles, close: () => context.close() };
}

/** What axe finds wrong with the page as it stands, a line for each. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  // Run through the debugger: the page's own policy would refuse a script from outside.
  const { violations } = (await page.evaluate(
    `(() => { ${axe.source}; return axe.run(document, { resultTypes: ['violations'] }); })()`,
  )) as axe.AxeResults;
  return violations.map(
    ({ id, help, nodes }) => `${id}: ${help} (${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')})`,
  );
}
