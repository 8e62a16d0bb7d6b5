/**
 * Finite differences: the gradients of a whole network of verbs must be the slopes of its loss. The network has two
 * bidirectional layers over sequences of different lengths, dropout after each, masked mean, linear head and smoothed
 * cross-entropy. Slopes are measured on the oracle, in float64, so they are exact to ten digits. The gradients are those
 * of the backend under test.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LstmShape, LstmWeights } from '#src/backends/backend.js';
import { Random } from '#src/random.js';
import { batchSizesOf, uniform } from './draw.js';
import { GuardedMemory, type Memory, PlainMemory } from './memory.js';
import { oracle } from './oracle/comparison.js';
import { drawWeights } from './oracle/lstm.js';
import type { Verbs } from './verbs.js';

const LENGTHS = [6, 6, 4, 3, 1];
const [B, I, H, K] = [LENGTHS.length, 3, 5, 4];
const N = LENGTHS.reduce((sum, length) => sum + length, 0);
const BATCH_SIZES = batchSizesOf(LENGTHS);
const RATE = 0.3;

/** All values on which the loss depends, by name. They are float64, so that small changes are exact. */
type Values = Record<string, Float64Array>;

const LAYERS = [I, 2 * H];
const DIRECTIONS = ['', '_reverse'];
const WEIGHTS = ['weightIh', 'weightHh', 'biasIh', 'biasHh'] as const;

function drawValues(): Values {
  const random = new Random(11);
  const values: Values = { inputs: Float64Array.from(uniform(random, N * I, 2)) };
  LAYERS.forEach((inputSize, layer) => {
    for (const direction of DIRECTIONS) {
      const weights = drawWeights(random, inputSize, H);
      for (const tensor of WEIGHTS)
        values[`${tensor}_l${layer}${direction}`] = Float64Array.from(weights[tensor]);
    }
  });
  values.weight = Float64Array.from(uniform(random, K * 2 * H));
  values.bias = Float64Array.from(uniform(random, K));
  return values;
}

/** A direction of a layer, for its backward pass. */
interface KeptDirection {
  shape: LstmShape;
  panels: Float32Array;
  cells: Float32Array;
  gates: Float32Array;
}

/** The loss and, if `wantGradients`, its gradient with respect to every value. */
async function network(
  backend: Verbs,
  memory: Memory,
  values: Values,
  wantGradients: boolean,
): Promise<{ loss: number; gradients: Values }> {
  const zeros = (length: number) => memory.changed(new Float32Array(length));
  const gradients: Record<string, Float32Array> = {};
  for (const [name, { length }] of Object.entries(values)) gradients[name] = zeros(length);
  const weightsOf = (suffix: string, tensors: Record<string, Float32Array>): LstmWeights => ({
    weightIh: tensors[`weightIh${suffix}`],
    weightHh: tensors[`weightHh${suffix}`],
    biasIh: tensors[`biasIh${suffix}`],
    biasHh: tensors[`biasHh${suffix}`],
  });
  const parameters: Record<string, Float32Array> = {};
  for (const [name, data] of Object.entries(values)) {
    if (name !== 'inputs') parameters[name] = memory.input(data);
  }

  const ints = memory.ints(BATCH_SIZES);
  // A different key for each row, as if each were another sample.
  const keys = memory.ints(Array.from({ length: 2 * N }, (_, n) => n * 77));
  const offsets = memory.ints(Array.from({ length: N }, (_, n) => n * 5));
  const drop = async (buffer: Float32Array, stream: number) =>
    backend.dropout({ rows: N, width: 2 * H, values: buffer, rate: RATE, keys, offsets, stream });

  // Forward.
  const inputs = [memory.changed(values.inputs), zeros(N * 2 * H), zeros(N * 2 * H)];
  const layers: { outputs: Float32Array; directions: KeptDirection[] }[] = [];
  for (const [layer, inputSize] of LAYERS.entries()) {
    const outputs = inputs[layer + 1];
    const directions: KeptDirection[] = [];
    for (const [d, direction] of DIRECTIONS.entries()) {
      const shape: LstmShape = {
        inputSize,
        hiddenSize: H,
        batchSizes: ints,
        rows: N,
        reverse: d === 1,
        outputStride: 2 * H,
        outputColumn: d * H,
      };
      const panels = memory.output(backend.lstmPanelsLength(inputSize, H, true));
      const weights = weightsOf(`_l${layer}${direction}`, parameters);
      await backend.lstmPanels({ inputSize, hiddenSize: H, weights, panels, backward: true });
      const cells = memory.output(N * H);
      const gates = memory.output(N * 4 * H);
      const scratch = memory.output(backend.lstmScratchLength(B, inputSize, H, false));
      await backend.lstmForward({ ...shape, panels, inputs: inputs[layer], outputs, cells, gates, scratch });
      directions.push({ shape, panels, cells, gates });
    }
    // The backward pass needs the outputs before dropout.
    const beforeDropout = memory.changed(outputs);
    await drop(outputs, layer);
    layers.push({ outputs: beforeDropout, directions });
  }
  const features = zeros(B * 2 * H);
  const sequenceOf = Array.from(BATCH_SIZES).flatMap((size) => Array.from({ length: size }, (_, b) => b));
  const rowsOf = memory.ints(sequenceOf.map((_, n) => n * 2 * H));
  const featuresOf = memory.ints(sequenceOf.map((b) => b * 2 * H));
  const scales = memory.input(sequenceOf.map((b) => 1 / LENGTHS[b]));
  const move = { rows: N, width: 2 * H, scales };
  await backend.copyRows({
    ...move,
    source: inputs[2],
    sourceOffsets: rowsOf,
    target: features,
    targetOffsets: featuresOf,
    accumulate: true,
  });
  const head = {
    rows: B,
    inputSize: 2 * H,
    outputSize: K,
    inputs: features,
    weight: parameters.weight,
    scratch: memory.output(backend.linearScratchLength(B, 2 * H, K)),
  };
  const logits = memory.output(B * K);
  await backend.linearForward({ ...head, bias: parameters.bias, outputs: logits });
  const losses = memory.output(B);
  const dLogits = memory.output(B * K);
  const labels = memory.ints(LENGTHS.map((_, b) => (b * 3) % K));
  const objective = { rows: B, classes: K, logits, labels, labelSmoothing: 0.1, gradientScale: 1 / B };
  await backend.crossEntropy({ ...objective, losses, dLogits });
  const loss = losses.reduce((sum, value) => sum + value, 0) / B;
  if (!wantGradients) return { loss, gradients: {} };

  // Backward.
  const dFeatures = memory.output(B * 2 * H);
  await backend.linearBackward({
    ...head,
    dOutputs: dLogits,
    dInputs: dFeatures,
    dWeight: gradients.weight,
    dBias: gradients.bias,
  });
  let dOutputs = memory.output(N * 2 * H);
  await backend.copyRows({
    ...move,
    source: dFeatures,
    sourceOffsets: featuresOf,
    target: dOutputs,
    targetOffsets: rowsOf,
    accumulate: false,
  });
  for (const layer of [1, 0]) {
    await drop(dOutputs, layer);
    const dInputs = layer === 0 ? gradients.inputs : zeros(N * 2 * H);
    for (const [d, { shape, ...kept }] of layers[layer].directions.entries()) {
      await backend.lstmBackward({
        ...shape,
        ...kept,
        inputs: inputs[layer],
        outputs: layers[layer].outputs,
        dOutputs,
        dInputs,
        dWeights: weightsOf(`_l${layer}${DIRECTIONS[d]}`, gradients),
        scratch: memory.output(backend.lstmScratchLength(B, LAYERS[layer], H, true)),
      });
    }
    dOutputs = dInputs;
  }
  memory.check('the network');
  const found = Object.entries(gradients).map(([name, data]) => [name, Float64Array.from(data)]);
  return { loss, gradients: Object.fromEntries(found) };
}

const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, n) => sum + value * b[n], 0);

/** Slopes of the oracle's loss along a random direction of each tensor; measured once for all backends. */
let measured:
  | { values: Values; slopes: Record<string, { along: Float64Array; slope: number }[]> }
  | undefined;

const DIRECTIONS_TRIED = 4;
const STEP = 1e-3;

async function measure(): Promise<NonNullable<typeof measured>> {
  if (measured !== undefined) return measured;
  const values = drawValues();
  const random = new Random(12);
  const slopes: Record<string, { along: Float64Array; slope: number }[]> = {};
  for (const [name, data] of Object.entries(values)) {
    const lossAt = async (along: Float64Array, distance: number) => {
      const moved = { ...values, [name]: data.map((value, n) => value + distance * along[n]) };
      return (await network(oracle, new PlainMemory(oracle), moved, false)).loss;
    };
    slopes[name] = [];
    for (let tried = 0; tried < DIRECTIONS_TRIED; tried++) {
      const drawn = Float64Array.from(uniform(random, data.length));
      const along = drawn.map((value) => value / Math.sqrt(dot(drawn, drawn)));
      const central = async (h: number) => ((await lossAt(along, h)) - (await lossAt(along, -h))) / (2 * h);
      // Richardson extrapolation: the error of second order cancels.
      const slope = (4 * (await central(STEP / 2)) - (await central(STEP))) / 3;
      slopes[name].push({ along, slope });
    }
  }
  measured = { values, slopes };
  return measured;
}

export function gradientTests(backend: Verbs): void {
  test('the gradients are the slopes of the loss (finite differences)', async () => {
    const { values, slopes } = await measure();
    const memory = new GuardedMemory(backend);
    const { gradients } = await network(backend, memory, values, true);
    memory.release();
    for (const [name, tried] of Object.entries(slopes)) {
      const gradient = gradients[name];
      // The slopes have an error of 1e-10. The gradients have a few dozen float32 roundings of 6e-8 in two layers.
      const allowed = 1e-10 + 2e-6 * Math.sqrt(dot(gradient, gradient));
      for (const { along, slope } of tried) {
        const found = dot(gradient, along);
        assert.ok(
          Math.abs(found - slope) <= allowed,
          `${name}: the gradient along a direction is ${found}, the slope ${slope}; allowed ${allowed}`,
        );
      }
    }
  });

  test("the oracle's gradients equal the slopes to nine digits", async () => {
    const { values, slopes } = await measure();
    const { gradients } = await network(oracle, new PlainMemory(oracle), values, true);
    for (const [name, tried] of Object.entries(slopes)) {
      for (const { along, slope } of tried) {
        const error = Math.abs(dot(gradients[name], along) - slope);
        assert.ok(error <= 1e-10, `${name}: off by ${error}`);
      }
    }
  });
}
