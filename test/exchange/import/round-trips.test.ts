/** Protects round trips: a network that leaves scanstroke in a format that comes in is the same after it, bit for bit. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exportModel } from 'scanstroke';
import { importModel } from '#src/exchange/import.js';
import { type ClassifierConfig, HEADS } from '#src/model/classifier-config.js';
import { decodeCheckpoint, encodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import type { StateDict } from '#src/state-dict.js';
import { resolveOptimizer } from '#src/train/optimizer.js';
import { checkpointBytes, ROWS, STROKES } from '../../recognize/checkpoint-bytes.js';

const FORMATS = ['onnx', 'pytorch', 'safetensors'] as const;
const PIXELS = { ...ROWS, sequenceLength: 784, inputSize: 1, permutationSeed: 1 };

const networks: [string, typeof ROWS | typeof STROKES, Partial<ClassifierConfig>][] = [
  ...[1, 3].flatMap((numLayers) =>
    [true, false].flatMap((bidirectional) => [
      ...HEADS.map((head): (typeof networks)[number] => {
        const name = `rows, ${numLayers} layers, ${bidirectional ? 'two directions' : 'one direction'}, ${head}`;
        const sequenceLength = head === 'flatten' ? 28 : undefined;
        return [name, ROWS, { numLayers, bidirectional, head, sequenceLength }];
      }),
    ]),
  ),
  ['strokes', STROKES, { dropout: 0.25, layerDropout: 0.5, forgetBias: 1 }],
  [
    'strokes with a scale, in pen order',
    { ...STROKES, order: 'pen', scale: 0.125, width: 40 },
    { head: 'last' },
  ],
  ['shuffled pixels one by one', PIXELS, { head: 'mean', chronoInit: 784 }],
  ['rows and columns', { ...ROWS, inputSize: 56, scan: 'both' }, {}],
  ['pictures of any size', { ...ROWS, deslant: true, padded: true }, {}],
  ['edges', { ...ROWS, sequenceLength: 14, inputSize: 168, edges: true }, { sequenceLength: 14 }],
  [
    'edges of rows and columns of upright digits, in pictures that are not square',
    { ...ROWS, height: 20, sequenceLength: 2, inputSize: 1680, scan: 'both', edges: true, deslant: true },
    { head: 'final', sequenceLength: undefined },
  ],
  ['columns of upright digits', { ...ROWS, scan: 'columns', deslant: true }, {}],
  [
    'sorted strokes in views',
    { ...STROKES, position: true, sorted: true, viewRotation: 12 },
    { inputSize: 6 },
  ],
  ['strokes with context', { ...STROKES, order: 'pen', position: true, context: true, sorted: true }, {}],
  ['shuffled pixels', { ...ROWS, permutationSeed: 5, mean: 0.1307, std: 0.3081 }, {}],
];

describe('a network', () => {
  for (const [name, preprocessing, model] of networks) {
    test(name, async () => {
      const bytes = checkpointBytes(
        preprocessing,
        model,
        undefined,
        name === 'shuffled pixels' ? 1.37142 : undefined,
      );
      for (const format of FORMATS) {
        const [file] = await exportModel(bytes, { format });
        const { checkpoint, assumptions, notices } = await importModel(file.bytes, { name: file.name });
        assert.deepEqual([assumptions, notices], [[], []], format);
        assert.deepEqual(checkpoint, bytes, format);
      }
    });
  }
});

describe('the state of a training', () => {
  const optimizers = [
    { name: 'adam', lr: 0.003, betas: [0.8, 0.99], eps: 1e-7, weightDecay: 0.1 },
    { name: 'adamw', lr: 0.003, weightDecay: 0.1 },
    { name: 'sgd', lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 1e-4 },
    { name: 'sgd', lr: 0.1 },
  ] as const;
  for (const config of optimizers) {
    test(JSON.stringify(config), async () => {
      const settings = resolveOptimizer(config);
      const trained = decodeCheckpoint(checkpointBytes(STROKES), 'm');
      const kinds =
        config.name === 'sgd' ? (settings.momentum > 0 ? ['velocity'] : []) : ['mean', 'variance'];
      const optimizer: StateDict = new Map();
      for (const kind of kinds) {
        for (const [name, { shape, data }] of trained.parameters) {
          optimizer.set(`${kind}.${name}`, { shape, data: data.map((value) => Math.abs(value) / 3) });
        }
      }
      const state = { epoch: 6, updates: 40, optimizer: config.name };
      const last = encodeCheckpoint({ ...trained, training: { optimizer, state } });
      for (const format of ['pytorch', 'safetensors'] as const) {
        const options = { format, withOptimizer: true, optimizer: settings };
        const [file] = await exportModel(last, options);
        const choices = { dropoutRate: 0, optimizer: config.name === 'sgd' ? undefined : config.name };
        const { epoch, notices, assumptions, ...imported } = await importModel(file.bytes, choices);
        assert.deepEqual([epoch, notices, assumptions], [5, [], []], format);
        assert.ok(imported.optimizer !== null);
        const { config: found, state: after } = imported.optimizer;
        assert.deepEqual({ ...settings, ...found }, settings);
        assert.equal(after.step, found.name === 'sgd' ? 0 : 40);
        assert.deepEqual(new Map([...after.tensors].sort()), new Map([...optimizer].sort()));
      }
    });
  }
});

test('choices of another type and unknown ones are refused', async () => {
  const refused: [choices: object, message: RegExp][] = [
    [{ kind: 'x' }, /^import: model: kind: expected one of images, strokes, found "x"$/],
    [{ classes: [1, 2] }, /^import: model: classes: "0": expected a text, found 1$/],
    [{ optimizer: 'sgd' }, /^import: model: optimizer: expected one of adam, adamw, found "sgd"$/],
    [{ sequenceLength: -5 }, /^import: model: sequenceLength: expected a whole number from 1, found -5$/],
    [{ pixelStd: -1 }, /^import: model: pixelStd: expected a number above 0, found -1$/],
    [{ pixelMean: '0.1' }, /^import: model: pixelMean: expected a number, found "0.1"$/],
    [
      { picture: { height: 28 } },
      /^import: model: picture: "width": expected a whole number from 1, found nothing$/,
    ],
    [{ pixelmean: 0.1 }, /^import: model: there is no option "pixelmean"; did you mean pixelMean\?$/],
  ];
  for (const [choices, message] of refused) {
    await assert.rejects(importModel(new Uint8Array(9), choices), { name: 'UserError', message });
  }
  await assert.rejects(
    importModel(Object(new ArrayBuffer(9))),
    /expected a Uint8Array, found an ArrayBuffer/,
  );
});
