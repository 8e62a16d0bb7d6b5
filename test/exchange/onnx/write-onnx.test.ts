/** Protects the content of ONNX files: names, metadata, the bits of the parameters, versions, and refused settings. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { type ModelProto, ModelProtoSchema, type ValueInfoProto } from 'onnx-buf';
import { UserError } from 'scanstroke';
import type { ExportableModel } from '#src/exchange/exportable-model.js';
import { type OnnxOptions, writeOnnx } from '#src/exchange/onnx/write-onnx.js';
import { camelCaseKeys } from '#src/formats/key-case.js';
import { readClassifierConfig } from '#src/model/read-config.js';
import { everyConfig, exampleOf, PICTURE } from './examples.js';

/** Decodes a file with the reader that protoc's plug-in made of onnx.proto. */
function decoded(model: ExportableModel, options: OnnxOptions = {}): ModelProto {
  const files = writeOnnx(model, options);
  assert.deepEqual(
    files.map(({ name }) => name),
    [`${model.name}.onnx`],
  );
  return fromBinary(ModelProtoSchema, files[0].bytes);
}

/** `inputs FLOAT [batch, steps, 4]` */
function described({ name, type }: ValueInfoProto): string {
  assert.ok(type?.value.case === 'tensorType');
  const { elemType, shape } = type.value.value;
  const sizes = shape?.dim.map(({ value }) => String(value.value)).join(', ');
  return `${name} ${{ 1: 'float', 2: 'uint8', 6: 'int32' }[elemType]} [${sizes}]`;
}

function interfaceOf(model: ExportableModel, options: OnnxOptions = {}) {
  const { graph } = decoded(model, options);
  assert.ok(graph);
  return { inputs: graph.input.map(described), outputs: graph.output.map(described) };
}

const operators = (model: ExportableModel, options: OnnxOptions = {}) =>
  decoded(model, options).graph!.node.map(({ opType }) => opType);

/** The parameters as a reader restores them: PyTorch's names, shapes and order of gates. */
function restored({ config }: ExportableModel, { graph }: ModelProto): Map<string, Float32Array> {
  const tensors = new Map(
    graph!.initializer.map(({ name, rawData }) => [name, new Float32Array(rawData.slice().buffer)]),
  );
  const { hiddenSize: H, numLayers, bidirectional } = config;
  const parameters = new Map<string, Float32Array>();
  for (let layer = 0; layer < numLayers; layer++) {
    const [W, R, B] = ['W', 'R', 'B'].map((name) => tensors.get(`lstm.l${layer}.${name}`)!);
    const suffixes = bidirectional ? [`l${layer}`, `l${layer}_reverse`] : [`l${layer}`];
    suffixes.forEach((suffix, direction) => {
      const part = (all: Float32Array, index: number, count: number) =>
        all.subarray((index * all.length) / count, ((index + 1) * all.length) / count);
      const D = suffixes.length;
      const blocks = {
        weight_ih: part(W, direction, D),
        weight_hh: part(R, direction, D),
        bias_ih: part(B, 2 * direction, 2 * D),
        bias_hh: part(B, 2 * direction + 1, 2 * D),
      };
      for (const [kind, iofc] of Object.entries(blocks)) {
        const gate = (n: number) => part(iofc, n, 4);
        const ifgo = [gate(0), gate(2), gate(3), gate(1)].flatMap((values) => [...values]);
        parameters.set(`lstm.${kind}_${suffix}`, Float32Array.from(ifgo));
        assert.equal(ifgo.length % H, 0);
      }
    });
  }
  for (const name of ['fc.weight', 'fc.bias']) parameters.set(name, tensors.get(name)!);
  return parameters;
}

test('every parameter keeps its bits', async () => {
  for (const config of everyConfig()) {
    const { model } = await exampleOf(config);
    for (const options of [{}, { streaming: true }]) {
      if (options.streaming && (config.bidirectional || config.head === 'flatten')) continue;
      const found = restored(model, decoded(model, options));
      assert.deepEqual([...found.keys()].sort(), [...model.parameters.keys()].sort());
      for (const [name, { data }] of model.parameters) assert.deepEqual(found.get(name), data, name);
    }
  }
});

test('inputs and outputs have the promised names, types and sizes', async () => {
  const logits = 'logits float [batch, 5]';
  const { model } = await exampleOf({ head: 'mean', numLayers: 3 });
  const sequences = ['inputs float [batch, steps, 4]', 'lengths int32 [batch]'];
  assert.deepEqual(interfaceOf(model), { inputs: sequences, outputs: [logits] });
  assert.deepEqual(interfaceOf(model, { probabilities: true, initialStates: true }), {
    inputs: [...sequences, 'h0 float [3, batch, 6]', 'c0 float [3, batch, 6]'],
    outputs: [logits, 'probabilities float [batch, 5]'],
  });
  const states = ['hidden float [3, batch, 6]', 'cell float [3, batch, 6]'];
  const sum = ['sum float [batch, 6]', 'count int32 [batch]'];
  assert.deepEqual(interfaceOf(model, { streaming: true }), {
    inputs: ['inputs float [batch, 4]', ...states, ...sum],
    outputs: [logits, ...[...states, ...sum].map((value) => `next_${value}`)],
  });
  const { model: last } = await exampleOf({ head: 'last', numLayers: 3 });
  assert.deepEqual(interfaceOf(last, { streaming: true }), {
    inputs: ['inputs float [batch, 4]', ...states],
    outputs: [logits, ...states.map((value) => `next_${value}`)],
  });
  const shape = { inputSize: 16, sequenceLength: 16 };
  const { model: flatten } = await exampleOf({ head: 'flatten', bidirectional: true, ...shape }, PICTURE);
  assert.deepEqual(interfaceOf(flatten, { initialStates: true }), {
    inputs: ['inputs float [batch, 16, 16]', 'h0 float [2, batch, 6]', 'c0 float [2, batch, 6]'],
    outputs: [logits],
  });
  const { model: pictures } = await exampleOf({ head: 'mean', ...shape }, PICTURE);
  for (const each of [flatten, pictures]) {
    const found = interfaceOf(each, { withPreprocessing: true });
    assert.deepEqual(found, { inputs: ['images uint8 [batch, 1, 16, 16]'], outputs: [logits] });
  }
});

test('layers are LSTM operators in layout 0, without initial states', async () => {
  const { model } = await exampleOf({ head: 'last', numLayers: 2, bidirectional: true });
  const between = ['Transpose', 'Reshape'];
  assert.deepEqual(operators(model), [
    'Transpose',
    'LSTM',
    ...between,
    'LSTM',
    'Transpose',
    'Flatten',
    'Gemm',
  ]);
  const { graph } = decoded(model);
  const layers = graph!.node.filter(({ opType }) => opType === 'LSTM');
  assert.deepEqual(
    layers.map(({ input, output }) => [input, output]),
    [
      [
        ['time_major', 'lstm.l0.W', 'lstm.l0.R', 'lstm.l0.B', 'lengths'],
        ['lstm.l0.Y', 'lstm.l0.Y_h'],
      ],
      [
        ['lstm.l0.outputs', 'lstm.l1.W', 'lstm.l1.R', 'lstm.l1.B', 'lengths'],
        ['', 'lstm.l1.Y_h'],
      ],
    ],
  );
  const attributes = layers[0].attribute.map(({ name, i, s }) => [
    name,
    Number(i),
    Buffer.from(s).toString(),
  ]);
  assert.deepEqual(attributes, [
    ['hidden_size', 6, ''],
    ['direction', 0, 'bidirectional'],
  ]);
  const [, , beside] = graph!.node;
  assert.deepEqual(beside.attribute[0].ints.map(Number), [0, 2, 1, 3]);
});

test('only standard operators; opset 13 by default; the file format is that of the opset', async () => {
  const { model } = await exampleOf({ head: 'final' });
  assert.equal(decoded(model).opsetImport[0].version, 13n);
  const formats = { 13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10 };
  for (const [opset, format] of Object.entries(formats)) {
    const { irVersion, opsetImport, graph, functions } = decoded(model, { opset: Number(opset) });
    assert.equal(irVersion, BigInt(format));
    assert.deepEqual(
      opsetImport.map(({ domain, version }) => [domain, version]),
      [['', BigInt(opset)]],
    );
    assert.ok(graph?.node.every(({ domain }) => domain === ''));
    assert.equal(functions.length, 0);
  }
});

test('the metadata holds model, preprocessing and classes as a checkpoint does', async () => {
  const shape = { inputSize: 16, sequenceLength: 16 };
  const { model } = await exampleOf({ head: 'flatten', ...shape }, { ...PICTURE, permutationSeed: 3 });
  const classes = ['a', 'ö', '三', '"'];
  const metadataOf = (each: ExportableModel) =>
    Object.fromEntries(decoded(each).metadataProps.map(({ key, value }) => [key, value]));
  const metadata = metadataOf({ ...model, classes });
  const { written_by: writer, model: config, preprocessing } = metadata;
  assert.equal(writer, 'scanstroke');
  assert.deepEqual(JSON.parse(metadata.classes), classes);
  assert.equal(JSON.parse(config).sequence_length, 16);
  const parsed = camelCaseKeys(JSON.parse(config), 'config') as Record<string, unknown>;
  assert.deepEqual(readClassifierConfig(parsed, 'config'), model.config);
  assert.deepEqual(JSON.parse(preprocessing), {
    sequence_length: 16,
    input_size: 16,
    channels: 1,
    height: 16,
    width: 16,
    mean: 0.1307,
    std: 0.3081,
    permutation_seed: 3,
  });
  assert.ok(!('preprocessing' in metadataOf({ ...model, preprocessing: null })));
  const { producerName, docString } = decoded(model);
  assert.equal(producerName, 'scanstroke');
  assert.match(docString, /weight_ih_lN.*i o f c/);
});

test('the same model gives the same bytes', async () => {
  const { model } = await exampleOf({ head: 'final', numLayers: 3 });
  assert.deepEqual(writeOnnx(model, {}), writeOnnx(model, { opset: 13 }));
});

test('settings that do not fit are refused, with their flags', async () => {
  const refusal = async (
    config: Parameters<typeof exampleOf>[0],
    options: OnnxOptions,
    preprocessing: Parameters<typeof exampleOf>[1] = null,
  ) => {
    const { model } = await exampleOf(config, preprocessing);
    try {
      writeOnnx(model, options);
    } catch (error) {
      assert.ok(error instanceof UserError);
      return `${error.message} (${error.settings.join(', ')})`;
    }
    return assert.fail('not refused');
  };
  const plain = { head: 'last' } as const;
  for (const opset of [12, 23, 13.5, Number.NaN]) {
    assert.equal(
      await refusal(plain, { opset }),
      `export: ONNX's opset must be a whole number from 13 to 22, got ${opset} (opset)`,
    );
  }
  assert.match(
    await refusal(plain, { withPreprocessing: true }),
    /has no preprocessing.*\(withPreprocessing\)/,
  );
  const strokes = { kind: 'strokes', width: 28, height: 28, order: 'tour', scale: 1 } as const;
  assert.match(await refusal(plain, { withPreprocessing: true }, strokes), /reads pen strokes/);
  assert.match(await refusal({ ...plain, bidirectional: true }, { streaming: true }), /from their end too/);
  assert.match(await refusal({ head: 'flatten' }, { streaming: true }), /all steps at once.*\(streaming\)/);
  const images = { head: 'last', inputSize: 16 } as const;
  assert.match(
    await refusal(images, { streaming: true, withPreprocessing: true }, PICTURE),
    /takes no pictures.*\(streaming, withPreprocessing\)/,
  );
  assert.match(
    await refusal(plain, { streaming: true, initialStates: true }),
    /takes states in any case.*\(streaming, initialStates\)/,
  );
});
