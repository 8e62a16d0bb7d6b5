/**
 * Protects the engine on a GPU: it trains and answers as the engine on the processor, gives the same bits however its
 * work is cut or interrupted, and says when a training diverges.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { UserError } from 'scanstroke';
import { shareArrays } from '#src/data/sequences/array-sequences.js';
import { Diverged, type Engine, type ModelState } from '#src/train/engine.js';
import { evaluatePart } from '#src/train/evaluation.js';
import { gpuOrSkip, testGpu } from '../../backends/webgpu/software-gpu.js';
import { waves } from '../examples.js';
import {
  bitsOf,
  epochOf,
  openOnGpu,
  openOnHost,
  results,
  type TestTraining,
  trainTwice,
  WAVES,
} from './engines.js';

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

async function using<R>(engine: Engine, use: (engine: Engine) => Promise<R>): Promise<R> {
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}

const { lengths: _, ...equal } = waves(90);
const trainings: Record<string, TestTraining & { tolerance?: number }> = {
  'sequences of one length, head flatten, both directions, clipping': {
    model: { head: 'flatten', sequenceLength: 9, bidirectional: true, numLayers: 2 },
    data: { kind: 'arrays', ...shareArrays({ ...equal, inputSize: 3 }, 2) },
    maxNorm: 0.05,
  },
  'head final, AdamW, label smoothing, dropout of layers and features': {
    model: { head: 'final', numLayers: 2, dropout: 0.2, layerDropout: 0.3 },
    optimizer: { name: 'adamw', lr: 1e-2, eps: 1e-4 },
    labelSmoothing: 0.1,
  },
  'weights of classes, label smoothing, a stack': {
    model: {},
    labelSmoothing: 0.1,
    classWeights: Float32Array.of(0.4, 2.5),
  },
  'weights of classes, several layers, clipping': {
    model: { head: 'final', numLayers: 2, bidirectional: true },
    maxNorm: 0.05,
    classWeights: Float32Array.of(3, 0.5),
  },
  'head mean, SGD with momentum': {
    model: { head: 'mean', hiddenSize: 20 },
    optimizer: { name: 'sgd', lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 1e-3 },
  },
  'SGD without vectors, batches of one': {
    model: {},
    optimizer: { name: 'sgd', lr: 0.1 },
    batchSize: 32,
  },
  // Activations are rounded to 11 bits, at other places than on the processor.
  'mixed precision': { model: { numLayers: 2, bidirectional: true }, precision: 'float16', tolerance: 5e-3 },
};

for (const [name, training] of Object.entries(trainings)) {
  // ε = 1e-4 keeps Adam from turning rounding errors of tiny gradients into whole steps.
  const tolerance = training.tolerance ?? 2e-5;
  test(`${name}: losses, answers and parameters are those of the processor`, async (t) => {
    if (!(await gpuOrSkip(t))) return;
    const onGpu = await using(await openOnGpu(training), (engine) => trainTwice(engine, training));
    const onHost = await using(await openOnHost(training), (engine) => trainTwice(engine, training));
    onHost.losses.forEach((loss, batch) => {
      assertNear(onGpu.losses[batch], loss, tolerance, `loss ${batch}`);
    });
    if (!training.tolerance) assert.deepEqual(onGpu.correct, onHost.correct);
    assert.deepEqual(onGpu.lossScale, onHost.lossScale);
    assertSameState(onGpu.state, onHost.state, tolerance);
  });
}

function assertNear(found: number, expected: number, tolerance: number, what: string): void {
  const bound = tolerance * Math.max(1, Math.abs(expected));
  assert.ok(Math.abs(found - expected) <= bound, `${what}: ${found}, expected ${expected}`);
}

function assertSameState(found: ModelState, expected: ModelState, tolerance: number): void {
  for (const kind of ['parameters', 'optimizer'] as const) {
    assert.deepEqual([...found[kind].keys()], [...expected[kind].keys()]);
    for (const [name, { data, shape }] of expected[kind]) {
      const tensor = found[kind].get(name)!;
      assert.deepEqual(tensor.shape, shape);
      data.forEach((value, n) => {
        assertNear(tensor.data[n], value, tolerance, `${name}[${n}]`);
      });
    }
  }
}

const cut: TestTraining = {
  model: { numLayers: 2, bidirectional: true, dropout: 0.2, layerDropout: 0.2 },
  maxNorm: 1,
  batchSize: 64,
};
/** Of an epoch of `cut`: 64 sequences and 26. */
const TWO_BATCHES = { endBatch: 2, learningRates: Float64Array.of(1e-2, 8e-3) };

test('a batch that is cut into passes gives the same bits', async (t) => {
  if (!(await gpuOrSkip(t))) return;
  const plan = () => epochOf(1, TWO_BATCHES);
  const train = async (memory?: number) =>
    using(await openOnGpu({ ...cut, memory }), async (engine) => {
      const { losses, correct } = await results(engine, plan());
      return { losses, correct, bits: bitsOf(await engine.save()) };
    });
  const whole = await train();
  // The smallest passes, for no memory is enough.
  assert.deepEqual(await train(1), whole);
});

test('a training that is stopped and taken up by another engine within an epoch gives the same bits', async (t) => {
  if (!(await gpuOrSkip(t))) return;
  const whole = await using(await openOnGpu(cut), async (engine) => {
    const { losses } = await results(engine, epochOf(3, TWO_BATCHES));
    return { losses: [...losses], bits: bitsOf(await engine.save()) };
  });
  const stopped = await using(await openOnGpu(cut), async (engine) => {
    const { losses } = await results(engine, epochOf(3, TWO_BATCHES), AbortSignal.abort());
    assert.equal(losses.length, 1, 'a stop ends it after the batch');
    return { losses: [...losses], state: await engine.save() };
  });
  const resumed = await using(await openOnGpu(cut), async (engine) => {
    await engine.load(stopped.state);
    const { losses } = await results(engine, epochOf(3, { ...TWO_BATCHES, firstBatch: 1, updatesBefore: 7 }));
    return { losses: [...stopped.losses, ...losses], bits: bitsOf(await engine.save()) };
  });
  assert.deepEqual(resumed, whole);
});

test('a training goes on on the processor, and back on the GPU', async (t) => {
  if (!(await gpuOrSkip(t))) return;
  const training: TestTraining = { model: { head: 'final' }, optimizer: { name: 'adamw', lr: 1e-2 } };
  const gpu = await openOnGpu(training);
  const host = await openOnHost(training);
  await using(gpu, () =>
    using(host, async () => {
      await results(gpu, epochOf(1));
      await host.load(await gpu.save());
      assert.deepEqual(bitsOf(await host.save()), bitsOf(await gpu.save()));
      await results(host, epochOf(2));
      await gpu.load(await host.save());
      assert.deepEqual(bitsOf(await gpu.save()), bitsOf(await host.save()));
      const { losses } = await results(gpu, epochOf(3));
      assert.ok(losses.every((loss) => loss < 0.8));
    }),
  );
});

test('a loss that is not finite ends the training before its update', async (t) => {
  if (!(await gpuOrSkip(t))) return;
  const training: TestTraining = { model: {}, optimizer: { name: 'sgd', lr: 1, weightDecay: 1e5 } };
  // The second step makes parameters infinite.
  const plan = epochOf(1, { learningRates: Float64Array.of(1e-2, 1e38, 1e-2) });
  const diverge = async (engine: Engine) => {
    const losses: number[] = [];
    try {
      for await (const part of engine.train(plan, new AbortController().signal)) losses.push(...part.losses);
    } catch (error) {
      assert.ok(error instanceof Diverged, String(error));
      return {
        batch: error.batch,
        quantity: error.quantity,
        losses: losses.length,
        state: await engine.save(),
      };
    }
    throw new assert.AssertionError({ message: `${engine.description} does not diverge: ${losses}` });
  };
  const onGpu = await using(await openOnGpu(training), diverge);
  const onHost = await using(await openOnHost(training), diverge);
  assert.deepEqual(
    [onGpu.batch, onGpu.quantity, onGpu.losses],
    [onHost.batch, onHost.quantity, onHost.losses],
  );
  assert.equal(onGpu.losses, onGpu.batch);
});

test('evaluation answers as the processor, in the order of the indices, also to parts of a pass', async (t) => {
  if (!(await gpuOrSkip(t))) return;
  const training: TestTraining = { model: { head: 'final', numLayers: 2, dropout: 0.5 } };
  const indices = Int32Array.from({ length: 77 }, (_, n) => (n * 31) % 90);
  const score = async (engine: Engine) => {
    const events = evaluatePart({
      engine,
      part: 'validation',
      indices,
      labels: WAVES.kind === 'arrays' ? WAVES.labels : [],
      classes: 2,
      stop: new AbortController().signal,
      event: { phase: 'evaluate', epoch: 0, learningRate: 0 },
      secondsAfter: 0,
    });
    let next = await events.next();
    while (!next.done) next = await events.next();
    return next.value!;
  };
  const onGpu = await using(await openOnGpu(training), score);
  const onHost = await using(await openOnHost(training), score);
  onHost.logits.forEach((logit, n) => {
    assertNear(onGpu.logits[n], logit, 1e-5, `logit ${n}`);
  });
  assertNear(onGpu.scores.loss, onHost.scores.loss, 1e-5, 'loss');
  assert.deepEqual(onGpu.scores.confusionMatrix, onHost.scores.confusionMatrix);
});

test('parameters of another architecture are refused, and nothing is changed', async (t) => {
  if (!(await gpuOrSkip(t))) return;
  await using(await openOnGpu({ model: {} }), async (engine) => {
    const before = bitsOf(await engine.save());
    const other = await using(await openOnHost({ model: { hiddenSize: 9 } }), (host) => host.save());
    await assert.rejects(engine.load(other), UserError);
    assert.deepEqual(bitsOf(await engine.save()), before);
  });
});

test('one call at a time', async (t) => {
  if (!(await gpuOrSkip(t))) return;
  await using(await openOnGpu({ model: {} }), async (engine) => {
    const running = engine.train(epochOf(1), new AbortController().signal)[Symbol.asyncIterator]();
    await running.next();
    await assert.rejects(engine.save(), /one call at a time/);
    await running.return?.();
    await engine.save();
  });
});
