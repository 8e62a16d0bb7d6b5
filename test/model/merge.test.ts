/**
 * Protects the merging of networks: for every shape, the logits of the one network are the mean of the members' logits,
 * also for sequences of different lengths in one batch.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Backend } from '#src/backends/backend.js';
import { openBackend } from '#src/backends/open-node.js';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import { type Batch, SequenceClassifier } from '#src/model/classifier.js';
import { type ClassifierConfig, HEADS, resolveClassifierConfig } from '#src/model/classifier-config.js';
import { mergedConfig, mergeParameters } from '#src/model/merge.js';
import { MAX_PARAMETERS, ParameterLayout } from '#src/model/parameters.js';
import { Random } from '#src/random.js';
import type { StateDict } from '#src/state-dict.js';
import { UserError } from '#src/user-error.js';
import { FASTEST } from '../train/small-mnist.js';

/** Parameters drawn from `seed`, three times as large as a new network's, so that the gates leave the middle. */
function parametersOf(config: ClassifierConfig, seed: number): StateDict {
  const resolved = resolveClassifierConfig(config);
  const layout = new ParameterLayout(resolved);
  const vector = new Float32Array(layout.length);
  layout.initialize(resolved, vector, seed);
  return layout.toStateDict(vector.map((value) => 3 * value));
}

/** Four sequences; with `ragged` of different lengths, otherwise all of T steps. */
function batchOf({ inputSize }: ClassifierConfig, steps: number, ragged: boolean, seed: number): Batch {
  const random = new Random(seed);
  const inputs = Float32Array.from({ length: 4 * steps * inputSize }, () => 4 * random.uniform() - 2);
  const lengths = Int32Array.from({ length: 4 }, () => 1 + Math.floor(random.uniform() * steps));
  return { inputs, batchSize: 4, steps, ...(ragged && { lengths }) };
}

async function logitsOf(
  config: ClassifierConfig,
  parameters: StateDict,
  batch: Batch,
  backend: Backend,
): Promise<Float32Array> {
  using model = new SequenceClassifier(config, backend, { parameters });
  return (await model.forward(batch)).logits;
}

const STEPS = 5;
const shapes = HEADS.flatMap((head) =>
  [1, 2, 3].flatMap((numLayers) =>
    [false, true].map((bidirectional) => ({ head, numLayers, bidirectional })),
  ),
);
const sizes = fc.record({
  inputSize: fc.integer({ min: 1, max: 5 }),
  hiddenSize: fc.integer({ min: 1, max: 6 }),
  numClasses: fc.integer({ min: 1, max: 4 }),
  count: fc.integer({ min: 1, max: 4 }),
  seed: fc.integer({ min: 0, max: 1000 }),
  ragged: fc.boolean(),
});

for (const [name, open] of [
  ['the reference in float64', async () => new ReferenceBackend({ storage: 'float64' })],
  [FASTEST, async () => openBackend(FASTEST)],
] as const) {
  test(`the merged network gives the mean of the logits, on ${name}`, async () => {
    const backend = (await open()) as Backend;
    for (const shape of shapes) {
      await fc.assert(
        fc.asyncProperty(sizes, async ({ count, seed, ragged, ...rest }) => {
          const config = { ...shape, ...rest, sequenceLength: STEPS };
          const members = Array.from({ length: count }, (_, c) => parametersOf(config, seed + c));
          const batch = batchOf(config, STEPS, ragged, seed);
          const resolved = resolveClassifierConfig(config);
          const one = { ...mergedConfig(resolved, count), sequenceLength: STEPS };
          assert.equal(one.hiddenSize, count * config.hiddenSize);
          const found = await logitsOf(one, mergeParameters(resolved, members), batch, backend);
          const all: Float32Array[] = [];
          for (const member of members) all.push(await logitsOf(config, member, batch, backend));
          // Weights of the linear layer are rounded after the division, and the kernels add in another order.
          const scale = all.reduce(
            (most, logits) => logits.reduce((m, x) => Math.max(m, Math.abs(x)), most),
            0,
          );
          found.forEach((logit, i) => {
            const mean = all.reduce((sum, logits) => sum + logits[i], 0) / count;
            assert.ok(
              Math.abs(logit - mean) <= 1e-5 * scale,
              `${JSON.stringify(config)}: ${logit}, not ${mean}`,
            );
          });
        }),
        { numRuns: 8, seed: 5 },
      );
    }
    backend.close();
  });
}

const SMALL = resolveClassifierConfig({ inputSize: 2, hiddenSize: 2, numClasses: 2, bidirectional: true });

test('each unit reads only units of its own member, in gates and directions', () => {
  const member = (value: number) => {
    const tensors = parametersOf({ ...SMALL, numLayers: 2, sequenceLength: undefined }, 0);
    for (const { data } of tensors.values()) data.fill(value);
    return tensors;
  };
  const merged = mergeParameters({ ...SMALL, numLayers: 2 }, [member(1), member(2)]);
  const rowOf = (name: string, row: number) => {
    const { shape, data } = merged.get(name)!;
    return [...data.subarray(row * shape[1], (row + 1) * shape[1])];
  };
  for (let gate = 0; gate < 4; gate++) {
    assert.deepEqual(rowOf('lstm.weight_hh_l0', 4 * gate), [1, 1, 0, 0]);
    assert.deepEqual(rowOf('lstm.weight_hh_l0', 4 * gate + 3), [0, 0, 2, 2]);
    assert.deepEqual(rowOf('lstm.weight_ih_l1_reverse', 4 * gate), [1, 1, 0, 0, 1, 1, 0, 0]);
    assert.deepEqual(rowOf('lstm.weight_ih_l1_reverse', 4 * gate + 2), [0, 0, 2, 2, 0, 0, 2, 2]);
  }
  assert.deepEqual(rowOf('fc.weight', 1), [0.5, 0.5, 1, 1, 0.5, 0.5, 1, 1, 0.5, 0.5, 1, 1, 0.5, 0.5, 1, 1]);
  assert.deepEqual([...merged.get('fc.bias')!.data], [1.5, 1.5]);
});

test('parameters of another layout are refused', () => {
  const other = parametersOf({ inputSize: 2, hiddenSize: 3, numClasses: 2, bidirectional: true }, 0);
  const own = parametersOf({ inputSize: 2, hiddenSize: 2, numClasses: 2, bidirectional: true }, 0);
  assert.throws(
    () => mergeParameters(SMALL, [own, other]),
    /^UserError: model: the parameters of network 2 are of another architecture: lstm\.weight_ih_l0 should be/,
  );
});

test('a network that would be too large is refused before memory is taken for it', () => {
  const config = resolveClassifierConfig({ inputSize: 4, hiddenSize: 4096, numClasses: 3 });
  assert.equal(mergedConfig(config, 1).hiddenSize, 4096);
  const message =
    /^merge: 1000 networks of hidden size 4096 make one of hidden size 4096000: expected at most 268435456 parameters/;
  assert.throws(
    () => mergedConfig(config, 1000),
    (error) => error instanceof UserError && message.test(error.message),
  );
  // Here the recurrent weights alone would fit.
  const flat = { inputSize: 1, hiddenSize: 2000, numClasses: 10, head: 'flatten', sequenceLength: 4000 };
  assert.ok(4 * 8000 ** 2 < MAX_PARAMETERS);
  assert.throws(() => mergedConfig(resolveClassifierConfig(flat), 4), /found more; merge fewer/);
});
