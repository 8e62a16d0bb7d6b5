/**
 * Protects what users bring along as ONNX: files of both PyTorch exporters, of the forms of Keras's converters, and our
 * own give the same answers here, and our own come back with the same bits.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SequenceClassifier } from 'scanstroke';
import { openReference } from '#src/backends/reference/reference.js';
import type { ExportableModel } from '#src/exchange/exportable-model.js';
import type { ForeignModel } from '#src/exchange/foreign-model.js';
import { MODEL, TEXT_ENTRY } from '#src/exchange/onnx/onnx-fields.js';
import { readOnnx } from '#src/exchange/onnx/read-onnx.js';
import { type OnnxOptions, writeOnnx } from '#src/exchange/onnx/write-onnx.js';
import {
  type ClassifierConfig,
  HEADS,
  type Head,
  resolveClassifierConfig,
} from '#src/model/classifier-config.js';
import { ParameterLayout } from '#src/model/parameters.js';
import { softmax } from '#src/recognize/softmax.js';
import type { StateDict } from '#src/state-dict.js';
import { bytes, joined, smallModel, text } from './onnx-bytes.js';
import { fixture, recorded } from './onnx-fixtures.js';

/** Other runtimes add float32 terms in another order: about 1e-7 for outputs below 1. This is what users are promised. */
const TOLERANCE = 1e-5;

interface Expected {
  head: Head;
  layers: number;
  directions: number;
  steps?: number;
  softmax?: boolean;
  /** The outputs that belong to the file, if under another name. */
  io?: string;
}

const FILES: Record<string, Expected> = {
  'torch211-last_bi.torchscript': {
    head: 'last',
    layers: 2,
    directions: 2,
    steps: 17,
    io: 'torch211-last_bi',
  },
  'torch211-last_uni.torchscript': {
    head: 'final',
    layers: 1,
    directions: 1,
    steps: 12,
    io: 'torch211-last_uni',
  },
  'torch211-last_uni.dynamo': { head: 'final', layers: 1, directions: 1, steps: 12, io: 'torch211-last_uni' },
  'torch211-last_uni.dynamo-dynamic': {
    head: 'final',
    layers: 1,
    directions: 1,
    steps: 12,
    io: 'torch211-last_uni',
  },
  'torch211-rows.torchscript': { head: 'flatten', layers: 2, directions: 2, steps: 28, io: 'torch211-rows' },
  'torch211-rows.dynamo': { head: 'flatten', layers: 2, directions: 2, steps: 28, io: 'torch211-rows' },
  'torch211-rows.dynamo-dynamic': {
    head: 'flatten',
    layers: 2,
    directions: 2,
    steps: 28,
    io: 'torch211-rows',
  },
  'torch211-tagger.torchscript': {
    head: 'final',
    layers: 6,
    directions: 1,
    softmax: true,
    io: 'torch211-tagger',
  },
  'torch211-tagger.dynamo': {
    head: 'final',
    layers: 6,
    directions: 1,
    steps: 46,
    softmax: true,
    io: 'torch211-tagger',
  },
  'torch113-last_bi.torchscript': {
    head: 'last',
    layers: 2,
    directions: 2,
    steps: 17,
    io: 'torch113-last_bi',
  },
  'torch113-last_uni.torchscript': {
    head: 'final',
    layers: 1,
    directions: 1,
    steps: 12,
    io: 'torch113-last_uni',
  },
  external: { head: 'last', layers: 2, directions: 2, steps: 17, io: 'torch211-last_bi' },
  keras_last: { head: 'final', layers: 1, directions: 1, steps: 6, softmax: true },
  keras_stack: { head: 'flatten', layers: 2, directions: 1, steps: 6 },
  keras_mean: { head: 'mean', layers: 1, directions: 1 },
  keras_bidirectional: { head: 'last', layers: 2, directions: 2, steps: 6, softmax: true },
  keras_reversed: { head: 'flatten', layers: 1, directions: 2, steps: 6 },
  keras2onnx_last: { head: 'final', layers: 1, directions: 1, steps: 6 },
  layout_1: { head: 'final', layers: 2, directions: 2 },
};

const read = (name: string) => readOnnx(fixture(`${name}.onnx`), name, fixture);

/** Outputs of our classifier with the parameters that were read. */
async function answers(found: ForeignModel, { layers, directions }: Expected, io: string): Promise<number[]> {
  const { input } = recorded(io);
  const [batchSize, steps, inputSize] = input.shape.length === 2 ? [1, ...input.shape] : input.shape;
  const shapeOf = (name: string) => found.tensors.get(name)?.shape ?? [];
  const config: ClassifierConfig = {
    inputSize,
    hiddenSize: shapeOf('lstm.weight_hh_l0')[1],
    numLayers: layers,
    bidirectional: directions === 2,
    numClasses: shapeOf('fc.bias')[0],
    head: found.head ?? undefined,
    sequenceLength: steps,
  };
  const classifier = new SequenceClassifier(config, openReference());
  await classifier.loadStateDict(found.tensors);
  const { logits } = await classifier.forward({ inputs: input.data, batchSize, steps });
  classifier.close();
  return Array.from(logits);
}

describe('files of other tools', () => {
  for (const [name, expected] of Object.entries(FILES)) {
    test(`${name} gives PyTorch's answers`, async () => {
      const io = expected.io ?? name;
      const found = read(name);
      assert.equal(found.head, expected.head);
      assert.equal(found.sequenceLength, expected.steps ?? null);
      assert.equal(found.tensors.size, 4 * expected.layers * expected.directions + 2);
      assert.equal(found.config, null);
      const logits = await answers(found, expected, io);
      const { output } = recorded(io);
      const K = output.shape.at(-1) ?? 0;
      const ours = expected.softmax
        ? Array.from({ length: logits.length / K }, (_, row) =>
            Array.from(
              softmax(Float32Array.from(logits.slice(row * K, (row + 1) * K)), { name, temperature: 1 }),
            ),
          ).flat()
        : logits;
      assert.equal(ours.length, output.data.length);
      ours.forEach((value, n) => {
        assert.ok(
          Math.abs(value - output.data[n]) <= TOLERANCE,
          `${n}: ${value}, expected ${output.data[n]}`,
        );
      });
      assert.equal(found.notices.length, expected.softmax ? 1 : 0, 'a softmax that is left out is told');
    });
  }

  test('all exports of one model have the same bits', () => {
    for (const [model, exports] of Object.entries({
      'torch211-last_uni': ['torchscript', 'dynamo', 'dynamo-dynamic'],
      'torch211-rows': ['torchscript', 'dynamo', 'dynamo-dynamic'],
      'torch211-tagger': ['torchscript', 'dynamo'],
    })) {
      const [first, ...others] = exports.map((each) => read(`${model}.${each}`).tensors);
      for (const other of others) assertSameBits(other, first);
    }
    assertSameBits(read('external').tensors, read('torch211-last_bi.torchscript').tensors);
  });
});

function assertSameBits(found: StateDict, expected: StateDict): void {
  assert.deepEqual([...found.keys()].sort(), [...expected.keys()].sort());
  for (const [name, { shape, data }] of expected) {
    const tensor = found.get(name);
    assert.deepEqual(tensor?.shape, shape, name);
    assert.deepEqual(Buffer.from(tensor.data.buffer), Buffer.from(data.buffer), name);
  }
}

describe('files of scanstroke', () => {
  function exampleOf(config: Partial<ClassifierConfig>): ExportableModel {
    const whole = { inputSize: 4, hiddenSize: 5, numClasses: 3, sequenceLength: 7 };
    const resolved = resolveClassifierConfig({ ...whole, ...config });
    const layout = new ParameterLayout(resolved);
    const vector = new Float32Array(layout.length);
    layout.initialize(resolved, vector, 1);
    // A zero with a sign, and a subnormal number, are bits too.
    vector[0] = -0;
    vector[1] = 1e-42;
    return {
      config: resolved,
      parameters: layout.toStateDict(vector),
      preprocessing: null,
      classes: ['one', 'two', '3'],
      name: 'model',
      training: null,
    };
  }

  const OPTIONS: OnnxOptions[] = [
    {},
    { opset: 22, probabilities: true },
    { initialStates: true },
    { streaming: true },
  ];
  for (const head of HEADS) {
    test(`come back with the same bits: ${head}`, () => {
      for (const numLayers of [1, 2, 6]) {
        for (const bidirectional of [false, true]) {
          for (const options of OPTIONS) {
            if (options.streaming && (bidirectional || head === 'flatten')) continue;
            const temperature = numLayers === 2 ? 1.25 : undefined;
            const model = { ...exampleOf({ head, numLayers, bidirectional }), temperature };
            const [file] = writeOnnx(model, options);
            const found = readOnnx(file.bytes, 'model.onnx', fixture);
            assertSameBits(found.tensors, model.parameters);
            assert.deepEqual(found.config, model.config);
            assert.equal(found.head, head);
            assert.deepEqual(found.classes, model.classes);
            assert.equal(found.temperature, temperature ?? null);
            assert.equal(found.preprocessing, null);
            assert.deepEqual(found.notices, []);
          }
        }
      }
    });
  }

  test('come back with their preprocessing, also if they take pictures', () => {
    const preprocessing = {
      kind: 'images' as const,
      sequenceLength: 14,
      inputSize: 56,
      channels: 2,
      height: 28,
      width: 14,
      mean: 0.1307,
      std: 0.3081,
      permutationSeed: 3,
    };
    for (const permutationSeed of [null, 3]) {
      for (const withPreprocessing of [false, true]) {
        const given = { ...preprocessing, permutationSeed };
        const model = {
          ...exampleOf({ head: 'flatten', sequenceLength: 14, inputSize: 56, bidirectional: true }),
          preprocessing: given,
        };
        const [file] = writeOnnx(model, { withPreprocessing });
        const found = readOnnx(file.bytes, 'model.onnx', fixture);
        assertSameBits(found.tensors, model.parameters);
        assert.deepEqual(found.preprocessing, given);
      }
    }
  });

  /** A small model with metadata as in an own file. */
  function withMetadata(changes: Record<string, string>): ForeignModel {
    const metadata = {
      written_by: 'scanstroke',
      model: '{"input_size": 3, "hidden_size": 5, "num_classes": 4, "head": "last"}',
      classes: '["a", "b", "c", "d"]',
      ...changes,
    };
    const entries = Object.entries(metadata).map(([key, value]) =>
      bytes(MODEL.metadataProps, joined(text(TEXT_ENTRY.key, key), text(TEXT_ENTRY.value, value))),
    );
    return readOnnx(joined(smallModel(), ...entries), 'model.onnx', fixture);
  }

  test('say by their metadata which of two equal heads they have', () => {
    assert.equal(readOnnx(smallModel(), 'model.onnx', fixture).head, 'final');
    assert.equal(withMetadata({}).head, 'last');
  });

  test('are refused if their metadata contradict their graph, or are damaged', () => {
    const model = (changes: object) =>
      JSON.stringify({ input_size: 3, hidden_size: 5, num_classes: 4, head: 'last', ...changes });
    const cases: [Record<string, string>, RegExp][] = [
      [
        { model: model({ head: 'mean' }) },
        /contradict the graph: the head is mean, but the graph has final or last/,
      ],
      [{ model: model({ hidden_size: 6 }) }, /contradict the graph: lstm.weight_ih_l0 should be \[24, 3\]/],
      [{ model: model({ num_layers: 2 }) }, /contradict the graph: lstm.weight_ih_l1 is missing/],
      [
        { model: model({ head: 'flatten', sequence_length: 1 }) },
        /contradict the graph: the head is flatten/,
      ],
      [{ model: '{' }, /metadata "model"/],
      [{ model: '[]' }, /metadata "model" must be a JSON object/],
      [{ classes: '["a", "b"]' }, /names of 2 classes, but the network has 4 outputs/],
      [{ classes: '["a", "a", "b", "c"]' }, /the class name "a" is the name of two classes/],
      [{ preprocessing: '{"kind": "sounds"}' }, /kind must be one of images, strokes/],
      [
        { preprocessing: '{"kind": "strokes", "width": 28, "height": 28, "order": "tour", "scale": 1}' },
        /the network has input size 3, but its preprocessing gives 4/,
      ],
    ];
    for (const [changes, message] of cases) {
      assert.throws(() => withMetadata(changes), { name: 'UserError', message }, JSON.stringify(changes));
    }
  });
});
