/** Protects the threads that convert drawings: a signal ends every waiting, also while a file is unpacked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConversionThreads } from '#src/data/strokes/stored/conversion-threads.js';
import { temporaryFolder } from '../../../train/small-mnist.js';

test('a signal ends the waiting for drawings with its reason', async () => {
  const folder = temporaryFolder();
  const stopping = new AbortController();
  const file = { path: `${folder}/cat.ndjson`, name: 'cat.ndjson', isTest: false, bytes: 1 };
  const threads = new ConversionThreads([file], folder, 1, stopping.signal);
  try {
    const waiting = threads.next(0, 10);
    stopping.abort(new Error('enough'));
    await assert.rejects(waiting, /enough/);
  } finally {
    await threads.close();
  }
});
