/** Protects the threads that make strokes of images: one listener for a signal, which ends all of them. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { strokesFromImages } from '#src/data/strokes/files/stroke-conversion.js';

const COUNT = 4000;
const images = {
  count: COUNT,
  channels: 1,
  width: 8,
  height: 8,
  pixels: new Uint8Array(new SharedArrayBuffer(COUNT * 64)).map((_, i) => (i % 64 === 27 ? 255 : 0)),
  labels: new Uint8Array(new SharedArrayBuffer(COUNT)),
};

test('many threads listen to a signal once, and no longer than they run', async () => {
  const { signal } = new AbortController();
  const made = strokesFromImages(images, 'dots', { seed: 0, threads: 12, signal });
  assert.equal(getEventListeners(signal, 'abort').length, 1);
  assert.equal((await made).count, COUNT);
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('a signal ends all threads with its reason', async () => {
  const stopping = new AbortController();
  const made = strokesFromImages(images, 'dots', { seed: 0, threads: 2, signal: stopping.signal });
  stopping.abort(new Error('enough'));
  await assert.rejects(made, /enough/);
});
