/** Protects optimisers for named tensors: defaults, errors and state. test/cases/oracle/optimizers.ts tests the arithmetic. */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createOptimizer, type OptimizerConfig, openBackend, type StateDict, UserError } from 'scanstroke';
import { openReference } from '#src/backends/reference/reference.js';
import { Random } from '#src/random.js';
import { clipScale, optimizerStateNames, resolveOptimizer, updateSlice } from '#src/train/optimizer.js';

function tensors(seed: number): StateDict {
  const random = new Random(seed);
  const draw = (...shape: number[]) => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.uniform() - 0.5),
  });
  return new Map([
    ['fc.weight', draw(3, 4)],
    ['fc.bias', draw(3)],
  ]);
}

const everyKind: OptimizerConfig[] = [
  { name: 'sgd', lr: 0.1 },
  { name: 'sgd', lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.01 },
  { name: 'adam', lr: 0.1 },
  { name: 'adamw', lr: 0.1, betas: [0.8, 0.9], eps: 1e-6 },
];

const values = (parameters: StateDict) => [...parameters.values()].map(({ data }) => [...data]);

suite('optimizers', () => {
  test("defaults are PyTorch's", () => {
    const shared = { lr: 1e-3, momentum: 0, nesterov: false, betas: [0.9, 0.999], eps: 1e-8 };
    assert.deepEqual(resolveOptimizer({ name: 'sgd' }), { name: 'sgd', ...shared, weightDecay: 0 });
    assert.deepEqual(resolveOptimizer({ name: 'adam' }), { name: 'adam', ...shared, weightDecay: 0 });
    assert.deepEqual(resolveOptimizer({ name: 'adamw' }), { name: 'adamw', ...shared, weightDecay: 0.01 });
  });

  test('values out of range and options without an effect are refused', () => {
    const refused: [config: unknown, message: RegExp][] = [
      [{ name: 'rmsprop' }, /optimizer: unknown name "rmsprop"; use sgd, adam, adamw/],
      [{ name: 'sgd', lr: -1 }, /optimizer sgd: lr must be a number of at least 0, got -1/],
      [{ name: 'sgd', lr: Number.NaN }, /lr must be a number of at least 0, got NaN/],
      [{ name: 'sgd', momentum: -0.1 }, /momentum must be a number of at least 0, got -0.1/],
      [{ name: 'sgd', weightDecay: -1 }, /weightDecay must be a number of at least 0, got -1/],
      [{ name: 'sgd', lr: '0.1' }, /lr must be a number of at least 0, got "0.1"/],
      [{ name: 'sgd', momentum: '0.9' }, /momentum must be a number of at least 0, got "0.9"/],
      [{ name: 'sgd', weightDecay: '0.5' }, /weightDecay must be a number of at least 0, got "0.5"/],
      [{ name: 'sgd', momentum: 0.9, nesterov: 'false' }, /nesterov must be true or false, got "false"/],
      [{ name: 'adam', betas: ['0.9', 0.9] }, /betas\[0\] must be at least 0 and below 1, got "0.9"/],
      [{ name: 'sgd', nesterov: true }, /nesterov needs a momentum above 0, got 0; set momentum/],
      [{ name: 'adam', betas: [1, 0.9] }, /betas\[0\] must be at least 0 and below 1, got 1/],
      [{ name: 'adam', betas: [0.9, -1] }, /betas\[1\] must be at least 0 and below 1, got -1/],
      [{ name: 'adamw', eps: -1 }, /optimizer adamw: eps must be a number of at least 0, got -1/],
      [
        { name: 'adam', learningRate: 0.5 },
        /optimizer: there is no option "learningRate"; did you mean lr\?/,
      ],
      ['adam', /optimizer: expected an object with name, lr, .*, found "adam"/],
      [{ name: 'adam', momentum: 0.9 }, /optimizer adam: has no momentum, which belongs to sgd/],
      [{ name: 'adam', nesterov: true }, /has no nesterov/],
      [{ name: 'sgd', betas: [0.9, 0.99] }, /optimizer sgd: has no betas, which belongs to adam/],
      [{ name: 'sgd', eps: 1e-6 }, /has no eps/],
    ];
    for (const [config, message] of refused) {
      assert.throws(
        () => createOptimizer(config as OptimizerConfig),
        (error) => error instanceof UserError && message.test(error.message),
        `${JSON.stringify(config)} → ${message}`,
      );
    }
    // An option of another optimiser is accepted with its default value.
    createOptimizer({ name: 'adam', momentum: 0, nesterov: false });
  });

  test('tensors that do not fit together are refused without any change', async () => {
    const parameters = tensors(1);
    const before = values(parameters);
    const without = tensors(2);
    without.delete('fc.bias');
    const extra = tensors(2).set('fc.scale', { shape: [1], data: new Float32Array(1) });
    const other = tensors(2).set('fc.weight', { shape: [4, 3], data: new Float32Array(12) });
    const short = tensors(2).set('fc.bias', { shape: [3], data: new Float32Array(2) });
    const optimizer = createOptimizer({ name: 'adam' });
    const refused: [StateDict, string][] = [
      [without, 'optimizer.step: gradients must hold every parameter; fc.bias [3] is missing'],
      [extra, 'optimizer.step: gradients hold fc.scale, which is not among the parameters'],
      [other, 'parameter fc.weight is [3, 4] with 12 values, but in gradients it is [4, 3] with 12'],
      [short, 'parameter fc.bias is [3] with 3 values, but in gradients it is [3] with 2'],
    ];
    for (const [gradients, message] of refused) {
      await assert.rejects(
        optimizer.step(parameters, gradients),
        (error) => error instanceof UserError && error.message.includes(message),
        message,
      );
    }
    assert.deepEqual(values(parameters), before);
    assert.equal(optimizer.stateDict().step, 0);
    for (const gradientScale of [JSON.parse('"1"'), Number.NaN]) {
      const scaled = optimizer.step(parameters, tensors(2), { gradientScale });
      await assert.rejects(scaled, /gradientScale must be a finite number, got (?:"1"|NaN)/);
    }
    assert.deepEqual(values(parameters), before);
    await optimizer.step(parameters, tensors(2));
    await assert.rejects(optimizer.step(extra, extra), /its mean must hold every parameter; fc.scale/);
  });

  for (const config of everyKind) {
    const { name, momentum } = config;
    test(`${name}${momentum ? ' with momentum' : ''}: after saving and loading, updates are bit-identical`, async () => {
      const straight = tensors(1);
      const first = createOptimizer(config);
      for (let n = 0; n < 3; n++) await first.step(straight, tensors(10 + n));
      first.lr = 0.05;
      const saved = first.stateDict();
      const interrupted = new Map(
        [...straight].map(([key, { shape, data }]) => [key, { shape, data: data.slice() }]),
      );
      for (let n = 3; n < 6; n++) await first.step(straight, tensors(10 + n));

      const second = createOptimizer(config);
      second.loadStateDict(saved);
      assert.equal(second.lr, 0.05);
      for (let n = 3; n < 6; n++) await second.step(interrupted, tensors(10 + n));
      assert.deepEqual(values(interrupted), values(straight));
      assert.deepEqual(second.stateDict(), first.stateDict());
    });

    test(`${name}${momentum ? ' with momentum' : ''}: an update of a slice of a flat vector gives the same bits`, async () => {
      const backend = openReference();
      const [parameters, gradients] = [tensors(1), tensors(2)];
      const flat = (of: StateDict) => Float32Array.from([...of.values()].flatMap(({ data }) => [...data]));
      const vector = { parameters: flat(parameters), gradients: flat(gradients) };
      const state = optimizerStateNames(config).map(() => backend.allocate(15));
      const optimizer = createOptimizer(config, backend);
      optimizer.lr = 0.02;
      for (let update = 1; update <= 3; update++) {
        await optimizer.step(parameters, gradients, { gradientScale: 0.5 });
        for (const [from, to] of [
          [0, 4],
          [4, 15],
        ]) {
          updateSlice(backend, resolveOptimizer(config), {
            parameters: vector.parameters.subarray(from, to),
            gradients: vector.gradients.subarray(from, to),
            state: state.map((buffer) => buffer.subarray(from, to)),
            lr: 0.02,
            gradientScale: 0.5,
            update,
          });
        }
      }
      assert.deepEqual([...vector.parameters], values(parameters).flat());
    });
  }

  test('a state of another optimiser is refused', async () => {
    const optimizer = createOptimizer({ name: 'sgd', momentum: 0.9 });
    await optimizer.step(tensors(1), tensors(2));
    const state = optimizer.stateDict();
    assert.deepEqual([...state.tensors.keys()], ['velocity.fc.weight', 'velocity.fc.bias']);
    const refused: [OptimizerConfig, typeof state, RegExp][] = [
      [{ name: 'adam' }, state, /optimizer adam: cannot load the state of optimizer sgd/],
      [{ name: 'sgd' }, state, /the state holds velocity.fc.weight, but this optimizer keeps no tensors/],
      [{ name: 'sgd', momentum: 0.9 }, { ...state, step: -1 }, /step must be a whole number .* got -1/],
    ];
    const sgd = { name: 'sgd', momentum: 0.9 } as const;
    const bias = { shape: [3], data: new Float32Array(2) };
    const short = { ...state, tensors: new Map(state.tensors).set('velocity.fc.bias', bias) };
    refused.push([sgd, short, /velocity.fc.bias is \[3\] with 2 values, but must have 3/]);
    refused.push([
      sgd,
      { ...state, tensors: Object({}) },
      /the state's tensors: expected a Map of tensors by name/,
    ]);
    const mean: StateDict = new Map([['mean.w', { shape: [1], data: new Float32Array(1) }]]);
    const half = { name: 'adam', step: 1, lr: 1, tensors: mean } as const;
    refused.push([{ name: 'adam' }, half, /the state holds mean.w, but variance.w is missing/]);
    for (const [config, wrong, message] of refused) {
      assert.throws(() => createOptimizer(config).loadStateDict(wrong), message);
    }
  });

  test('the learning rate can be set; invalid values are refused', async () => {
    const optimizer = createOptimizer({ name: 'sgd', lr: 0.1 });
    const parameters: StateDict = new Map([['w', { shape: [1], data: Float32Array.of(1) }]]);
    const gradients: StateDict = new Map([['w', { shape: [1], data: Float32Array.of(1) }]]);
    optimizer.lr = 0.25;
    await optimizer.step(parameters, gradients);
    assert.equal(parameters.get('w')!.data[0], 0.75);
    assert.throws(() => {
      optimizer.lr = -1;
    }, /lr must be a number of at least 0, got -1/);
    assert.throws(() => {
      Object.assign(optimizer, { lr: '1' });
    }, /lr must be a number of at least 0, got "1"/);
  });

  test('tensors or a backend of another type are refused', async () => {
    const optimizer = createOptimizer({ name: 'sgd' });
    const step = optimizer.step(Object(Object.fromEntries(tensors(1))), tensors(2));
    await assert.rejects(
      step,
      /optimizer.step: parameters: expected a Map of tensors by name, found an object/,
    );
    assert.throws(
      () => createOptimizer({ name: 'sgd' }, Object(openBackend('reference'))),
      /optimizer: expected a backend, found a promise, which must be awaited/,
    );
  });

  test('computes on the given backend, or on the best one, opened at the first update', async () => {
    const run = async (optimizer: ReturnType<typeof createOptimizer>) => {
      const parameters = tensors(1);
      for (let n = 0; n < 3; n++) await optimizer.step(parameters, tensors(10 + n));
      optimizer.close();
      return values(parameters);
    };
    const config: OptimizerConfig = { name: 'adam', lr: 0.1 };
    const [best, oracle] = [await openBackend(), openReference()];
    let updates = 0;
    const adam = best.adam.bind(best);
    best.adam = (args) => {
      updates++;
      adam(args);
    };
    const given = await run(createOptimizer(config, best));
    assert.equal(updates, 6, 'one call per tensor and update on the given backend');
    assert.deepEqual(await run(createOptimizer(config)), given);
    assert.notDeepEqual(await run(createOptimizer(config, oracle)), given, 'the oracle rounds differently');
  });

  test('an update before the end of the previous one is refused without any change', async () => {
    const optimizer = createOptimizer({ name: 'sgd', lr: 1 });
    const [first, second] = [tensors(1), tensors(1)];
    const before = values(second);
    const under = optimizer.step(first, tensors(2));
    await assert.rejects(
      optimizer.step(second, tensors(2)),
      /the update before has not ended; await each step/,
    );
    assert.deepEqual(values(second), before);
    await under;
    assert.equal(optimizer.stateDict().step, 1);
    await optimizer.step(second, tensors(2));
    assert.deepEqual(values(second), values(first));
  });

  test('a closed optimiser makes no update, also if it is closed while its backend opens', async () => {
    const optimizer = createOptimizer({ name: 'sgd' });
    const parameters = tensors(1);
    const under = optimizer.step(parameters, tensors(2));
    optimizer.close();
    optimizer.close();
    await assert.rejects(under, /closed during the update/);
    await assert.rejects(optimizer.step(parameters, tensors(2)), /optimizer is closed/);
    assert.deepEqual(values(parameters), values(tensors(1)));
  });

  test("clipScale equals PyTorch's clip_grad_norm_", () => {
    assert.equal(clipScale(0.5, 1), 1);
    assert.equal(clipScale(4, 1), 1 / (4 + 1e-6));
    assert.equal(clipScale(0, 1), 1);
    assert.equal(clipScale(Number.POSITIVE_INFINITY, 1), 0);
  });
});
