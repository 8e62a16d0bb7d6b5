/**
 * The classifier through the public API: an example's logits and states are bit-identical for any other examples in the
 * batch, for any order, and for any padding.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Backend, type Head, SequenceClassifier } from 'scanstroke';
import { Random } from '#src/random.js';
import { uniform } from './draw.js';
import { accumulated, assertSameBits, assertWithin, oracle } from './oracle/comparison.js';
import type { AnyBackend } from './verbs.js';

const HEADS: readonly Head[] = ['flatten', 'final', 'last', 'mean'];
const [I, H, K, T] = [5, 11, 4, 8];
const EXAMPLES = 13;

interface Example {
  length: number;
  /** [length, I] */ inputs: Float32Array;
  label: number;
}

/** A padded batch; the padding is NaN. */
function batchOf(examples: Example[], steps: number) {
  const inputs = new Float32Array(examples.length * steps * I).fill(Number.NaN);
  examples.forEach((example, b) => {
    inputs.set(example.inputs, b * steps * I);
  });
  return {
    inputs,
    batchSize: examples.length,
    steps,
    lengths: Int32Array.from(examples, ({ length }) => length),
    labels: Int32Array.from(examples, ({ label }) => label),
  };
}

/** Compares a stepper with the forward pass of the sequence so far, after every step. */
export function stepperTests(backend: Backend): void {
  for (const head of ['final', 'last', 'mean'] as const) {
    test(`head ${head}: a stepper gives the logits of the sequence up to each step`, async () => {
      const config = { inputSize: I, hiddenSize: H, numLayers: 3, numClasses: K, head };
      const model = new SequenceClassifier(config, backend, { seed: 4 });
      const inputs = uniform(new Random(3, 1), T * I, 2);
      const stepper = model.stepper();
      for (let sequence = 0; sequence < 2; sequence++) {
        stepper.reset();
        for (let steps = 1; steps <= T; steps++) {
          stepper.peek(inputs.subarray(0, I));
          const peeked = stepper.peek(inputs.subarray((steps - 1) * I, steps * I));
          const logits = stepper.step(inputs.subarray((steps - 1) * I, steps * I));
          assertSameBits(peeked, logits, `peek after ${steps} steps`);
          const whole = await model.forward({ inputs: inputs.slice(0, steps * I), batchSize: 1, steps });
          assert.equal(stepper.steps, steps);
          if (head !== 'mean') assertSameBits(logits, whole.logits, `after ${steps} steps`);
          else {
            const why = 'the mean is summed in another order';
            assertWithin('logits', logits, whole.logits, { units: 8, floor: 1, why });
          }
        }
      }
    });
  }

  test('models without a stepper are refused', () => {
    const config = { inputSize: I, hiddenSize: H, numClasses: K };
    const bidirectional = new SequenceClassifier({ ...config, bidirectional: true }, backend);
    assert.throws(() => bidirectional.stepper(), /this one is bidirectional/);
    const flat = new SequenceClassifier({ ...config, head: 'flatten', sequenceLength: 4 }, backend);
    assert.throws(() => flat.stepper(), /unidirectional with head 'flatten'/);
    const stepper = new SequenceClassifier(config, backend).stepper();
    assert.throws(() => stepper.step(new Float32Array(I + 1)), /needs 5 values, got 6/);
  });
}

export function classifierTests(backend: AnyBackend): void {
  for (const head of HEADS) {
    const config = {
      inputSize: I,
      hiddenSize: H,
      numLayers: 2,
      bidirectional: true,
      numClasses: K,
      head,
      ...(head === 'flatten' && { sequenceLength: T }),
      dropout: 0.5,
    };
    const random = new Random(21);
    const examples = Array.from({ length: EXAMPLES }, (): Example => {
      const length = 1 + random.below(T);
      return { length, inputs: uniform(random, length * I, 2), label: random.below(K) };
    });

    test(`head ${head}: logits and states are the same alone and in any batch`, async () => {
      const model = new SequenceClassifier(config, backend, { seed: 3 });
      const run = (chosen: Example[], steps: number) =>
        model.forward(batchOf(chosen, steps), { states: true });
      const alone = await Promise.all(examples.map((example) => run([example], example.length)));
      for (let company = 0; company < 6; company++) {
        const order = random.shuffle(Array.from({ length: EXAMPLES }, (_, n) => n));
        const chosen = order.slice(0, company === 0 ? EXAMPLES : 2 + random.below(EXAMPLES - 2));
        const { logits, hN, cN, outputs } = await run(
          chosen.map((n) => examples[n]),
          T,
        );
        chosen.forEach((n, b) => {
          const where = `example ${n}, number ${b + 1} of ${chosen.length}`;
          assertSameBits(logits.slice(b * K, (b + 1) * K), alone[n].logits, `logits of ${where}`);
          for (let state = 0; state < 4; state++) {
            const own = (values: Float32Array, count: number, at: number) =>
              values.slice((state * count + at) * H, (state * count + at + 1) * H);
            assertSameBits(own(hN!, chosen.length, b), own(alone[n].hN!, 1, 0), `h_n of ${where}`);
            assertSameBits(own(cN!, chosen.length, b), own(alone[n].cN!, 1, 0), `c_n of ${where}`);
          }
          const row = outputs!.slice(b * T * 2 * H, (b + 1) * T * 2 * H);
          const end = examples[n].length * 2 * H;
          assertSameBits(row.slice(0, end), alone[n].outputs!, `outputs of ${where}`);
          assert.ok(
            row.subarray(end).every((value) => value === 0),
            `outputs past the end of ${where}`,
          );
        });
      }
    });

    test(`head ${head}: the linear layer reads the documented features`, async () => {
      const model = new SequenceClassifier(config, backend, { seed: 6 });
      const { logits, outputs, hN } = await model.forward(batchOf(examples, T), { states: true });
      const parameters = await model.stateDict();
      const weight = parameters.get('fc.weight')!.data;
      const bias = parameters.get('fc.bias')!.data;
      const width = 2 * H;
      examples.forEach(({ length }, b) => {
        const steps = outputs!.subarray(b * T * width, (b + 1) * T * width);
        // [L·D, B, H]: the two directions of the last layer are at the end.
        const finals = [0, 1, 2, 3].map((n) =>
          hN!.subarray((n * EXAMPLES + b) * H, (n * EXAMPLES + b + 1) * H),
        );
        const mean = Array.from({ length: width }, (_, j) => {
          let sum = 0;
          for (let t = 0; t < length; t++) sum += steps[t * width + j];
          return sum / length;
        });
        const features = {
          flatten: [...steps],
          final: finals.flatMap((state) => [...state]),
          last: finals.slice(2).flatMap((state) => [...state]),
          mean,
        }[head];
        const wanted = Array.from(bias, (start, k) =>
          features.reduce((sum, value, f) => sum + value * weight[k * features.length + f], start),
        );
        const units = accumulated(features.length);
        const row = logits.subarray(b * K, (b + 1) * K);
        assertWithin('logits', row, wanted, { units, floor: 1, why: 'sums of F products' });
      });
    });

    test(`head ${head}: more padding does not change the loss and the gradients`, async () => {
      const model = new SequenceClassifier(config, backend, { seed: 3 });
      const short = examples.filter(({ length }) => length < T);
      const [tight, wide] = [T - 1, T];
      const options = { inputGradient: true, labelSmoothing: 0.1, dropoutSeed: 5 };
      const [narrow, padded] = [
        await model.gradients(batchOf(short, tight), options),
        await model.gradients(batchOf(short, wide), options),
      ];
      assert.equal(padded.loss, narrow.loss);
      for (const [name, { data }] of narrow.gradients) {
        assertSameBits(padded.gradients.get(name)!.data, data, `gradient of ${name}`);
      }
      short.forEach(({ length }, b) => {
        const row = (values: Float32Array, steps: number) =>
          values.slice(b * steps * I, (b * steps + length) * I);
        const [got, want] = [row(padded.inputGradient!, wide), row(narrow.inputGradient!, tight)];
        assertSameBits(got, want, `input gradient of example ${b}`);
        const past = padded.inputGradient!.slice((b * wide + length) * I, (b + 1) * wide * I);
        assert.ok(
          past.every((value) => value === 0),
          'input gradient past the end',
        );
      });
    });

    test(`head ${head}: gradients under dropout are the slopes of the loss`, async () => {
      const dropping = { ...config, numLayers: 3, dropout: 0.3, layerDropout: 0.3 };
      const options = { inputGradient: true, labelSmoothing: 0.1, dropoutSeed: 5 };
      const batch = batchOf(examples, T);
      const model = new SequenceClassifier(dropping, backend, { seed: 4 });
      const { gradients, inputGradient } = await model.gradients(batch, options);

      // Slopes are measured on the oracle: float64 arithmetic; parameters and their changes are float32.
      const truth = new SequenceClassifier(dropping, oracle);
      const start = await model.stateDict();
      const lossAt = async (moved: typeof start, inputs: Float32Array) => {
        await truth.loadStateDict(moved);
        return (await truth.gradients({ ...batch, inputs }, options)).loss;
      };
      const compare = async (
        name: string,
        data: Float32Array,
        gradient: Float32Array,
        loss: (values: Float32Array) => Promise<number>,
      ) => {
        const along = uniform(random, data.length, 2 ** -8);
        const [up, down] = [
          data.map((value, n) => value + along[n]),
          data.map((value, n) => value - along[n]),
        ];
        const difference = (await loss(up)) - (await loss(down));
        let expected = 0;
        let size = 0;
        for (let n = 0; n < data.length; n++) {
          if (Number.isNaN(data[n])) continue;
          expected += gradient[n] * (up[n] - down[n]);
          size += (gradient[n] * (up[n] - down[n])) ** 2;
        }
        // Errors: 1e-6 of float32 gradients; the square of the difference, 1.5e-5, of the central difference.
        const allowed = 1e-4 * Math.sqrt(size) + 1e-9;
        assert.ok(
          Math.abs(difference - expected) <= allowed,
          `${name}: the loss changes by ${difference}, the gradient says ${expected}; allowed ${allowed}`,
        );
      };
      for (const [name, { shape, data }] of start) {
        await compare(name, data, gradients.get(name)!.data, (values) =>
          lossAt(new Map(start).set(name, { shape, data: values }), batch.inputs),
        );
      }
      await compare('inputs', batch.inputs, inputGradient!, (values) => lossAt(start, values));
    });
  }
}
