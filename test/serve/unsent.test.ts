/** Protects the memory of the server from clients that ask for large answers and do not read them. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { MAX_UNSENT_BYTES } from '#src/serve/server-limits.js';
import { Unsent } from '#src/serve/unsent.js';

test('answers that are not taken are limited in all; closed responses make room', () => {
  const unsent = new Unsent();
  const slow = [new EventEmitter(), new EventEmitter()];
  for (const response of slow) unsent.add(MAX_UNSENT_BYTES / 2, response);
  assert.throws(() => unsent.add(1, new EventEmitter()), { status: 503 });
  slow[0].emit('close');
  unsent.add(MAX_UNSENT_BYTES / 2, slow[0]);
  assert.throws(() => unsent.add(1, new EventEmitter()), { status: 503 });
  for (const response of slow) response.emit('close');
  unsent.add(2 * MAX_UNSENT_BYTES, slow[0]);
  assert.throws(() => unsent.add(1, new EventEmitter()), { status: 503 }, 'one larger answer is sent alone');
});

test('an answer whose client has left is not counted: its response does not close again', () => {
  const unsent = new Unsent();
  unsent.add(2 * MAX_UNSENT_BYTES, Object.assign(new EventEmitter(), { closed: true }));
  unsent.add(MAX_UNSENT_BYTES, new EventEmitter());
});
