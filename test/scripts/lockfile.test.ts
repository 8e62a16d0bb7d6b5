/** Protects `npm ci`: the lock file works with every registry, and installing runs no script of a dependency. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const LOCK = new URL('../../../package-lock.json', import.meta.url);

test('the lock file names no registry, and marks no install script', () => {
  const { packages } = JSON.parse(readFileSync(LOCK, 'utf8')) as { packages: Record<string, object> };
  const entries = Object.entries(packages);
  assert.ok(entries.length > 100);
  for (const [place, entry] of entries) {
    for (const key of ['resolved', 'hasInstallScript']) {
      assert.ok(!(key in entry), `${place}: ${key}; run node scripts/complete-lockfile.mjs`);
    }
  }
});
