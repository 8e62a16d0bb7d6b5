/** linearForward, linearBackward and matmul against the oracle. */

import { Random } from '#src/random.js';
import { pick, uniform } from '../draw.js';
import { accumulated, assertSameBits, type Case } from './comparison.js';

const ROWS = [1, 2, 3, 5, 6, 7, 12, 13, 31, 64, 65];
const INPUTS = [1, 2, 3, 4, 9, 28, 33, 64, 130, 1344];
const OUTPUTS = [1, 2, 3, 4, 10, 16, 17, 26, 47];
/** Numbers of rows around 256, the block length of the kernels' sums over rows. */
const MANY_ROWS = [255, 256, 257, 512, 600];

/** Every pair of rows and outputs; the inputs cycle through their values. */
function linearShapes(): { rows: number; inputSize: number; outputSize: number }[] {
  const shapes = Array.from({ length: ROWS.length * OUTPUTS.length }, (_, n) => ({
    rows: ROWS[n % ROWS.length],
    outputSize: OUTPUTS[n % OUTPUTS.length],
    inputSize: INPUTS[n % INPUTS.length],
  }));
  return [...shapes, ...MANY_ROWS.map((rows) => ({ rows, inputSize: 17, outputSize: 10 }))];
}

function linearCase(shape: { rows: number; inputSize: number; outputSize: number }, seed: number): Case {
  const { rows, inputSize, outputSize } = shape;
  const random = new Random(seed, 2);
  const values = {
    inputs: uniform(random, rows * inputSize),
    weight: uniform(random, outputSize * inputSize),
    bias: uniform(random, outputSize),
    dOutputs: uniform(random, rows * outputSize),
    dWeight: uniform(random, outputSize * inputSize),
    dBias: uniform(random, outputSize),
  };
  return {
    name: `linear: B ${rows}, F ${inputSize}, K ${outputSize}`,
    async run(backend, memory) {
      const inputs = memory.input(values.inputs);
      const weight = memory.input(values.weight);
      const outputs = memory.output(rows * outputSize);
      const scratchLength = backend.linearScratchLength(rows, inputSize, outputSize);
      const operands = { ...shape, inputs, weight };
      await backend.linearForward({
        ...operands,
        bias: memory.input(values.bias),
        outputs,
      });
      memory.check('linearForward');
      memory.freeze(outputs);

      const back = async (wantInputs: boolean) => {
        const gradients = {
          dInputs: wantInputs ? memory.output(rows * inputSize) : null,
          dWeight: memory.changed(values.dWeight),
          dBias: memory.changed(values.dBias),
        };
        await backend.linearBackward({
          ...operands,
          ...gradients,
          dOutputs: memory.input(values.dOutputs),
          scratch: memory.output(scratchLength),
        });
        memory.check('linearBackward');
        return gradients;
      };
      const { dInputs, dWeight, dBias } = await back(true);
      const without = await back(false);
      assertSameBits(without.dWeight, dWeight, 'dWeight without dInputs');
      assertSameBits(without.dBias, dBias, 'dBias without dInputs');
      // The gradient may overwrite the inputs.
      const inPlace = memory.changed(values.inputs);
      await backend.linearBackward({
        ...operands,
        inputs: inPlace,
        dInputs: inPlace,
        scratch: memory.output(scratchLength),
        dWeight: memory.changed(values.dWeight),
        dBias: memory.changed(values.dBias),
        dOutputs: memory.input(values.dOutputs),
      });
      memory.check('linearBackward');
      assertSameBits(inPlace, dInputs!, 'dInputs that overwrite the inputs');
      return { outputs, dInputs: dInputs!, dWeight, dBias };
    },
    tolerances: {
      outputs: { units: accumulated(inputSize), floor: 1, why: 'sums of F products' },
      dInputs: { units: accumulated(outputSize), floor: 1, why: 'sums of K products' },
      dWeight: { units: accumulated(rows), floor: 1, why: 'sums of B products' },
      dBias: { units: accumulated(rows), floor: 1, why: 'sums of B gradients' },
    },
  };
}

function matmulCase(m: number, n: number, k: number): Case {
  const random = new Random(m, n, k);
  const values = { a: uniform(random, m * k), b: uniform(random, k * n) };
  return {
    name: `matmul: M ${m}, N ${n}, K ${k}`,
    async run(backend, memory) {
      const c = memory.output(m * n);
      await backend.matmul!({
        m,
        n,
        k,
        a: memory.input(values.a),
        b: memory.input(values.b),
        c,
        scratch: memory.output(backend.linearScratchLength(m, k, n)),
      });
      memory.check('matmul');
      return { c };
    },
    tolerances: { c: { units: accumulated(k), floor: 1, why: 'sums of K products' } },
  };
}

export function linearCases(): Case[] {
  return linearShapes().map((shape, n) => linearCase(shape, n));
}

export function matmulCases(): Case[] {
  const random = new Random(0, 3);
  const sizes = [1, 2, 5, 6, 7, 8, 12, 15, 16, 17, 31, 33, 64, 97];
  return Array.from({ length: 40 }, () =>
    matmulCase(pick(random, sizes), pick(random, sizes), pick(random, [...sizes, 300, 700])),
  );
}
