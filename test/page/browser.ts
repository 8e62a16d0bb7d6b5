/**
 * A real browser for the tests of the page: headless Chromium. Records hidden problems for the test: errors in the
 * console, requests to other origins, violations of the content-security policy.
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

/** An open page, and the problems recorded in it. */
export interface Visit {
  page: Page;
  cdp: CDPSession;
  /** Console errors and warnings, exceptions, requests to other origins, policy violations. */
  troubles: string[];
  close(): Promise<void>;
}

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
}

/** Opens a URL with an empty profile. */
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

/** Accessibility problems that axe finds in the page, one line each. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  // Runs through the debugger: the page's content-security policy blocks foreign scripts.
  const { violations } = (await page.evaluate(
    `(() => { ${axe.source}; return axe.run(document, { resultTypes: ['violations'] }); })()`,
  )) as axe.AxeResults;
  return violations.map(
    ({ id, help, nodes }) => `${id}: ${help} (${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')})`,
  );
}
