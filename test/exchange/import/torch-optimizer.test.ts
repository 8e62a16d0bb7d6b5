/**
 * Protects trainings that go on: the state of torch.optim's Adam, AdamW and SGD becomes ours, tensor by tensor, and what
 * scanstroke cannot go on with is left out with a reason. import-from-torch.test.ts compares updates with PyTorch's.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ForeignOptimizer } from '#src/exchange/foreign-model.js';
import { type ImportChoices, networkOf } from '#src/exchange/import.js';
import type { StateDict } from '#src/state-dict.js';
import { foreignModel, parametersOf, renamed } from './foreign-network.js';

const CONFIG = { inputSize: 3, hiddenSize: 2, numLayers: 2, numClasses: 4, head: 'last' } as const;
const TENSORS = renamed(parametersOf(CONFIG), 'rnn', 'head');
const ADAM = { lr: 0.002, betas: [0.8, 0.99], eps: 1e-7, weight_decay: 0, amsgrad: false, maximize: false };
const SGD = { lr: 0.1, momentum: 0.9, dampening: 0, weight_decay: 0.001, nesterov: true };

/** The state of each parameter; the vectors hold numbers of their own. */
function statesOf(tensors: StateDict, step: number | null, ...vectors: string[]): ForeignOptimizer['states'] {
  let next = 1;
  return [...tensors.values()].map(({ shape, data }) => ({
    step,
    vectors: new Map(vectors.map((name) => [name, { shape, data: data.map(() => next++ / 4) }])),
  }));
}

function imported(optimizer: ForeignOptimizer, tensors = TENSORS, choices: ImportChoices = {}) {
  const choice: ImportChoices = {
    head: 'last',
    kind: 'images',
    dropoutRate: 0,
    classes: [...'abcd'],
    ...choices,
  };
  return networkOf(foreignModel(tensors, { optimizer }), 'm', choice);
}

describe('an optimiser is taken over', () => {
  test('Adam', () => {
    const states = statesOf(TENSORS, 7, 'exp_avg', 'exp_avg_sq');
    const { optimizer, notices } = imported({ settings: ADAM, states });
    assert.deepEqual(notices, []);
    const { lr, eps } = ADAM;
    assert.deepEqual(optimizer?.config, { name: 'adam', lr, eps, betas: [0.8, 0.99], weightDecay: 0 });
    const { name, step, tensors } = optimizer.state;
    assert.deepEqual([name, step, tensors.size], ['adam', 7, 2 * TENSORS.size]);
    [...TENSORS.keys()].forEach((theirs, i) => {
      const ours = theirs.replace('rnn.', 'lstm.').replace('head.', 'fc.');
      assert.deepEqual(tensors.get(`mean.${ours}`), states[i].vectors.get('exp_avg'), ours);
      assert.deepEqual(tensors.get(`variance.${ours}`), states[i].vectors.get('exp_avg_sq'), ours);
    });
  });

  test('in the order of the parameters, also with the linear layer first', () => {
    const entries = [...TENSORS];
    const tensors = new Map([...entries.slice(-2), ...entries.slice(0, -2)]);
    const states = statesOf(tensors, 1, 'exp_avg', 'exp_avg_sq');
    const { optimizer } = imported({ settings: ADAM, states }, tensors);
    assert.deepEqual(optimizer?.state.tensors.get('mean.fc.weight'), states[0].vectors.get('exp_avg'));
    assert.deepEqual(
      optimizer?.state.tensors.get('mean.lstm.weight_ih_l0'),
      states[2].vectors.get('exp_avg'),
    );
  });

  test('SGD, with momentum and without', () => {
    const { optimizer } = imported({ settings: SGD, states: statesOf(TENSORS, null, 'momentum_buffer') });
    assert.deepEqual(optimizer?.config, {
      name: 'sgd',
      lr: 0.1,
      momentum: 0.9,
      nesterov: true,
      weightDecay: 0.001,
    });
    assert.equal(optimizer?.state.tensors.size, TENSORS.size);
    const plain = imported({
      settings: { ...SGD, momentum: 0, nesterov: false },
      states: statesOf(TENSORS, null),
    });
    assert.equal(plain.optimizer?.state.tensors.size, 0);
  });

  test('before its first update: vectors of zeros', () => {
    const { optimizer } = imported({ settings: ADAM, states: statesOf(TENSORS, null) });
    assert.equal(optimizer?.state.step, 0);
    assert.deepEqual(optimizer?.state.tensors.get('variance.fc.bias'), {
      shape: [4],
      data: new Float32Array(4),
    });
  });

  const decays: [Record<string, unknown>, ImportChoices, name: string, assumed: boolean][] = [
    [{ weight_decay: 0 }, {}, 'adam', false],
    [{ weight_decay: 0.01 }, {}, 'adamw', true],
    [{ weight_decay: 0.1 }, {}, 'adam', true],
    [{ weight_decay: 0.01 }, { optimizer: 'adam' }, 'adam', false],
    [{ weight_decay: 0.1 }, { optimizer: 'adamw' }, 'adamw', false],
    [{ weight_decay: 0.01, decoupled_weight_decay: false }, {}, 'adam', false],
    [{ weight_decay: 0.1, decoupled_weight_decay: true }, {}, 'adamw', false],
  ];
  for (const [settings, choices, name, assumed] of decays) {
    test(`Adam or AdamW: ${JSON.stringify({ ...settings, ...choices })}`, () => {
      const states = statesOf(TENSORS, 1, 'exp_avg', 'exp_avg_sq');
      const picture = { height: 3, width: 3 };
      const all = { pixelMean: 0, pixelStd: 1, picture, ...choices };
      const { optimizer, assumptions } = imported(
        { settings: { ...ADAM, ...settings }, states },
        TENSORS,
        all,
      );
      assert.equal(optimizer?.config.name, name);
      assert.deepEqual(
        assumptions.map((each) => each.settings),
        assumed ? [['optimizer']] : [],
      );
    });
  }
});

describe('an optimiser is left out', () => {
  const adam = (step: number | null = 7) => statesOf(TENSORS, step, 'exp_avg', 'exp_avg_sq');
  const other = adam();
  other[3].step = 8;
  const swapped = adam().reverse();
  const negative = adam();
  negative[0].vectors.get('exp_avg_sq')?.data.fill(-1);
  const infinite = adam();
  infinite[0].vectors.get('exp_avg')?.data.fill(Number.POSITIVE_INFINITY);
  const lacking = adam();
  lacking[2].vectors.delete('exp_avg');
  const cases: [string, ForeignOptimizer, RegExp][] = [
    ['amsgrad', { settings: { ...ADAM, amsgrad: true }, states: adam() }, /"amsgrad" true/],
    ['maximize', { settings: { ...ADAM, maximize: true }, states: adam() }, /"maximize" true/],
    ['dampening', { settings: { ...SGD, dampening: 0.1 }, states: adam() }, /"dampening" 0.1/],
    [
      'RMSprop',
      { settings: { lr: 0.1, weight_decay: 0, alpha: 0.9, momentum: 0 }, states: adam() },
      /none of Adam/,
    ],
    [
      'a learning rate of 0',
      { settings: { ...ADAM, lr: 0 }, states: adam() },
      /"lr" is 0, expected a number above 0/,
    ],
    ['a learning rate of none', { settings: { ...ADAM, lr: null }, states: adam() }, /"lr" is null/],
    ['betas', { settings: { ...ADAM, betas: [0.9, 1] }, states: adam() }, /"betas" have 1/],
    ['eps', { settings: { ...ADAM, eps: 0 }, states: adam() }, /"eps" is 0/],
    [
      'weight decay',
      { settings: { ...ADAM, weight_decay: Number.NaN }, states: adam() },
      /"weight_decay" is NaN/,
    ],
    ['different steps', { settings: ADAM, states: other }, /different numbers of times/],
    ['half a step', { settings: ADAM, states: adam(1.5) }, /"step" is 1.5/],
    ['another order', { settings: ADAM, states: swapped }, /have another order/],
    ['fewer parameters', { settings: ADAM, states: adam().slice(1) }, /9 parameters, but the network has 10/],
    ['a negative variance', { settings: ADAM, states: negative }, /value 0 is -1/],
    ['infinity', { settings: ADAM, states: infinite }, /value 0 is Infinity/],
    ['a missing vector', { settings: ADAM, states: lacking }, /no "exp_avg" of rnn.bias_ih_l0/],
    [
      'vectors of another',
      { settings: SGD, states: adam() },
      /state has "exp_avg", but its settings are those of sgd/,
    ],
  ];
  for (const [name, optimizer, reason] of cases) {
    test(name, () => {
      const network = imported(optimizer);
      assert.equal(network.optimizer, null);
      assert.equal(network.notices.length, 1);
      assert.match(network.notices[0], /^the optimiser's state is left out: /);
      assert.match(network.notices[0], reason);
    });
  }

  test('of a network without biases', () => {
    const tensors = new Map([...TENSORS].filter(([name]) => name !== 'head.bias'));
    const { optimizer, notices } = imported({ settings: ADAM, states: statesOf(tensors, 1) }, tensors);
    assert.equal(optimizer, null);
    assert.match(notices[1], /no biases, but scanstroke trains them/);
  });
});
