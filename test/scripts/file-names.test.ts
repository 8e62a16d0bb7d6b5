/** Protects the build on Windows, whose paths have backslashes: scripts compare names that have slashes. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../train/small-mnist.js';

const scripts = fileURLToPath(new URL('../../../scripts/', import.meta.url));
interface FileNames {
  withSlashes(path: string, separator?: string): string;
  listFiles(folder: string): string[];
}

const { withSlashes, listFiles }: FileNames = await import(join(scripts, 'file-names.mjs'));

test('names have slashes, whatever separates them', () => {
  assert.equal(withSlashes('..\\vendor\\zod.js', '\\'), '../vendor/zod.js');
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'b/c'), { recursive: true });
  for (const name of ['z.js', 'b/c/d.js']) writeFileSync(join(folder, name), '');
  assert.deepEqual(listFiles(folder), ['b/c/d.js', 'z.js']);
});

test('no script lists or relates paths without slashes', () => {
  const names = listFiles(scripts).filter((name) => name !== 'file-names.mjs');
  assert.ok(names.length > 15);
  for (const name of names) {
    const text = readFileSync(join(scripts, name), 'utf8');
    assert.doesNotMatch(text, /readdirSync\([^;]*recursive: true/, name);
    assert.doesNotMatch(text, /(?<!withSlashes\()\brelative\(/, name);
  }
});
