/** Protects the recognition worker, as a module in Node.js: an error of one network is its answer, and no other's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import type { Reply, Request } from '../../../web/workers/protocol.js';
import { checkpointBytes, ROWS, STROKES } from '../../recognize/checkpoint-bytes.js';

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

async function open(networks: Record<string, Uint8Array>): Promise<void> {
  for (const [model, checkpoint] of Object.entries(networks)) {
    const opened = await ask({ type: 'open', model, checkpoint, backend: 'wasm' });
    assert.deepEqual(opened, { type: 'opened', model, error: null });
  }
}

async function recognize(...models: string[]) {
  const strokes = [{ xs: [100, 300, 200], ys: [100, 100, 400] }];
  const reply = await ask({ type: 'recognize', id: 1, models, strokes });
  assert.ok(reply.type === 'recognized');
  return reply;
}

/** Pictures of 32 by 32 pixels. */
const LARGE = { ...ROWS, width: 32, height: 32, sequenceLength: 32, inputSize: 32 };

test('a network of large pictures refuses a drawing by its name; the other network answers', async () => {
  await open({ large: checkpointBytes(LARGE), digits: checkpointBytes(ROWS) });
  const { answers, shown } = await recognize('large', 'digits', 'unknown');
  const [refused, answer, unknown] = answers;
  assert.equal(refused.probabilities, null);
  assert.match(refused.error!, /32/);
  assert.equal(answer.probabilities?.length, 4);
  assert.equal(answer.error, null);
  assert.match(unknown.error!, /not open/);
  assert.equal(shown?.width, 28);
});

test('the picture that is shown comes with its size, also beside a network that reads no picture', async () => {
  await open({
    points: checkpointBytes({ ...STROKES, order: 'points' }),
    own: checkpointBytes({ ...LARGE, padded: true }),
  });
  const { shown } = await recognize('points', 'own');
  assert.deepEqual([shown?.width, shown?.height, shown?.picture?.length], [32, 32, 32 * 32]);
  assert.ok(shown?.moves);
});
