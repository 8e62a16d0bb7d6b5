/**
 * A sequence's result does not depend on its batch: it is bit-identical alone and with any other sequences, at any
 * position, even if the others are NaN. So batches can be divided into shards in any way. The same holds for the rows of
 * the head, the loss and their gradients.
 */

import { test } from 'node:test';
import { Random } from '#src/random.js';
import { batchSizesOf, uniform } from './draw.js';
import { GuardedMemory } from './memory.js';
import { assertSameBits } from './oracle/comparison.js';
import {
  backward,
  drawWeights,
  forward,
  type LstmProblem,
  numbers,
  ownColumns,
  panels,
} from './oracle/lstm.js';
import type { Verbs } from './verbs.js';

const SHAPES = [
  { inputSize: 1, hiddenSize: 1 },
  { inputSize: 3, hiddenSize: 5 },
  { inputSize: 28, hiddenSize: 16 },
  { inputSize: 9, hiddenSize: 24 },
  { inputSize: 64, hiddenSize: 33 },
  { inputSize: 4, hiddenSize: 100 },
  { inputSize: 130, hiddenSize: 128 },
];
const SEQUENCES = 15;
const LONGEST = 6;
const COMPANIES = 8;

interface Sequence {
  length: number;
  /** [length, I] */ inputs: Float32Array;
  /** [length, H] */ dOutputs: Float32Array;
}

/** Results of one sequence, step by step. */
interface Outcome {
  outputs: Float32Array;
  cells: Float32Array;
  gates: Float32Array;
  dGates: Float32Array;
  dInputs: Float32Array;
}

/** Packs [length, width] of every sequence into [N, width]. Sequences are sorted longest first. */
function pack(batch: Sequence[], of: (sequence: Sequence) => Float32Array, width: number): Float32Array {
  const rows: number[] = [];
  batchSizesOf(batch.map(({ length }) => length)).forEach((size, t) => {
    for (const sequence of batch.slice(0, size)) {
      rows.push(...of(sequence).subarray(t * width, (t + 1) * width));
    }
  });
  return Float32Array.from(rows);
}

/** The rows of sequence `b` of [N, width]. */
function unpack(lengths: number[], b: number, values: Float32Array, width: number): Float32Array {
  const own: number[] = [];
  let row = 0;
  for (const size of batchSizesOf(lengths)) {
    if (b < size) own.push(...values.subarray((row + b) * width, (row + b + 1) * width));
    row += size;
  }
  return Float32Array.from(own);
}

/** Runs a batch forward and backward; returns the results of each sequence. */
async function runBatch(
  backend: Verbs,
  shape: { inputSize: number; hiddenSize: number; reverse: boolean },
  weights: LstmProblem['weights'],
  batch: Sequence[],
): Promise<Outcome[]> {
  const { inputSize, hiddenSize } = shape;
  const lengths = batch.map(({ length }) => length);
  const rows = lengths.reduce((sum, length) => sum + length, 0);
  const problem: LstmProblem = {
    ...shape,
    lengths,
    rows,
    outputStride: hiddenSize,
    outputColumn: 0,
    weights,
    inputs: pack(batch, ({ inputs }) => inputs, inputSize),
    dOutputs: pack(batch, ({ dOutputs }) => dOutputs, hiddenSize),
  };
  const memory = new GuardedMemory(backend);
  const run = await forward(backend, memory, problem, {
    panels: await panels(backend, memory, problem, true),
    gates: true,
  });
  const gates = numbers(run.gates!);
  const none = (length: number) => new Float32Array(length);
  const initial = {
    inputs: none(rows * inputSize),
    weights: {
      weightIh: none(4 * hiddenSize * inputSize),
      weightHh: none(4 * hiddenSize * hiddenSize),
      biasIh: none(4 * hiddenSize),
      biasHh: none(4 * hiddenSize),
    },
  };
  const { dInputs, dGates } = await backward(backend, memory, problem, run, initial);
  const outcomes = batch.map((_, b) => ({
    outputs: unpack(lengths, b, ownColumns(problem, run.outputs), hiddenSize),
    cells: unpack(lengths, b, numbers(run.cells), hiddenSize),
    gates: unpack(lengths, b, gates, 4 * hiddenSize),
    dGates: unpack(lengths, b, numbers(dGates), 4 * hiddenSize),
    dInputs: unpack(lengths, b, dInputs!, inputSize),
  }));
  memory.release();
  return outcomes;
}

function lstmTests(backend: Verbs): void {
  for (const { inputSize, hiddenSize } of SHAPES) {
    for (const reverse of [false, true]) {
      const name = `lstm: H ${hiddenSize}, I ${inputSize}, ${reverse ? 'reverse' : 'forwards'}`;
      test(`${name}: a sequence has the same bits alone and in any batch`, async () => {
        const shape = { inputSize, hiddenSize, reverse };
        const random = new Random(hiddenSize, inputSize);
        const weights = drawWeights(random, inputSize, hiddenSize);
        const sequences = Array.from({ length: SEQUENCES }, (): Sequence => {
          const length = 1 + random.below(LONGEST);
          return {
            length,
            inputs: uniform(random, length * inputSize, 2),
            dOutputs: uniform(random, length * hiddenSize),
          };
        });
        const alone: Outcome[] = [];
        for (const sequence of sequences)
          alone.push((await runBatch(backend, shape, weights, [sequence]))[0]);
        for (let company = 0; company < COMPANIES; company++) {
          const order = random.shuffle(Array.from({ length: SEQUENCES }, (_, n) => n));
          const chosen = order.slice(0, company === 0 ? SEQUENCES : 2 + random.below(SEQUENCES - 2));
          // Every second batch contains NaN sequences, whose results are not checked.
          const poisoned = new Set(company % 2 === 1 ? chosen.filter((_, n) => n % 3 === 0) : []);
          const batch = chosen
            .sort((a, b) => sequences[b].length - sequences[a].length)
            .map((n) => {
              const sequence = sequences[n];
              if (!poisoned.has(n)) return sequence;
              const nan = (values: Float32Array) => values.map(() => Number.NaN);
              return { ...sequence, inputs: nan(sequence.inputs), dOutputs: nan(sequence.dOutputs) };
            });
          const outcomes = await runBatch(backend, shape, weights, batch);
          chosen.forEach((n, b) => {
            if (poisoned.has(n)) return;
            for (const [what, values] of Object.entries(outcomes[b])) {
              const where = `${what} of sequence ${n}, number ${b + 1} of ${batch.length}`;
              assertSameBits(values, alone[n][what as keyof Outcome], where);
            }
          });
        }
      });
    }
  }
}

function headTests(backend: Verbs): void {
  const rows = 14;
  for (const [inputSize, outputSize] of [
    [1, 2],
    [7, 3],
    [33, 10],
    [130, 17],
    [300, 47],
  ]) {
    test(`head: F ${inputSize}, K ${outputSize}: a row has the same bits alone and in any batch`, async () => {
      const random = new Random(inputSize, outputSize);
      const weight = uniform(random, outputSize * inputSize);
      const bias = uniform(random, outputSize);
      const examples = Array.from({ length: rows }, () => ({
        inputs: uniform(random, inputSize),
        dOutputs: uniform(random, outputSize),
        label: random.below(outputSize),
      }));
      const runRows = async (chosen: typeof examples) => {
        const memory = new GuardedMemory(backend);
        const count = chosen.length;
        const join = (parts: Float32Array[]) => memory.input(parts.flatMap((part) => [...part]));
        const inputs = join(chosen.map((example) => example.inputs));
        const scratch = memory.output(backend.linearScratchLength(count, inputSize, outputSize));
        const linear = { rows: count, inputSize, outputSize, inputs, weight: memory.input(weight), scratch };
        const outputs = memory.output(count * outputSize);
        await backend.linearForward({ ...linear, bias: memory.input(bias), outputs });
        const dInputs = memory.output(count * inputSize);
        await backend.linearBackward({
          ...linear,
          dOutputs: join(chosen.map((example) => example.dOutputs)),
          dInputs,
          dWeight: memory.changed(new Float32Array(weight.length)),
          dBias: memory.changed(new Float32Array(bias.length)),
        });
        const losses = memory.output(count);
        const dLogits = memory.output(count * outputSize);
        await backend.crossEntropy({
          rows: count,
          classes: outputSize,
          logits: outputs,
          labels: memory.ints(chosen.map(({ label }) => label)),
          labelSmoothing: 0.1,
          losses,
          dLogits,
          gradientScale: 1 / 7,
        });
        memory.check('the head');
        const results = chosen.map((_, b) => ({
          outputs: outputs.slice(b * outputSize, (b + 1) * outputSize),
          dInputs: dInputs.slice(b * inputSize, (b + 1) * inputSize),
          loss: losses.slice(b, b + 1),
          dLogits: dLogits.slice(b * outputSize, (b + 1) * outputSize),
        }));
        memory.release();
        return results;
      };
      const alone: Awaited<ReturnType<typeof runRows>> = [];
      for (const example of examples) alone.push((await runRows([example]))[0]);
      for (let company = 0; company < COMPANIES; company++) {
        const order = random.shuffle(Array.from({ length: rows }, (_, n) => n));
        const chosen = order.slice(0, company === 0 ? rows : 2 + random.below(rows - 2));
        (await runRows(chosen.map((n) => examples[n]))).forEach((result, b) => {
          for (const [what, values] of Object.entries(result)) {
            const where = `${what} of row ${chosen[b]}, number ${b + 1} of ${chosen.length}`;
            assertSameBits(values, alone[chosen[b]][what as keyof typeof result], where);
          }
        });
      }
    });
  }
}

export function independenceTests(backend: Verbs): void {
  lstmTests(backend);
  headTests(backend);
}
