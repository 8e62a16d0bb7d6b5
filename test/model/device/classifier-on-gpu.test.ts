/**
 * Protects a classifier on a GPU: calls that are not awaited take effect in their order, answers do not depend on what
 * else was asked for, and its memory is released.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOptimizer, openRecognizer, SequenceClassifier, UserError } from 'scanstroke';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import { gpuOrSkip } from '../../backends/webgpu/software-gpu.js';
import { assertSameBits } from '../../cases/oracle/comparison.js';
import { checkpointBytes, ROWS, STROKES } from '../../recognize/checkpoint-bytes.js';

const CONFIG = { inputSize: 3, hiddenSize: 5, numLayers: 2, numClasses: 4, head: 'mean' } as const;
const BATCH = {
  inputs: Float32Array.from({ length: 2 * 6 * 3 }, (_, i) => Math.sin(i)),
  batchSize: 2,
  steps: 6,
  lengths: Int32Array.of(3, 6),
  labels: Int32Array.of(1, 3),
};

test('calls that are not awaited take effect in their order', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const [model, other] = [1, 2].map((seed) => new SequenceClassifier(CONFIG, gpu, { seed }));
  const [first, second] = [await model.forward(BATCH), await other.forward(BATCH)];
  const parameters = await other.stateDict();
  const before = model.forward(BATCH);
  const one = { inputs: BATCH.inputs.slice(0, 18), steps: 6, batchSize: 1, lengths: Int32Array.of(3) };
  const smaller = model.forward(one);
  void model.loadStateDict(parameters);
  const after = model.forward(BATCH);
  assertSameBits((await after).logits, second.logits, 'after new parameters');
  assertSameBits((await before).logits, first.logits, 'before new parameters');
  assertSameBits((await smaller).logits, first.logits.slice(0, 4), 'of one sequence');
  model.close();
  other.close();
});

test('answers do not depend on what else was asked for', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const model = new SequenceClassifier(CONFIG, gpu, { seed: 1 });
  const { logits } = await model.forward(BATCH);
  await model.gradients(BATCH, { dropoutSeed: 1 });
  await model.forward(BATCH, { states: true });
  assertSameBits((await model.forward(BATCH)).logits, logits, 'logits');
  model.close();
});

test('mistakes are refused, and the classifier goes on', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const model = new SequenceClassifier({ inputSize: 1, hiddenSize: 256, numClasses: 2 }, gpu);
  const { maxStorageBufferBindingSize } = gpu.device.limits;
  // 4 KB of gates a step.
  const steps = Math.ceil(maxStorageBufferBindingSize / 4096 / 512) + 64;
  const large = { inputs: new Float32Array(512 * steps), batchSize: 512, steps };
  await assert.rejects(
    model.forward(large),
    /^UserError: model: 512 sequences of \d+ steps need a buffer of \d+ MB, but this GPU's buffers have at most \d+ MB; give the sequences in smaller batches$/,
  );
  const labels = Int32Array.of(2);
  const one = { inputs: new Float32Array(2), batchSize: 1, steps: 2 };
  await assert.rejects(model.gradients({ ...one, labels }), /label 2 of sequence 0 is not a class/);
  assert.equal((await model.forward(one)).logits.length, 2);
  assert.throws(
    () => model.stepper(),
    /^UserError: stepper: a GPU is slower at single steps .*openBackend\(\)/,
  );
  model.close();
  await assert.rejects(model.forward(one), UserError);
});

test('more sequences than a GPU takes side by side are refused, and the classifier goes on', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const config = { inputSize: 1, hiddenSize: 1, numClasses: 2 };
  const [model, bidirectional] = [false, true].map(
    (bidirectional) => new SequenceClassifier({ ...config, bidirectional }, gpu),
  );
  const forward = (network: SequenceClassifier, batchSize: number) =>
    network.forward({ inputs: new Float32Array(batchSize), batchSize, steps: 1 });
  const { logits } = await forward(model, 1);
  const many = await forward(model, 65_600);
  assertSameBits(many.logits.slice(-2), logits, 'of the last of many sequences');
  const before = await forward(bidirectional, 1);
  await assert.rejects(
    forward(bidirectional, 300_000),
    /^UserError: webgpu: '.*' needs \d+ workgroups side by side, but a GPU takes at most 65535; give fewer/,
  );
  assertSameBits((await forward(bidirectional, 1)).logits, before.logits, 'afterwards');
  for (const each of [model, bidirectional]) each.close();
});

test('an optimiser for a GPU updates the tensors of its classifier', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const model = new SequenceClassifier(CONFIG, gpu);
  using optimizer = createOptimizer({ name: 'sgd', lr: 0.5 }, gpu);
  const losses: number[] = [];
  for (let update = 0; update < 3; update++) {
    const { loss, gradients } = await model.gradients(BATCH);
    losses.push(loss);
    const parameters = await model.stateDict();
    await optimizer.step(parameters, gradients);
    await model.loadStateDict(parameters);
  }
  assert.ok(losses[2] < losses[1] && losses[1] < losses[0], losses.join(', '));
  model.close();
});

test('all memory of the GPU is released after close', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const before = gpu.device.bytes;
  const model = new SequenceClassifier(CONFIG, gpu);
  await model.forward(BATCH);
  await model.gradients(BATCH, { inputGradient: true });
  const last = model.forward(BATCH, { states: true });
  model.close();
  await last;
  // The memory is released after the calls that came before.
  await new Promise(setImmediate);
  assert.equal(gpu.device.bytes, before);
});

for (const [kind, bytes] of Object.entries({
  images: checkpointBytes(ROWS),
  strokes: checkpointBytes(STROKES),
  'strokes in one direction': checkpointBytes(STROKES, { bidirectional: false }),
})) {
  test(`${kind}: a recognizer on a GPU gives the answers of the processor`, async (t) => {
    const gpu = await gpuOrSkip(t);
    if (!gpu) return;
    const [onGpu, onHost] = [gpu, new ReferenceBackend()].map((backend) =>
      openRecognizer(bytes, backend, { name: 'a' }),
    );
    const strokes = [
      { xs: [10, 60, 110, 80, 50], ys: [20, 18, 22, 90, 160] },
      { xs: [40, 100], ys: [90, 88] },
    ];
    const drawing = { kind: 'drawing', strokes } as const;
    const near = (what: string, got: ArrayLike<number>, want: ArrayLike<number>) => {
      assert.equal(got.length, want.length, what);
      for (let n = 0; n < want.length; n++) {
        assert.ok(Math.abs(got[n] - want[n]) < 1e-5, `${what}: ${got[n]}, ${want[n]}`);
      }
    };
    const inputs = [drawing, { ...drawing, strokes: strokes.slice(0, 1) }];
    const [answers, wanted] = [await onGpu.recognize(inputs), await onHost.recognize(inputs)];
    for (const [n, answer] of wanted.entries()) {
      near('probabilities', answers[n]!.probabilities, answer!.probabilities);
    }
    assert.equal(onGpu.stepper, null);
    for (const over of ['pen', 'steps'] as const) {
      const [trace, want] = [await onGpu.trace(drawing, { over }), await onHost.trace(drawing, { over })];
      assert.deepEqual(trace!.moments, want!.moments);
      near(`trace over ${over}`, trace!.probabilities, want!.probabilities);
    }
    const [got, want] = [await onGpu.inspect(drawing), await onHost.inspect(drawing)];
    near('hidden states', got!.hidden, want!.hidden);
    near('gradient of the input', got!.inputGradient, want!.inputGradient);
    onGpu.close();
    onHost.close();
  });
}
