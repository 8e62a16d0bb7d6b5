/** Protects programs that pass on sizes from elsewhere: impossible sizes are refused before anything is made from them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import { SequenceClassifier } from '#src/model/classifier.js';
import { resolveClassifierConfig } from '#src/model/classifier-config.js';
import { parameterCount } from '#src/model/parameters.js';
import { UserError } from '#src/user-error.js';

const SIZES = { inputSize: 4, hiddenSize: 8, numClasses: 3 };

test('a classifier of impossible size is refused at once', () => {
  const impossible: [object, RegExp][] = [
    [{ numLayers: 1e9 }, /^model: numLayers must be a whole number from 1 to 1024, got 1000000000$/],
    [{ numLayers: 1e300 }, /numLayers must be a whole number from 1 to 1024/],
    [{ hiddenSize: 2 ** 29 }, /^model: \d.* parameters; at most 268435456 are supported/],
    [{ hiddenSize: 1e300, bidirectional: true, numLayers: 1024 }, /parameters; at most 268435456/],
    [{ numClasses: 2 ** 31 }, /parameters; at most 268435456/],
    [{ head: 'flatten', sequenceLength: 2 ** 40 }, /parameters; at most 268435456/],
    [{ bidirectional: 'no' }, /^model: bidirectional must be true or false, got "no"$/],
    [{ hiddenSize: { toString: 1 } }, /^model: hiddenSize must be .*, got an object$/],
  ];
  const backend = new ReferenceBackend();
  for (const [change, message] of impossible) {
    const began = performance.now();
    assert.throws(
      () => new SequenceClassifier({ ...SIZES, ...change }, backend),
      (error) => error instanceof UserError && message.test(error.message),
      JSON.stringify(change),
    );
    assert.ok(performance.now() - began < 500, JSON.stringify(change));
  }
  assert.ok(parameterCount(resolveClassifierConfig({ ...SIZES, numLayers: 1024 })) > 500_000);
});

test('a program may load weights that are not finite, as in PyTorch', async () => {
  using model = new SequenceClassifier(SIZES, new ReferenceBackend());
  const tensors = await model.stateDict();
  tensors.get('fc.bias')!.data[1] = Number.NaN;
  await model.loadStateDict(tensors);
  const batch = { inputs: new Float32Array(8), batchSize: 1, steps: 2 };
  const { logits } = await model.forward(batch);
  assert.deepEqual([...logits].map(Number.isFinite), [true, false, true]);
});
