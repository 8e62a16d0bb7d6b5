/** Protects a classifier that is used again: a mistaken call changes nothing, and batches of all shapes fit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SequenceClassifier, UserError } from 'scanstroke';
import { openWasm } from '#src/backends/wasm/load.js';

const CONFIG = { inputSize: 2, hiddenSize: 64, numClasses: 3, head: 'last' } as const;
const batch = (batchSize: number, steps: number) => ({
  inputs: Float32Array.from({ length: batchSize * steps * 2 }, (_, i) => Math.sin(i)),
  batchSize,
  steps,
});

test('a call with a mistake is refused and changes nothing, for this classifier and others', async () => {
  const backend = await openWasm();
  const [model, other] = [new SequenceClassifier(CONFIG, backend), new SequenceClassifier(CONFIG, backend)];
  const { batchSize: _, ...withoutSize } = batch(2, 3);
  const mistakes: unknown[] = [
    withoutSize,
    { ...batch(2, 3), steps: Number.NaN },
    { ...batch(2, 3), steps: 4 },
  ];
  for (const mistake of mistakes) {
    await assert.rejects(model.forward(mistake as ReturnType<typeof batch>), UserError);
  }
  const logits = (await model.forward(batch(2, 3))).logits;
  assert.deepEqual((await other.forward(batch(2, 3))).logits, logits);
});

test('many short sequences and then a long one need no memory for many long ones', async () => {
  const model = new SequenceClassifier(CONFIG, await openWasm());
  await model.forward(batch(64, 20));
  await model.forward(batch(1, 20_000));
  const labels = Int32Array.of(1);
  const { loss } = await model.gradients({ ...batch(1, 20_000), labels });
  assert.ok(Number.isFinite(loss));
});
