/** Every verb refuses buffers that are too short before it changes any, with a message that names the argument. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Backend } from '#src/backends/backend.js';
import { probeOf } from '#src/backends/probe.js';

/** Valid arguments, of which each test makes one invalid. Sizes: N 5, I 2, H 3, B 2; F 4, K 3. */
function rightArguments(backend: Backend) {
  const floats = (length: number) => backend.allocate(length);
  const ints = (...values: number[]) => {
    const buffer = backend.allocateInts(values.length);
    buffer.set(values);
    return buffer;
  };
  const weights = () => ({
    weightIh: floats(24),
    weightHh: floats(36),
    biasIh: floats(12),
    biasHh: floats(12),
  });
  const panelsLength = backend.lstmPanelsLength(2, 3, true);
  const layer = {
    inputSize: 2,
    hiddenSize: 3,
    batchSizes: ints(2, 2, 1),
    rows: 5,
    reverse: false,
    outputStride: 6,
    outputColumn: 3,
    panels: floats(panelsLength),
    inputs: floats(10),
    outputs: floats(30),
    cells: floats(15),
    gates: floats(60),
    scratch: floats(backend.lstmScratchLength(2, 2, 3, true)),
  };
  const scratch = floats(backend.linearScratchLength(2, 4, 3));
  const linear = { rows: 2, inputSize: 4, outputSize: 3, inputs: floats(8), weight: floats(12), scratch };
  const update = {
    parameters: floats(4),
    gradients: floats(4),
    learningRate: 0,
    weightDecay: 0,
    gradientScale: 1,
  };
  return {
    lstmPanels: {
      inputSize: 2,
      hiddenSize: 3,
      weights: weights(),
      panels: floats(panelsLength),
      backward: true,
    },
    lstmForward: layer,
    lstmBackward: {
      ...layer,
      dOutputs: floats(30),
      dInputs: floats(10),
      dWeights: weights(),
    },
    linearForward: { ...linear, bias: floats(3), outputs: floats(6) },
    linearBackward: {
      ...linear,
      dOutputs: floats(6),
      dInputs: floats(8),
      dWeight: floats(12),
      dBias: floats(3),
    },
    copyRows: {
      rows: 2,
      width: 3,
      source: floats(7),
      sourceOffsets: ints(0, 4),
      target: floats(6),
      targetOffsets: ints(3, 0),
      scales: floats(2),
      accumulate: false,
    },
    dropout: {
      rows: 2,
      width: 3,
      values: floats(6),
      rate: 0.5,
      keys: ints(1, 2, 3, 4),
      offsets: ints(0, 2),
      stream: 0,
    },
    crossEntropy: {
      rows: 2,
      classes: 3,
      logits: floats(6),
      labels: ints(0, 2),
      labelSmoothing: 0,
      classWeights: floats(3),
      losses: floats(2),
      dLogits: floats(6),
      gradientScale: 1,
    },
    sgd: { ...update, velocity: floats(4), momentum: 0.9, nesterov: false },
    adam: {
      ...update,
      mean: floats(4),
      variance: floats(4),
      beta1: 0.9,
      beta2: 0.999,
      eps: 1e-8,
      decoupled: false,
      update: 1,
    },
    matmul: {
      m: 2,
      n: 3,
      k: 4,
      a: floats(8),
      b: floats(12),
      c: floats(6),
      scratch: floats(backend.linearScratchLength(2, 4, 3)),
    },
  };
}

/** Verb, argument, invalid value, words of the message. A number as the value of a buffer cuts it to that length. */
const MISTAKES: [verb: string, argument: string, value: unknown, message: string][] = [
  [
    'lstmPanels',
    'weights.weightHh',
    35,
    'lstmPanels: weights.weightHh [4H, H] = [12, 3] needs 36 floats, got 35',
  ],
  ['lstmPanels', 'panels', 0, 'lstmPanels: panels'],
  ['lstmPanels', 'hiddenSize', 0, 'hiddenSize must be a whole number of at least 1, got 0'],
  ['lstmForward', 'inputs', 9, 'inputs [N, I] = [5, 2] needs 10 floats, got 9'],
  ['lstmForward', 'outputs', 29, 'outputs [N, D·H] = [5, 6] needs 30 floats, got 29'],
  ['lstmForward', 'cells', 14, 'cells [N, H] = [5, 3] needs 15 floats, got 14'],
  ['lstmForward', 'gates', 56, 'lstmForward: gates [N, 4H] = [5, 12] needs 60 floats, got 56'],
  ['lstmForward', 'panels', 0, 'lstmForward: panels'],
  ['lstmForward', 'rows', 4, 'the sum of batchSizes must be rows = 4, got 5'],
  ['lstmForward', 'batchSizes', [2, 1, 2], 'batchSizes[2] must be at least 1 and at most batchSizes[1] = 1'],
  ['lstmForward', 'batchSizes', [3, 2, 0], 'batchSizes[2] must be at least 1'],
  ['lstmForward', 'batchSizes', [-1, 6, 0], 'batchSizes[0] must be at least 1, got -1'],
  ['lstmForward', 'batchSizes', [], 'the sum of batchSizes must be rows = 5, got 0'],
  ['lstmForward', 'outputColumn', 4, 'outputColumn + hiddenSize = 4 + 3 must fit into outputStride, got 6'],
  ['lstmForward', 'outputColumn', -1, 'outputColumn must be a whole number of at least 0, got -1'],
  ['lstmForward', 'inputSize', 1.5, 'inputSize must be a whole number of at least 1, got 1.5'],
  ['lstmBackward', 'dOutputs', 29, 'lstmBackward: dOutputs [N, D·H] = [5, 6] needs 30 floats, got 29'],
  ['lstmBackward', 'dInputs', 9, 'dInputs [N, I] = [5, 2] needs 10 floats, got 9'],
  ['lstmBackward', 'gates', 59, 'gates [N, 4H] = [5, 12] needs 60 floats, got 59'],
  ['lstmBackward', 'dWeights.weightIh', 23, 'dWeights.weightIh [4H, I] = [12, 2] needs 24 floats, got 23'],
  ['lstmBackward', 'dWeights.biasHh', 11, 'dWeights.biasHh [4H] = [12] needs 12 floats, got 11'],
  ['lstmBackward', 'scratch', 0, 'lstmBackward: scratch'],
  ['linearForward', 'inputs', 7, 'linearForward: inputs [B, F] = [2, 4] needs 8 floats, got 7'],
  ['linearForward', 'weight', 11, 'weight [K, F] = [3, 4] needs 12 floats, got 11'],
  ['linearForward', 'bias', 2, 'bias [K] = [3] needs 3 floats, got 2'],
  ['linearForward', 'outputs', 5, 'outputs [B, K] = [2, 3] needs 6 floats, got 5'],
  ['linearBackward', 'dOutputs', 5, 'linearBackward: dOutputs [B, K] = [2, 3] needs 6 floats, got 5'],
  ['linearBackward', 'dInputs', 7, 'dInputs [B, F] = [2, 4] needs 8 floats, got 7'],
  ['linearBackward', 'dWeight', 11, 'dWeight [K, F] = [3, 4] needs 12 floats, got 11'],
  ['linearBackward', 'dBias', 2, 'dBias [K] = [3] needs 3 floats, got 2'],
  ['copyRows', 'source', 6, 'copyRows: sourceOffsets[1] = 4 + width 3 must lie within source, 6 elements'],
  ['copyRows', 'target', 5, 'targetOffsets[0] = 3 + width 3 must lie within target, 5 elements'],
  ['copyRows', 'sourceOffsets', [0, -1], 'sourceOffsets[1] = -1 + width 3 must lie within source'],
  ['copyRows', 'sourceOffsets', 1, 'sourceOffsets [rows] = [2] needs 2 integers, got 1'],
  ['copyRows', 'scales', 1, 'scales [rows] = [2] needs 2 floats, got 1'],
  ['dropout', 'values', 5, 'dropout: values [rows, width] = [2, 3] needs 6 floats, got 5'],
  ['dropout', 'keys', 3, 'keys [rows, 2] = [2, 2] needs 4 integers, got 3'],
  ['dropout', 'offsets', 1, 'offsets [rows] = [2] needs 2 integers, got 1'],
  ['dropout', 'rate', 1, 'rate must be in [0, 1), got 1'],
  ['dropout', 'rate', Number.NaN, 'rate must be in [0, 1), got NaN'],
  ['crossEntropy', 'logits', 5, 'crossEntropy: logits [B, K] = [2, 3] needs 6 floats, got 5'],
  ['crossEntropy', 'labels', [0, 3], 'labels[1] must be in 0 … 2, got 3'],
  ['crossEntropy', 'labels', [-1, 0], 'labels[0] must be in 0 … 2, got -1'],
  ['crossEntropy', 'losses', 1, 'losses [B] = [2] needs 2 floats, got 1'],
  ['crossEntropy', 'dLogits', 5, 'dLogits [B, K] = [2, 3] needs 6 floats, got 5'],
  ['crossEntropy', 'labelSmoothing', 1.5, 'labelSmoothing must be in [0, 1], got 1.5'],
  ['crossEntropy', 'classWeights', 2, 'classWeights [K] = [3] needs 3 floats, got 2'],
  ['crossEntropy', 'classWeights', [1, -1, 1], 'classWeights[1] must be finite and at least 0, got -1'],
  ['sgd', 'gradients', 3, 'sgd: gradients must be as long as parameters, 4 floats, got 3'],
  ['sgd', 'velocity', 3, 'velocity must be as long as parameters, 4 floats, got 3'],
  ['sgd', 'velocity', null, 'momentum 0.9 needs a velocity, got null'],
  ['adam', 'gradients', 3, 'adam: gradients must be as long as parameters, 4 floats, got 3'],
  ['adam', 'mean', 3, 'mean must be as long as parameters, 4 floats, got 3'],
  ['adam', 'variance', 3, 'variance must be as long as parameters, 4 floats, got 3'],
  ['adam', 'update', 0, 'update must be a whole number of at least 1, got 0'],
  ['matmul', 'a', 7, 'matmul: a [M, K] = [2, 4] needs 8 floats, got 7'],
  ['matmul', 'b', 11, 'b [K, N] = [4, 3] needs 12 floats, got 11'],
  ['matmul', 'c', 5, 'c [M, N] = [2, 3] needs 6 floats, got 5'],
];

type Arguments = Record<string, unknown>;

/** The argument with a buffer cut short, its integers replaced, or another value. */
function spoilt(backend: Backend, right: unknown, value: unknown): unknown {
  if (Array.isArray(value)) {
    const floats = right instanceof Float32Array;
    const buffer = floats ? backend.allocate(value.length) : backend.allocateInts(value.length);
    buffer.set(value);
    return buffer;
  }
  const cut = typeof value === 'number' && (right instanceof Float32Array || right instanceof Int32Array);
  return cut ? right.subarray(0, value) : value;
}

export function misuseTests(backend: Backend): void {
  const verbs = backend as unknown as Record<string, (args: unknown) => void>;

  test('the arguments are valid before the other tests change them', () => {
    for (const [verb, args] of Object.entries(rightArguments(backend))) verbs[verb](args);
  });

  for (const [verb, argument, value, message] of MISTAKES) {
    const shown = Array.isArray(value) ? `[${value.join(', ')}]` : value;
    test(`${verb} refuses ${argument} ${shown}`, () => {
      const all: Record<string, Arguments> = rightArguments(backend);
      const args = all[verb];
      const [name, part] = argument.split('.');
      if (part === undefined) args[name] = spoilt(backend, args[name], value);
      else (args[name] as Arguments)[part] = spoilt(backend, (args[name] as Arguments)[part], value);
      assert.throws(
        () => verbs[verb](args),
        (error: Error) => {
          assert.ok(error.message.startsWith(`${verb}: `), error.message);
          assert.ok(error.message.includes(message), `“${error.message}” should say “${message}”`);
          return true;
        },
      );
    });
  }

  test('the LSTM verbs refuse floats among halves, and initial states that are too short', () => {
    const { lstmForward: args } = rightArguments(backend);
    assert.throws(
      () => backend.lstmForward({ ...args, cells: new Uint16Array(backend.allocate(8).buffer) }),
      /lstmForward: cells must be floats, as panels are, got halves/,
    );
    assert.throws(
      () => backend.lstmForward({ ...args, cells: new Int16Array(backend.allocate(8).buffer) }),
      /lstmForward: cells must be floats, as panels are, got bfloats/,
    );
    const initial = { hidden: backend.allocate(6), cells: backend.allocate(5) };
    assert.throws(
      () => backend.lstmForward({ ...args, initial }),
      /lstmForward: initial.cells \[B, H\] = \[2, 3\] needs 6 floats, got 5/,
    );
  });

  test('copyRows and dropout refuse 16-bit floats that begin within a word', () => {
    const [offsets, keys] = [backend.allocateInts(1), backend.allocateInts(2)];
    const values = new Uint16Array(backend.allocate(4).buffer).subarray(1, 5);
    const place = { sourceOffsets: offsets, targetOffsets: offsets, scales: null, accumulate: false };
    assert.throws(
      () => backend.copyRows({ rows: 1, width: 2, source: values, target: backend.allocate(2), ...place }),
      /copyRows: source must begin at a multiple of 4 bytes of its memory, got byte \d*2$/,
    );
    assert.throws(
      () => backend.dropout({ rows: 1, width: 2, values, rate: 0.5, keys, offsets, stream: 0 }),
      /dropout: values must begin at a multiple of 4 bytes/,
    );
  });

  test('add and activate refuse buffers of different lengths', () => {
    const [four, three] = [backend.allocate(4), backend.allocate(3)];
    assert.throws(() => backend.clear(three, 4), /clear: target \[n\] = \[4\] needs 4 floats, got 3/);
    assert.throws(
      () => backend.clear(three, -1),
      /clear: length must be a whole number of at least 0, got -1/,
    );
    assert.throws(() => backend.add(four, three), /add: source must be as long as target, 4 floats, got 3/);
    assert.throws(
      () => probeOf(backend).activate('tanh', four, three),
      /activate: outputs must be as long as inputs/,
    );
  });
}
