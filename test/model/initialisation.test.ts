/** Protects the initial parameters: their bits for a seed, and the distribution of chrono initialisation. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import { SequenceClassifier } from '#src/model/classifier.js';
import { type ClassifierConfig, resolveClassifierConfig } from '#src/model/classifier-config.js';
import { ParameterLayout } from '#src/model/parameters.js';
import type { StateDict } from '#src/state-dict.js';
import { UserError } from '#src/user-error.js';

const STACK = { inputSize: 3, hiddenSize: 5, numLayers: 2, bidirectional: true, numClasses: 4 };

function initial(change: Partial<ClassifierConfig> = {}, seed = 7): StateDict {
  const config = resolveClassifierConfig({ ...STACK, ...change });
  const layout = new ParameterLayout(config);
  const vector = new Float32Array(layout.length);
  layout.initialize(config, vector, seed);
  return layout.toStateDict(vector);
}

/** [H] the biases of gate i, f, g or o of one layer and direction, as the equations add them: b_ih + b_hh. */
function biases(tensors: StateDict, gate: 'i' | 'f' | 'g' | 'o', suffix = 'l0'): number[] {
  const ih = tensors.get(`lstm.bias_ih_${suffix}`)!.data;
  const hh = tensors.get(`lstm.bias_hh_${suffix}`)!.data;
  const H = ih.length / 4;
  const from = 'ifgo'.indexOf(gate) * H;
  return Array.from({ length: H }, (_, unit) => ih[from + unit] + hh[from + unit]);
}

test('a seed always gives the same bits, with a forget bias and without', () => {
  const hash = (tensors: StateDict) => {
    const sha256 = createHash('sha256');
    for (const { data } of tensors.values()) sha256.update(new Uint8Array(data.buffer));
    return sha256.digest('hex').slice(0, 16);
  };
  assert.equal(hash(initial()), '81a97bab7dcbb2dc');
  assert.equal(hash(initial({ chronoInit: null })), '81a97bab7dcbb2dc');
  assert.equal(hash(initial({ forgetBias: 1 })), '800601749b2d044c');
});

test('chrono initialisation changes the biases of input and forget gates alone', () => {
  const [plain, chrono] = [initial(), initial({ chronoInit: 784 })];
  assert.deepEqual([...chrono.keys()], [...plain.keys()]);
  for (const [name, { data }] of plain) {
    const other = chrono.get(name)!.data;
    const kept = name.startsWith('lstm.bias') ? 2 * STACK.hiddenSize : 0;
    assert.deepEqual(other.subarray(kept), data.subarray(kept), name);
    if (kept > 0) assert.notDeepEqual(other.subarray(0, kept), data.subarray(0, kept), name);
  }
});

test('chrono biases are log u and −log u, with u uniform from 1 to n − 1', () => {
  const units = 400;
  for (const longest of [3, 28, 784, 1_000_000]) {
    const tensors = initial({ inputSize: 1, hiddenSize: units, numLayers: 1, chronoInit: longest });
    const [forward, reverse] = ['l0', 'l0_reverse'].map((suffix) => {
      const forget = biases(tensors, 'f', suffix);
      assert.deepEqual(
        biases(tensors, 'i', suffix),
        forget.map((bias) => -bias),
      );
      return forget;
    });
    assert.notDeepEqual(forward, reverse);
    const all = [...forward, ...reverse];
    const M = longest - 1;
    assert.ok(Math.min(...all) >= 0 && Math.max(...all) <= Math.fround(Math.log(M)), `${longest}`);
    // ∫₁ᴹ log u du / (M − 1), and the same of log² u.
    const mean = (M * Math.log(M)) / (M - 1) - 1;
    const square = (M * (Math.log(M) ** 2 - 2 * Math.log(M) + 2) - 2) / (M - 1);
    const standardError = Math.sqrt((square - mean ** 2) / all.length);
    const found = all.reduce((sum, bias) => sum + bias, 0) / all.length;
    assert.ok(Math.abs(found - mean) < 4 * standardError, `${longest}: mean ${found}, expected ${mean}`);
    // A quarter of all u lies below the first quartile of the uniform distribution.
    const below = all.filter((bias) => bias < Math.log(1 + (M - 1) / 4)).length / all.length;
    assert.ok(Math.abs(below - 1 / 4) < 4 * Math.sqrt(3 / 16 / all.length), `${longest}: ${below}`);
  }
});

test('chrono biases come from the seed, and every layer and direction draws its own', () => {
  const chrono = (seed: number) => initial({ chronoInit: 784 }, seed);
  assert.deepEqual(chrono(7), chrono(7));
  assert.notDeepEqual(biases(chrono(7), 'f'), biases(chrono(8), 'f'));
  const drawn = ['l0', 'l0_reverse', 'l1', 'l1_reverse'].map((suffix) => biases(chrono(7), 'f', suffix));
  assert.equal(new Set(drawn.map(String)).size, 4);
});

test('a classifier begins with them', async () => {
  using model = new SequenceClassifier({ ...STACK, chronoInit: 784 }, new ReferenceBackend(), { seed: 7 });
  assert.equal(model.config.chronoInit, 784);
  assert.deepEqual(await model.stateDict(), initial({ chronoInit: 784 }));
});

test('impossible values, and a forget bias beside it, are refused', () => {
  const refused: [object, string][] = [
    [{ chronoInit: 2 }, 'model: chronoInit must be a whole number from 3 to 1000000, or null, got 2'],
    [{ chronoInit: 7.5 }, 'model: chronoInit must be a whole number from 3 to 1000000, or null, got 7.5'],
    [{ chronoInit: '784' }, 'model: chronoInit must be a whole number from 3 to 1000000, or null, got "784"'],
    [
      { chronoInit: 784, forgetBias: 1 },
      "model: chronoInit 784 and forgetBias 1 both set the forget gates' biases; leave out one of the two",
    ],
  ];
  for (const [change, message] of refused) {
    assert.throws(() => resolveClassifierConfig({ ...STACK, ...change }), new UserError(message));
  }
  assert.equal(resolveClassifierConfig({ ...STACK, chronoInit: 784, forgetBias: 0 }).chronoInit, 784);
});
