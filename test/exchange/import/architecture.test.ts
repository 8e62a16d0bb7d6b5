/**
 * Protects what import makes of tensors: sizes, directions, head and names of any network of the family are found, other
 * networks are refused by name, and what cannot be known is asked for or said.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ForeignModel } from '#src/exchange/foreign-model.js';
import { type ImportChoices, networkOf } from '#src/exchange/import.js';
import { type ClassifierConfig, HEADS, resolveClassifierConfig } from '#src/model/classifier-config.js';
import { UserError } from '#src/user-error.js';
import { foreignModel, parametersOf, renamed, zeros } from './foreign-network.js';

const ROWS: ClassifierConfig = {
  inputSize: 28,
  hiddenSize: 3,
  numLayers: 2,
  bidirectional: true,
  numClasses: 10,
  head: 'flatten',
  sequenceLength: 28,
};
const STROKES: ClassifierConfig = { inputSize: 4, hiddenSize: 5, numLayers: 3, numClasses: 4, head: 'final' };
const LAST: ClassifierConfig = { inputSize: 6, hiddenSize: 5, numLayers: 1, numClasses: 3, head: 'last' };

function network(config: ClassifierConfig, choices: ImportChoices = {}, about: Partial<ForeignModel> = {}) {
  return networkOf(foreignModel(renamed(parametersOf(config), 'rnn', 'head'), about), 'm.pt', choices);
}

/** The message of the refusal and its settings. */
function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    assert.match(error.message, /^import: m\.pt: \P{C}+$/u);
    return [error.message.slice('import: m.pt: '.length), ...error.settings].join(' | ');
  }
  assert.fail('it is not refused');
}

const refusedShapes = (shapes: Record<string, number[]>) =>
  refusal(() => networkOf(foreignModel(zeros(shapes)), 'm.pt'));

const moduleName = fc.constantFrom(
  '',
  'lstm',
  'LSTM',
  'rnn',
  'model.encoder.rnn',
  'fc.lstm',
  'a b',
  'weight_ih_l0',
);
const linearName = fc.constantFrom('', 'fc', 'hidden2tag', 'head', 'net.0', 'classifier.out', 'rnn');
const anyConfig = fc
  .record({
    inputSize: fc.integer({ min: 1, max: 5 }),
    hiddenSize: fc.integer({ min: 1, max: 4 }),
    numLayers: fc.integer({ min: 1, max: 12 }),
    bidirectional: fc.boolean(),
    numClasses: fc.integer({ min: 1, max: 4 }),
    head: fc.constantFrom(...HEADS),
    sequenceLength: fc.integer({ min: 1, max: 9 }),
  })
  .map(
    ({ sequenceLength, ...config }): ClassifierConfig =>
      config.head === 'flatten' ? { ...config, sequenceLength } : config,
  );

test('any network comes back with its sizes and values, whatever its modules are called', () => {
  fc.assert(
    fc.property(anyConfig, moduleName, linearName, fc.integer(), (config, lstm, linear, seed) => {
      const parameters = parametersOf(config);
      const entries = [...renamed(parameters, lstm, linear)];
      // The order of tensors in a file means nothing.
      entries.sort(
        ([a], [b]) =>
          Math.sin(seed + a.length * 7 + a.charCodeAt(a.length - 1)) - Math.sin(seed + b.length * 7),
      );
      const picture = { height: config.sequenceLength ?? 1, width: config.inputSize };
      const choices: ImportChoices = { head: config.head, kind: 'images', picture };
      const found = networkOf(foreignModel(new Map(entries)), 'm', choices);
      assert.deepEqual(found.model, resolveClassifierConfig(config));
      assert.deepEqual(new Map([...found.parameters].sort()), new Map([...parameters].sort()));
    }),
    { numRuns: 300 },
  );
});

test('a head is never guessed: it is the one that the file was made with, or it is asked for', () => {
  fc.assert(
    fc.property(anyConfig, (config) => {
      if (config.sequenceLength === 1) return; // A sequence of one step is nobody's.
      const choices: ImportChoices = {
        kind: 'images',
        picture: { height: config.sequenceLength ?? 1, width: config.inputSize },
      };
      try {
        const { model } = networkOf(foreignModel(parametersOf(config)), 'm', choices);
        assert.equal(model.head, config.head);
      } catch (error) {
        assert.ok(error instanceof UserError && error.settings.includes('head'), String(error));
        assert.match(error.message, new RegExp(`choose the head .*\\b${config.head}\\b`));
      }
    }),
    { numRuns: 300 },
  );
});

describe('what cannot be known', () => {
  test('is asked for, with the choices', () => {
    assert.equal(
      refusal(() => network({ ...LAST, numLayers: 2, bidirectional: true })),
      'its linear layer reads 10 values: the last hidden states of the last layer or the mean of its outputs; choose the head last or mean | head',
    );
    assert.match(
      refusal(() => network(LAST)),
      /choose the head final, last or mean \| head$/,
    );
    assert.match(
      refusal(() => network({ ...LAST, numLayers: 3, head: 'final' })),
      /outputs of all steps or the final hidden states .* choose the head flatten or final \| head$/,
    );
    assert.match(
      refusal(() => network({ ...LAST, inputSize: 1 }, { head: 'last' })),
      /one value a step, which does not tell the size of the pictures .* 28x28 \| picture$/,
    );
  });

  test('is assumed, and said with the options that change it', () => {
    const rows = network(ROWS);
    assert.deepEqual(rows.preprocessing, {
      kind: 'images',
      sequenceLength: 28,
      inputSize: 28,
      channels: 1,
      height: 28,
      width: 28,
      mean: 0.5,
      std: 0.5,
      permutationSeed: null,
    });
    assert.deepEqual(rows.classes, [...'0123456789']);
    assert.deepEqual(
      rows.assumptions.map(({ settings }) => settings),
      [['picture', 'channelsImg', 'kind'], ['pixelMean', 'pixelStd'], ['classes']],
    );
    const strokes = network(STROKES);
    assert.deepEqual(strokes.preprocessing, {
      kind: 'strokes',
      width: 28,
      height: 28,
      order: 'tour',
      scale: 1,
    });
    assert.deepEqual(
      strokes.assumptions.map(({ settings }) => settings),
      [['kind'], ['picture', 'strokeOrder', 'strokeScale'], ['classes']],
    );
  });

  test('is not assumed where it is chosen, or the file says it', () => {
    const classes = ['a', 'b', 'c', 'd'];
    const chosen = network(STROKES, {
      kind: 'strokes',
      picture: { height: 20, width: 30 },
      strokeOrder: 'pen',
      strokeScale: 0.5,
      classes,
    });
    assert.deepEqual(chosen.assumptions, []);
    assert.deepEqual(chosen.preprocessing, {
      kind: 'strokes',
      width: 30,
      height: 20,
      order: 'pen',
      scale: 0.5,
    });
    const { preprocessing } = chosen;
    const said = network(STROKES, {}, { preprocessing, classes, head: 'final' });
    assert.deepEqual([said.assumptions, said.preprocessing, said.classes], [[], preprocessing, classes]);
  });

  const pictures: [
    string,
    ClassifierConfig,
    ImportChoices,
    [height: number, width: number, steps: number],
  ][] = [
    ['two pixel rows a step', { ...ROWS, inputSize: 56, sequenceLength: 14 }, {}, [28, 28, 14]],
    ['pixel by pixel', { ...ROWS, inputSize: 1, sequenceLength: 49 }, {}, [7, 7, 49]],
    ['no square', { ...ROWS, inputSize: 5, sequenceLength: 7 }, {}, [7, 5, 7]],
    ['colours', { ...ROWS, inputSize: 12, sequenceLength: 4 }, { channelsImg: 3 }, [4, 4, 4]],
    ['any length', LAST, { head: 'last' }, [6, 6, 6]],
    ['any length, chosen', LAST, { head: 'mean', sequenceLength: 9 }, [9, 6, 9]],
    ['picture chosen', LAST, { head: 'mean', picture: { height: 4, width: 9 } }, [4, 9, 6]],
    ['four values of all steps', { ...ROWS, inputSize: 4, sequenceLength: 9 }, {}, [6, 6, 9]],
  ];
  for (const [name, config, choices, [height, width, sequenceLength]] of pictures) {
    test(`pictures: ${name}`, () => {
      const { preprocessing } = network(config, choices);
      assert.ok(preprocessing.kind === 'images');
      assert.deepEqual(
        [preprocessing.height, preprocessing.width, preprocessing.sequenceLength],
        [height, width, sequenceLength],
      );
    });
  }
});

describe('choices that contradict the file are refused', () => {
  const cases: [string, () => unknown, RegExp][] = [
    [
      'head',
      () => network(ROWS, { head: 'mean' }),
      /chosen was head mean, but .* 168 values, which fits flatten \| head$/,
    ],
    [
      'head of the file',
      () => network(LAST, { head: 'mean' }, { head: 'last' }),
      /the file says head last, but chosen was mean.* \| head$/,
    ],
    [
      'strokes',
      () => network(LAST, { head: 'last', kind: 'strokes' }),
      /6 values a step, but strokes have 4.* \| kind$/,
    ],
    [
      'strokes of one length',
      () => network(ROWS, { kind: 'strokes' }),
      /strokes differ in length, so choose images \| kind$/,
    ],
    [
      'sequence length',
      () => network(ROWS, { sequenceLength: 14 }),
      /reads 28 steps, but .* 14 .* \| sequenceLength$/,
    ],
    [
      'picture',
      () => network(ROWS, { picture: { height: 14, width: 28 } }),
      /28 steps of 28 values, but .* 392 values \| picture/,
    ],
    [
      'picture and step',
      () => network(LAST, { head: 'last', picture: { height: 7, width: 7 } }),
      /steps of 6 values, but .* 49 values/,
    ],
    [
      'number of classes',
      () => network(ROWS, { classes: ['a', 'b'] }),
      /names of 2 classes, but .* 10 outputs \| classes$/,
    ],
    ['equal classes', () => network(LAST, { head: 'last', classes: ['a', 'b', 'a'] }), /two classes/],
    [
      'strokes and pixels',
      () => network(STROKES, { kind: 'strokes', pixelMean: 0 }),
      /reads strokes.* \| pixelMean$/,
    ],
    ['std', () => network(ROWS, { pixelStd: 0 }), /std/],
    [
      'metadata',
      () => network(ROWS, {}, { config: resolveClassifierConfig({ ...ROWS, hiddenSize: 4 }) }),
      /metadata say hiddenSize 4, but its tensors have 3/,
    ],
  ];
  for (const [name, run, message] of cases) test(name, () => assert.match(refusal(run), message));

  test('but the final states of one layer are its last', () => {
    assert.equal(network(LAST, { head: 'last' }, { head: 'final' }).model.head, 'last');
  });
});

describe('other networks are refused by name', () => {
  const lstm = {
    'rnn.weight_ih_l0': [8, 3],
    'rnn.weight_hh_l0': [8, 2],
    'rnn.bias_ih_l0': [8],
    'rnn.bias_hh_l0': [8],
  };
  const fc_ = { 'fc.weight': [4, 2], 'fc.bias': [4] };
  const cases: [string, Record<string, number[]>, RegExp][] = [
    ['no LSTM', fc_, /holds no LSTM.*"fc.weight", "fc.bias"/],
    ['nothing', {}, /holds no LSTM.*found nothing/],
    ['a cell', { 'c.weight_ih': [8, 3], 'c.weight_hh': [8, 2], ...fc_ }, /"c.weight_ih" is of a cell/],
    ['a GRU', { 'g.weight_ih_l0': [6, 3], 'g.weight_hh_l0': [6, 2], ...fc_ }, /\[6, 2\]: this is a GRU/],
    ['a plain RNN', { 'r.weight_ih_l0': [2, 3], 'r.weight_hh_l0': [2, 2], ...fc_ }, /this is a plain RNN/],
    ['projections', { ...lstm, 'rnn.weight_hr_l0': [1, 2], ...fc_ }, /projection/],
    [
      'several LSTMs',
      { ...lstm, 'b.weight_ih_l0': [8, 3], 'b.weight_hh_l0': [8, 2], ...fc_ },
      /2 LSTMs, "rnn", "b"/,
    ],
    ['no linear layer', lstm, /no linear layer/],
    [
      'several linear layers',
      { ...lstm, ...fc_, 'out.weight': [3, 4], 'out.bias': [3] },
      /2 linear layers or embeddings, fc, out/,
    ],
    ['a convolution', { ...lstm, ...fc_, 'conv.weight': [2, 1, 3, 3] }, /conv \(a convolution\)/],
    [
      'batch normalisation',
      { ...lstm, ...fc_, 'bn.weight': [3], 'bn.bias': [3], 'bn.running_mean': [3], 'bn.running_var': [3] },
      /bn \(batch normalisation\)/,
    ],
    ['layer normalisation', { ...lstm, ...fc_, 'ln.weight': [3], 'ln.bias': [3] }, /ln \(a normalisation\)/],
    ['tensors of their own', { ...lstm, ...fc_, h0: [1, 2] }, /at the top \(tensors "h0"\)/],
    [
      'a gap',
      { ...lstm, 'rnn.weight_ih_l2': [8, 2], 'rnn.weight_hh_l2': [8, 2], ...fc_ },
      /no layer 1 .* but a layer 2/,
    ],
    [
      'layers of another size',
      {
        ...lstm,
        'rnn.weight_ih_l1': [8, 3],
        'rnn.weight_hh_l1': [8, 2],
        'rnn.bias_ih_l1': [8],
        'rnn.bias_hh_l1': [8],
        ...fc_,
      },
      /"rnn.weight_ih_l1" is \[8, 3\], expected \[8, 2\]/,
    ],
    [
      'one direction of a layer',
      { ...lstm, 'rnn.weight_ih_l0_reverse': [8, 3], ...fc_ },
      /no weight_hh_l0_reverse/,
    ],
    [
      'some biases',
      { ...lstm, 'rnn.weight_ih_l1': [8, 2], 'rnn.weight_hh_l1': [8, 2], ...fc_ },
      /no bias_ih_l1, but other biases/,
    ],
    [
      'a bias of another size',
      { ...lstm, 'fc.weight': [4, 2], 'fc.bias': [5] },
      /"fc.bias" is \[5\], expected \[4\]/,
    ],
    [
      'features of no head',
      { ...lstm, 'fc.weight': [4, 5], 'fc.bias': [4] },
      /reads 5 values, which is none of hidden size 2/,
    ],
    [
      'a size of zero',
      { 'rnn.weight_ih_l0': [0, 3], 'rnn.weight_hh_l0': [0, 0], ...fc_ },
      /"rnn.weight_ih_l0" is \[0, 3\]/,
    ],
    [
      'layers without end',
      { ...lstm, 'rnn.weight_ih_l9999': [8, 2], ...fc_ },
      /layers up to 9999; at most 1024/,
    ],
  ];
  for (const [name, shapes, message] of cases) {
    test(name, () => assert.match(refusedShapes(shapes), message));
  }

  test('values that are no numbers', () => {
    const tensors = zeros({ ...lstm, ...fc_ });
    tensors.get('fc.bias')?.data.fill(Number.NaN, 2);
    assert.match(
      refusal(() => networkOf(foreignModel(tensors), 'm.pt', { head: 'last' })),
      /"fc.bias": value 2 is NaN/,
    );
  });

  test('names with control characters do not reach the terminal', () => {
    assert.match(
      refusedShapes({ ...lstm, ...fc_, '\u001b[31m\n.weight': [2, 2], ['x'.repeat(1e5)]: [1] }),
      /x…/,
    );
  });
});

test('a network without biases gets zeros, and a notice', () => {
  const all = renamed(parametersOf(LAST), 'rnn', 'head');
  const tensors = new Map([...all].filter(([name]) => !name.includes('bias')));
  const { parameters, notices } = networkOf(foreignModel(tensors), 'm', { head: 'last' });
  assert.deepEqual(notices, [
    'no biases (bias=False) in the LSTM rnn and the linear layer head: zeros take their place',
  ]);
  assert.deepEqual(parameters.get('lstm.bias_hh_l0'), { shape: [20], data: new Float32Array(20) });
  assert.deepEqual(parameters.get('fc.bias'), { shape: [3], data: new Float32Array(3) });
});
