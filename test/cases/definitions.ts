/**
 * The small verbs, computed again from their definitions in backend.ts. Finds errors that the oracle has too, which the
 * comparison with the oracle cannot find. The large verbs are compared with PyTorch and with finite differences.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random, threefry } from '#src/random.js';
import { pick, uniform } from './draw.js';
import { GuardedMemory } from './memory.js';
import { assertWithin } from './oracle/comparison.js';
import { backward, drawWeights, forward, lstmProblem, panels } from './oracle/lstm.js';
import type { Verbs } from './verbs.js';

const FEW = { units: 16, floor: 1, why: 'a few float32 operations on values near 1' };

export function definitionTests(backend: Verbs): void {
  // From kat_vectors of Random123, the library of Threefry's authors: threefry2x32, 20 rounds; counter, key, words.
  test('Threefry gives the words of its published test vectors', () => {
    const ones = 0xffffffff;
    assert.deepEqual(threefry(0, 0, 0, 0), [0x6b200159, 0x99ba4efe]);
    assert.deepEqual(threefry(ones, ones, ones, ones), [0x1cb996fc, 0xbb002be7]);
    const pi = threefry(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3);
    assert.deepEqual(pi, [0xc4923a9c, 0x483df7a0]);
  });

  test('dropout keeps the elements that its words select', async () => {
    const memory = new GuardedMemory(backend);
    for (const [width, rate] of [
      [1, 0.5],
      [2, 0.25],
      [5, 0.4],
      [64, 0.8],
      [65, 0.1],
    ]) {
      const [key, first, stream] = [[-3, 2 ** 31 - 1], 0xffffffff, 9];
      const values = memory.changed(new Float32Array(width).fill(3));
      const args = { rows: 1, width, values, rate, stream };
      await backend.dropout({ ...args, keys: memory.ints(key), offsets: memory.ints([first]) });
      const half = Math.ceil(width / 2);
      const expected = Array.from(values, (_, j) => {
        const counter = (first + (j % half)) % 2 ** 32;
        const word = threefry(key[0], key[1], counter, stream)[j < half ? 0 : 1];
        return word >= Math.floor(rate * 2 ** 32) ? Math.fround(3 * Math.fround(1 / (1 - rate))) : 0;
      });
      assert.deepEqual([...values], expected, `${width} at rate ${rate}`);
    }
    memory.release();
  });

  test('dropout keeps a word that equals the threshold', async () => {
    const memory = new GuardedMemory(backend);
    const word = threefry(1, 2, 3, 4)[0];
    const kept: boolean[] = [];
    for (const rate of [word / 2 ** 32, (word + 1) / 2 ** 32]) {
      const values = memory.changed([1]);
      const [keys, offsets] = [memory.ints([1, 2]), memory.ints([3])];
      await backend.dropout({ rows: 1, width: 1, values, rate, keys, offsets, stream: 4 });
      kept.push(values[0] !== 0);
    }
    assert.deepEqual(kept, [true, false]);
    memory.release();
  });

  test('copyRows overwrites or adds, with and without scales, in the given order', async () => {
    const move = async (scales: number[] | null, accumulate: boolean) => {
      const memory = new GuardedMemory(backend);
      const target = memory.changed([100, 200, 300, 400, 500, 600, 700]);
      await backend.copyRows({
        rows: 3,
        width: 2,
        source: memory.input([1, 2, 3, 4, 5]),
        sourceOffsets: memory.ints([0, 3, 1]),
        target,
        targetOffsets: memory.ints([5, 0, 1]),
        scales: scales && memory.input(scales),
        accumulate,
      });
      memory.check('copyRows');
      const moved = [...target];
      memory.release();
      return moved;
    };
    assert.deepEqual(await move(null, false), [4, 2, 3, 400, 500, 1, 2]);
    assert.deepEqual(await move([2, -1, 0.5], false), [-4, 1, 1.5, 400, 500, 2, 4]);
    assert.deepEqual(await move(null, true), [104, 207, 303, 400, 500, 601, 702]);
    assert.deepEqual(await move([2, -1, 0.5], true), [96, 196, 301.5, 400, 500, 602, 704]);
  });

  test('crossEntropy is minus the sum of the log-probabilities under the smoothed and weighted target', async () => {
    const [rows, classes] = [4, 6];
    const random = new Random(31);
    const weights = [0.5, 2, 1, 0, 3, 0.25];
    const settings = [0, 0.1, 0.5, 1].flatMap((smoothing) => [
      { labelSmoothing: smoothing, w: null },
      { labelSmoothing: smoothing, w: weights },
    ]);
    for (const { labelSmoothing, w } of settings) {
      const memory = new GuardedMemory(backend);
      const logits = memory.input(uniform(random, rows * classes, 3));
      const labels = memory.ints([5, 0, 3, 3]);
      const losses = memory.output(rows);
      const dLogits = memory.output(rows * classes);
      const gradientScale = 0.25;
      await backend.crossEntropy({
        rows,
        classes,
        logits,
        labels,
        labelSmoothing,
        classWeights: w && memory.input(w),
        losses,
        dLogits,
        gradientScale,
      });
      const wantedLosses: number[] = [];
      const wantedGradients: number[] = [];
      for (let b = 0; b < rows; b++) {
        const powers = [...logits.subarray(b * classes, (b + 1) * classes)].map(Math.exp);
        const sum = powers.reduce((total, power) => total + power);
        const targets = powers.map(
          (_, k) => (w?.[k] ?? 1) * ((k === labels[b] ? 1 - labelSmoothing : 0) + labelSmoothing / classes),
        );
        const all = targets.reduce((total, target) => total + target);
        wantedLosses.push(powers.reduce((loss, power, k) => loss - targets[k] * Math.log(power / sum), 0));
        wantedGradients.push(...powers.map((power, k) => gradientScale * ((all * power) / sum - targets[k])));
      }
      assertWithin('losses', losses, wantedLosses, FEW);
      assertWithin('dLogits', dLogits, wantedGradients, { ...FEW, floor: 0.1 });
      memory.release();
    }
  });

  test('add, sumSquares and matmul', async () => {
    const memory = new GuardedMemory(backend);
    const target = memory.changed([1, 2, -3]);
    await backend.add(target, memory.input([0.5, -2, 4]));
    assert.deepEqual([...target], [1.5, 0, 1]);
    assert.equal(await backend.sumSquares(memory.input([3, -4, 12])), 169);
    // Each square overflows float32, and its sum with the next needs more than 24 bits.
    assert.equal(await backend.sumSquares(memory.input([2 ** 70, 2 ** 50])), 2 ** 140 + 2 ** 100);
    const c = memory.output(4);
    await backend.matmul!({
      m: 2,
      n: 2,
      k: 3,
      a: memory.input([1, 2, 3, 4, 5, 6]),
      b: memory.input([7, 8, 9, 10, 11, 12]),
      c,
      scratch: memory.output(backend.linearScratchLength(2, 3, 2)),
    });
    assert.deepEqual([...c], [58, 64, 139, 154]);
    memory.release();
  });

  test('one step of one unit of the LSTM, by hand', async () => {
    const memory = new GuardedMemory(backend);
    const weights = {
      weightIh: Float32Array.of(0.5, -1, 2, 0.25),
      weightHh: Float32Array.of(9, 9, 9, 9),
      biasIh: Float32Array.of(0.125, 0, -0.5, 1),
      biasHh: Float32Array.of(0.125, 1, 0.25, -2),
    };
    const problem = {
      inputSize: 1,
      hiddenSize: 1,
      lengths: [1],
      rows: 1,
      reverse: false,
      outputStride: 1,
      outputColumn: 0,
      weights,
      inputs: Float32Array.of(0.75),
      dOutputs: Float32Array.of(2),
    };
    const run = await forward(backend, memory, problem, {
      panels: await panels(backend, memory, problem, true),
      gates: true,
    });
    const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
    const [i, f, g, o] = [sigmoid(0.625), sigmoid(0.25), Math.tanh(1.25), sigmoid(-0.8125)];
    const c = i * g;
    assertWithin('gates', run.gates!, [i, f, g, o], FEW);
    assertWithin('cells', run.cells, [c], FEW);
    assertWithin('outputs', run.outputs, [o * Math.tanh(c)], FEW);
    const zero = drawWeights(new Random(0), 1, 1);
    for (const tensor of Object.values(zero)) tensor.fill(0);
    const { dGates, dInputs, dWeights } = await backward(backend, memory, problem, run, {
      inputs: new Float32Array(1),
      weights: zero,
    });
    const dc = 2 * o * (1 - Math.tanh(c) ** 2);
    const dz = [dc * g * i * (1 - i), 0, dc * i * (1 - g * g), 2 * Math.tanh(c) * o * (1 - o)];
    assertWithin('dGates', dGates, dz, FEW);
    assertWithin('dInputs', dInputs!, [0.5 * dz[0] + 2 * dz[2] + 0.25 * dz[3]], FEW);
    const byInput = dz.map((value) => 0.75 * value);
    assertWithin('weightIh', dWeights.weightIh, byInput, FEW);
    // The state before the first step is zero, so the gradient of the recurrent weights is zero.
    assert.deepEqual([...dWeights.weightHh], [0, 0, 0, 0]);
    assertWithin('biasIh', dWeights.biasIh, dz, FEW);
    assertWithin('biasHh', dWeights.biasHh, dz, FEW);
    memory.release();
  });

  test('gradients are added to the contents of their buffers', async () => {
    const random = new Random(32);
    for (const [inputSize, hiddenSize] of [
      [3, 5],
      [17, 16],
    ]) {
      const memory = new GuardedMemory(backend);
      const direction = pick(random, [
        { reverse: false, outputStride: hiddenSize, outputColumn: 0 },
        { reverse: true, outputStride: 2 * hiddenSize, outputColumn: hiddenSize },
      ]);
      const problem = lstmProblem(random, inputSize, hiddenSize, [4, 3, 3, 1], direction);
      const options = { panels: await panels(backend, memory, problem, true), gates: true };
      const initial = {
        inputs: uniform(random, problem.rows * inputSize),
        weights: drawWeights(random, inputSize, hiddenSize),
      };
      const nothing = structuredClone(initial);
      for (const buffer of [nothing.inputs, ...Object.values(nothing.weights)]) buffer.fill(0);
      const from = async (start: typeof initial) => {
        const run = await forward(backend, memory, problem, options);
        return backward(backend, memory, problem, run, start);
      };
      const [alone, added] = [await from(nothing), await from(initial)];
      const expect = (what: string, start: Float32Array, gradient: Float32Array, sum: Float32Array) =>
        assertWithin(
          what,
          sum,
          start.map((value, n) => value + gradient[n]),
          FEW,
        );
      expect('dInputs', initial.inputs, alone.dInputs!, added.dInputs!);
      for (const tensor of ['weightIh', 'weightHh', 'biasIh', 'biasHh'] as const) {
        expect(tensor, initial.weights[tensor], alone.dWeights[tensor], added.dWeights[tensor]);
      }
      memory.release();
    }

    const memory = new GuardedMemory(backend);
    const dWeight = memory.changed([10, 20]);
    const dBias = memory.changed([30]);
    const dInputs = memory.changed([1, 1, 1, 1]);
    await backend.linearBackward({
      rows: 2,
      inputSize: 2,
      outputSize: 1,
      inputs: memory.input([1, 2, 3, 4]),
      weight: memory.input([5, 6]),
      scratch: memory.output(backend.linearScratchLength(2, 2, 1)),
      dOutputs: memory.input([1, 0.5]),
      dInputs,
      dWeight,
      dBias,
    });
    assert.deepEqual([...dWeight], [12.5, 24]);
    assert.deepEqual([...dBias], [31.5]);
    assert.deepEqual([...dInputs], [5, 6, 2.5, 3], 'dInputs of the head are overwritten');
    memory.release();
  });
}
