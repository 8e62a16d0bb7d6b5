/** Protects inference in 16 bits: close to float32 but not equal, with everything else of the classifier unchanged. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBackend, SequenceClassifier, UserError } from 'scanstroke';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import { openRecognizer } from '#src/recognize/recognizer.js';
import { checkpointBytes, STROKES } from '../recognize/checkpoint-bytes.js';

const CONFIG = { inputSize: 3, hiddenSize: 24, numLayers: 2, numClasses: 5, head: 'mean' } as const;
const batch = {
  inputs: Float32Array.from({ length: 6 * 9 * 3 }, (_, i) => Math.sin(i * i)),
  batchSize: 6,
  steps: 9,
  lengths: Int32Array.of(9, 4, 1, 7, 9, 2),
};
const farthest = (a: Float32Array, b: Float32Array) =>
  Math.max(...a.map((value, i) => Math.abs(value - b[i])));

for (const precision of ['bfloat16', 'float16'] as const) {
  test(`${precision}: logits near those of float32; states and gradients in float32`, async () => {
    for (const backend of [new ReferenceBackend(), await openBackend('auto')]) {
      const exact = new SequenceClassifier(CONFIG, backend);
      const parameters = await exact.stateDict();
      const narrow = new SequenceClassifier(CONFIG, backend, { parameters, precision });
      const labels = new Int32Array(6);
      const { logits } = await exact.forward(batch);
      for (let turn = 0; turn < 2; turn++) {
        const difference = farthest((await narrow.forward(batch)).logits, logits);
        assert.ok(difference > 0 && difference < 0.02, `${backend.name}: ${difference}`);
        const { hN } = await narrow.forward(batch, { states: true });
        assert.deepEqual(hN, (await exact.forward(batch, { states: true })).hN);
        const { gradients } = await narrow.gradients({ ...batch, labels });
        assert.deepEqual(gradients, (await exact.gradients({ ...batch, labels })).gradients);
      }
      assert.throws(() => narrow.stepper(), /a stepper computes in float32; this model has precision/);
      for (const each of [narrow, exact, backend]) each.close();
    }
  });
}

test('an unknown precision is refused by name', () => {
  const options = { precision: 'float64' as 'float32' };
  assert.throws(
    () => new SequenceClassifier(CONFIG, new ReferenceBackend(), options),
    (error) =>
      error instanceof UserError && /precision must be one of float32, bfloat16, float16/.test(error.message),
  );
});

test('a recogniser answers in a precision', async () => {
  const bytes = checkpointBytes(STROKES);
  const backend = new ReferenceBackend();
  const drawing = {
    kind: 'drawing' as const,
    strokes: [{ xs: [10, 60, 110, 80, 50], ys: [20, 18, 22, 90, 160] }],
  };
  const [exact, narrow] = ([undefined, 'bfloat16'] as const).map((precision) =>
    openRecognizer(bytes, backend, { name: 'a' }, { precision }),
  );
  const [expected] = await exact.recognize([drawing]);
  const [answer] = await narrow.recognize([drawing]);
  assert.ok(expected && answer);
  const difference = farthest(answer.probabilities, expected.probabilities);
  assert.ok(difference > 0 && difference < 0.02, String(difference));
  assert.equal(narrow.stepper, null);
});
