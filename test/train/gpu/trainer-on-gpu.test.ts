/** Protects `openTrainer` on a GPU: it learns, scores, hands out a classifier and closes what it opened. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openBackend, openTrainer } from 'scanstroke';
import { gpuOrSkip, testGpu } from '../../backends/webgpu/software-gpu.js';
import { WAVES_CONFIG, waves } from '../examples.js';
import { FASTEST } from '../small-mnist.js';

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

test('a trainer on a GPU learns as one on the processor, and its classifier runs on either', async (t) => {
  if (!(await gpuOrSkip(t))) return;
  const batch = waves(120);
  const { batchSize: _, ...examples } = batch;
  const options = { optimizer: { name: 'adam', lr: 0.02 }, validation: 0.25, seed: 3 } as const;
  const onGpu = await openTrainer(WAVES_CONFIG, examples, { ...options, backend: 'webgpu' });
  const onHost = await openTrainer(WAVES_CONFIG, examples, { ...options, backend: FASTEST });
  assert.match(onGpu.description, /^webgpu \(.+\)$/);
  assert.equal(onGpu.threads, 1);
  const [found, expected] = [await onGpu.train({ epochs: 3 }), await onHost.train({ epochs: 3 })];
  found.metrics.forEach((metrics, n) => {
    // Adam makes whole steps of the signs of tiny gradients, so rounding errors grow from update to update.
    assert.ok(Math.abs(metrics.trainLoss - expected.metrics[n].trainLoss) < 1e-3);
  });
  assert.ok(found.metrics[2].trainLoss < found.metrics[0].trainLoss);

  const scores = await onGpu.evaluate();
  assert.equal(scores.count, 30);
  const host = await openBackend(FASTEST);
  const [own, other] = [await onGpu.classifier(), await onGpu.classifier(host)];
  const [a, b] = [(await own.forward(batch)).logits, (await other.forward(batch)).logits];
  a.forEach((logit, n) => {
    assert.ok(Math.abs(logit - b[n]) < 1e-5 * Math.max(1, Math.abs(b[n])));
  });
  own.close();
  other.close();
  host.close();
  await onGpu.close();
  await onHost.close();
});
