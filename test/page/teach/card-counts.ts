/** How many drawings the cards of the Teach view say that there are. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';

/** Waits until the cards say these numbers of drawings, in order. */
export async function expectCounts(page: Page, ...expected: number[]): Promise<void> {
  const wanted = expected.map((count) => `${count} ${count === 1 ? 'drawing' : 'drawings'}`);
  const counts = page.locator('.class-card .count');
  for (let tries = 0; tries < 50; tries++) {
    if (JSON.stringify(await counts.allTextContents()) === JSON.stringify(wanted)) return;
    await page.waitForTimeout(40);
  }
  assert.deepEqual(await counts.allTextContents(), wanted);
}
