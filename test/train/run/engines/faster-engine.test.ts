/** Protects the choice between processor and GPU: what is measured, how long, and that the training does not change. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelState } from '#src/train/engine.js';
import { compareEngines } from '#src/train/run/engines/faster-engine.js';
import { FakeEngine } from '../../fake-engine.js';

const work = { order: Int32Array.from({ length: 400 }, (_, n) => n), batchSize: 4 };

/** Remembers what is loaded; a closed engine ends its training. */
class TimedEngine extends FakeEngine {
  readonly saved: ModelState = { parameters: new Map(), optimizer: new Map() };
  readonly loaded: ModelState[] = [];
  closed = false;

  override async save(): Promise<ModelState> {
    return this.saved;
  }
  override async load(state?: ModelState): Promise<void> {
    if (state) this.loaded.push(state);
  }
  override async close(): Promise<void> {
    this.closed = true;
  }
}

test('the ratio is that of the times of updates, and both engines are set back', async () => {
  const gpu = new TimedEngine({ batchMs: 2 });
  const host = new TimedEngine({ batchMs: 12 });
  const began = performance.now();
  const { ratio, hostClosed } = await compareEngines({ engine: gpu }, { engine: host }, work);
  assert.ok(performance.now() - began < 3000);
  assert.ok(ratio > 2 && ratio < 9, String(ratio));
  assert.equal(hostClosed, false);
  for (const engine of [gpu, host]) {
    assert.deepEqual(engine.loaded, [engine.saved]);
    assert.ok(engine.plans.every(({ learningRates }) => learningRates.every((rate) => rate === 0)));
    assert.ok(engine.plans.every(({ order }) => order === work.order));
  }
});

test('a host whose update takes longer than half a second is not waited for', async () => {
  const gpu = new TimedEngine({ batchMs: 5 });
  const host = new TimedEngine({ batchMs: 2000 });
  const { ratio, hostClosed } = await compareEngines({ engine: gpu }, { engine: host }, work);
  assert.ok(hostClosed && host.closed);
  assert.ok(ratio > 20 && ratio < 101, String(ratio));
});

test('an update that is measured long enough is made once', async () => {
  const gpu = new TimedEngine({ batchMs: 200 });
  const host = new TimedEngine({ batchMs: 160 });
  const { ratio } = await compareEngines({ engine: gpu }, { engine: host }, work);
  assert.ok(ratio > 0.6 && ratio < 1, String(ratio));
  assert.equal(host.plans.length, 1);
});
