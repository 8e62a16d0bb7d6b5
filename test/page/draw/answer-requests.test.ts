/** Protects the recognition worker, as a module in Node.js: an error of one network is its answer, and no other's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import type { Reply, Request } from '../../../web/workers/protocol.js';
import { checkpointBytes, ROWS } from '../../recognize/checkpoint-bytes.js';

const scope = {
  onmessage: (_: { data: Request }) => {},
  postMessage: (_: Reply) => {},
};
Object.assign(globalThis, { self: scope });
const { answerRequests } = await import('../../../web/workers/answer-requests.js');
answerRequests({ backend: Promise.resolve(new ReferenceBackend()), gpu: null });

function ask(data: Request): Promise<Reply> {
  return new Promise((resolve) => {
    scope.postMessage = resolve;
    scope.onmessage({ data });
  });
}

test('a network of large pictures refuses a drawing by its name; the other network answers', async () => {
  const large = { ...ROWS, width: 32, height: 32, sequenceLength: 32, inputSize: 32 };
  for (const [model, form] of Object.entries({ large, digits: ROWS })) {
    const checkpoint = checkpointBytes(form);
    const opened = await ask({ type: 'open', model, checkpoint, backend: 'wasm' });
    assert.deepEqual(opened, { type: 'opened', model, error: null });
  }
  const strokes = [{ xs: [100, 300, 200], ys: [100, 100, 400] }];
  const reply = await ask({ type: 'recognize', id: 1, models: ['large', 'digits', 'unknown'], strokes });
  assert.ok(reply.type === 'recognized');
  const [refused, answer, unknown] = reply.answers;
  assert.equal(refused.probabilities, null);
  assert.match(refused.error!, /32/);
  assert.equal(answer.probabilities?.length, 4);
  assert.equal(answer.error, null);
  assert.match(unknown.error!, /not open/);
  assert.equal(reply.shown?.width, 28);
});
