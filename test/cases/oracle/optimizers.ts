/**
 * The optimiser verbs: against the oracle with many settings and lengths; and through `createOptimizer` against six
 * updates of PyTorch's float32 optimisers, with PyTorch's gradient norms and clipping.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Backend, createOptimizer, type OptimizerConfig, type StateDict } from 'scanstroke';
import { Random } from '#src/random.js';
import { clipScale } from '#src/train/optimizer.js';
import { uniform } from '../draw.js';
import { type GoldenCase, goldenCases, goldenTensor, goldenTensors } from '../golden-file.js';
import type { Memory } from '../memory.js';
import type { Verbs } from '../verbs.js';
import { assertWithin, type Case, type Tolerance } from './comparison.js';

const LENGTHS = [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 1003];
const SUM: Tolerance = { units: 8, floor: 0.1, why: 'a handful of float32 operations on values near 1' };

/** Gradients of usual sizes, and some whose squares are tiny or zero. */
function drawGradients(random: Random, length: number): Float32Array {
  return uniform(random, length).map((value, n) => value * [1, 1, 1e-3, 10, 0][n % 5]);
}

function updateCase(
  name: string,
  length: number,
  run: (
    backend: Verbs,
    buffers: Record<'parameters' | 'gradients' | 'first' | 'second', Float32Array>,
  ) => Promise<void>,
): Case {
  const random = new Random(length, name.length);
  const values = {
    parameters: uniform(random, length),
    gradients: drawGradients(random, length),
    first: uniform(random, length),
    // A mean of squares is not negative.
    second: uniform(random, length).map((value) => value * value),
  };
  return {
    name: `${name}: ${length} floats`,
    async run(backend, memory: Memory) {
      const parameters = memory.changed(values.parameters);
      const gradients = memory.input(values.gradients);
      const first = memory.changed(values.first);
      const second = memory.changed(values.second);
      await run(backend, { parameters, gradients, first, second });
      memory.check(name);
      return { parameters, first, second };
    },
    tolerances: { parameters: SUM, first: SUM, second: SUM },
  };
}

export function optimizerCases(): Case[] {
  const cases: Case[] = [];
  for (const length of LENGTHS) {
    const shared = { learningRate: 0.05, gradientScale: 0.7 };
    for (const [momentum, nesterov] of [[0, false] as const, [0.9, false] as const, [0.8, true] as const]) {
      for (const weightDecay of [0, 0.01]) {
        const name = `sgd, momentum ${momentum}${nesterov ? ' (Nesterov)' : ''}, weight decay ${weightDecay}`;
        cases.push(
          updateCase(name, length, async (backend, { parameters, gradients, first }) => {
            const velocity = momentum === 0 ? null : first;
            const settings = { ...shared, velocity, momentum, nesterov, weightDecay };
            await backend.sgd({ ...settings, parameters, gradients });
          }),
        );
      }
    }
    for (const decoupled of [false, true]) {
      for (const update of [1, 2, 1000]) {
        const name = `${decoupled ? 'adamw' : 'adam'}, update ${update}`;
        cases.push(
          updateCase(
            name,
            length,
            async (backend, { parameters, gradients, first: mean, second: variance }) => {
              const settings = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.1, decoupled, update };
              await backend.adam({ ...shared, ...settings, parameters, gradients, mean, variance });
            },
          ),
        );
      }
    }
  }
  return cases;
}

/** Converts settings from cases.json to the API's names. */
export function optimizerConfig(settings: GoldenCase): OptimizerConfig {
  const { optimizer: name, weight_decay: weightDecay, lr, momentum, nesterov, betas, eps } = settings;
  return { name, lr, momentum, nesterov, betas, eps, weightDecay } as OptimizerConfig;
}

export function optimizerTests(backend: Backend): void {
  for (const golden of goldenCases('optimizer')) {
    test(`${golden.file}: six updates match PyTorch`, async () => {
      const tensors = goldenTensors(golden.file);
      const named = (suffix: string, prefix = ''): StateDict =>
        new Map(
          ['p', 'q'].map((name) => {
            const { shape, values } = goldenTensor(tensors, `${prefix}${name}.${suffix}`);
            return [name, { shape, data: Float32Array.from(values) }];
          }),
        );
      const parameters = named('0');
      const optimizer = createOptimizer(optimizerConfig(golden), backend);
      const norms = golden.grad_norms as number[];
      for (const [n, lr] of (golden.lrs as number[]).entries()) {
        const gradients = named(`${n + 1}`, 'grad.');
        let gradientScale = 1;
        if (golden.clip_max_norm !== null) {
          let squares = 0;
          for (const { data } of gradients.values()) {
            const buffer = backend.allocate(data.length);
            buffer.set(data);
            squares += await backend.sumSquares(buffer);
            backend.release(buffer);
          }
          const norm = Math.sqrt(squares);
          assertWithin('norm', [norm], [norms[n]], { units: 8, why: "PyTorch's norm is a float32 sum" });
          gradientScale = clipScale(norm, golden.clip_max_norm as number);
        }
        optimizer.lr = lr;
        await optimizer.step(parameters, gradients, { gradientScale });
        for (const [name, { data }] of named(`${n + 1}`)) {
          const units = 2 + 3 * (n + 1);
          const why = 'both are float32 and round a parameter up to three times per update';
          const got = parameters.get(name)!.data;
          assertWithin(`${name} after update ${n + 1}`, got, data, { units, floor: 1, why }, golden.file);
        }
      }
    });
  }

  test('updates do not change parameters with a zero gradient', async () => {
    const config: OptimizerConfig[] = [{ name: 'sgd', momentum: 0.9 }, { name: 'adam' }];
    for (const { name, momentum } of config) {
      const parameters: StateDict = new Map([['w', { shape: [3], data: Float32Array.of(1, -2, 1e-40) }]]);
      const zero: StateDict = new Map([['w', { shape: [3], data: new Float32Array(3) }]]);
      await createOptimizer({ name, momentum }, backend).step(parameters, zero);
      assert.deepEqual([...parameters.get('w')!.data.subarray(0, 2)], [1, -2]);
    }
  });
}
