/** For tests that load data sets of strokes: a folder and a cache that are new for each test, and what was loaded. */
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'node:test';
import { inMemory, type StrokeDataset } from '#src/data/strokes/stroke-examples.js';
import { UserError } from '#src/user-error.js';

/** The folder of the test under way. */
export let parent = '';
/** Its folder for caches, which does not exist yet. */
export let cache = '';
beforeEach(async () => {
  parent = await fs.mkdtemp(join(tmpdir(), 'scanstroke-strokes-'));
  cache = join(parent, 'cache');
  process.env.SCANSTROKE_CACHE = cache;
});
afterEach(async () => {
  delete process.env.SCANSTROKE_CACHE;
  await fs.rm(parent, { recursive: true });
});

/** The names of the files in the cache. */
export const names = async () => (await fs.readdir(cache).catch(() => [])).sort();

/** A data set as plain values, which can be compared. */
export const plain = ({ train, test: held, classes }: StrokeDataset) => ({
  train: {
    moves: [...inMemory(train, 'test').moves],
    offsets: [...train.offsets],
    labels: [...train.labels],
  },
  test: { moves: [...inMemory(held, 'test').moves], offsets: [...held.offsets], labels: [...held.labels] },
  classes,
});

/** Fails unless a `UserError` is thrown whose message matches all of `messages`. */
export const refused = (promise: Promise<unknown>, ...messages: RegExp[]) =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof UserError, String(error));
    for (const message of messages) assert.match(error.message, message);
    return true;
  });
