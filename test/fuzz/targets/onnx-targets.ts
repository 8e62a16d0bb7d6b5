/** The reader of ONNX files: small models of PyTorch, in Keras's forms and of our own, after mutations. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { GRAPH, MODEL } from '#src/exchange/onnx/onnx-fields.js';
import { readOnnx } from '#src/exchange/onnx/read-onnx.js';
import { writeOnnx } from '#src/exchange/onnx/write-onnx.js';
import { quote } from '#src/formats/quotation.js';
import { resolveClassifierConfig } from '#src/model/classifier-config.js';
import { ParameterLayout } from '#src/model/parameters.js';
import type { Random } from '#src/random.js';
import { UserError } from '#src/user-error.js';
import { chance, mutateBytes, pick } from '../mutations/byte-mutations.js';
import { type Field, fieldBytes, fieldsOf, joinedFields } from '../mutations/protobuf-mutations.js';
import type { Input, Openers } from '../target.js';

const FOLDER = new URL('../../../../test/fixtures/interop/onnx/', import.meta.url);
const fixture = (name: string) => new Uint8Array(readFileSync(new URL(name, FOLDER)));

/** As the command line does: only a file in the model's folder. */
function readBeside(name: string): Uint8Array {
  assert.ok(!name.startsWith('/') && !name.split('/').includes('..'), 'a file outside of the folder');
  if (name !== 'external.bin') throw new UserError(`model.onnx: cannot read ${quote(name)} beside the model`);
  return fixture(name);
}

const FIXTURES = [
  'external',
  'keras2onnx_last',
  'keras_bidirectional',
  'keras_last',
  'keras_mean',
  'keras_reversed',
  'keras_stack',
  'layout_1',
  'torch113-last_bi.torchscript',
  'torch211-last_uni.dynamo-dynamic',
];

/** Our own files: all heads, lengths, states as inputs, metadata. */
function ownFiles(): Input[] {
  return (['flatten', 'final', 'last', 'mean'] as const).flatMap((head) => {
    const small = { inputSize: 2, hiddenSize: 2, numLayers: 2, numClasses: 3, sequenceLength: 4 };
    const config = resolveClassifierConfig({ ...small, head, bidirectional: head === 'last' });
    const layout = new ParameterLayout(config);
    const vector = new Float32Array(layout.length);
    layout.initialize(config, vector, 1);
    const model = {
      config,
      parameters: layout.toStateDict(vector),
      preprocessing: null,
      classes: ['a', 'b', 'c'],
      name: 'model',
      training: null,
    };
    const options = head === 'mean' || head === 'final' ? { streaming: true } : { initialStates: true };
    return [...writeOnnx(model, { probabilities: true }), ...writeOnnx(model, options)].map(
      ({ bytes }) => bytes,
    );
  });
}

/** Levels of messages within messages: the model, the graph, an operator, an attribute, a tensor. */
const DEPTH = 5;

/** Mutates bytes anywhere, or the fields of a message that is somewhere in the file, so that all lengths stay true. */
function mutateModel(random: Random, file: Input): Input {
  return chance(random, 0.25) ? mutateBytes(random, file) : mutateMessage(random, file, DEPTH);
}

function mutateMessage(random: Random, message: Uint8Array, depth: number): Uint8Array {
  const fields = fieldsOf(message);
  if (fields === null || fields.length === 0) return mutateBytes(random, message);
  const at = fieldToEnter(random, fields, depth === DEPTH);
  const { payload } = fields[at];
  if (payload !== null && depth > 0 && chance(random, 0.85)) {
    const changed = mutateMessage(random, payload, depth - 1);
    return joinedFields(fields.with(at, { ...fields[at], payload: changed }));
  }
  switch (random.below(5)) {
    case 0:
      return joinedFields(fields.toSpliced(at, 1));
    case 1:
      return joinedFields(fields.toSpliced(at, 0, fields[at]));
    case 2:
      return joinedFields(fields.with(at, pick(random, fields)));
    case 3:
      return joinedFields(fields.with(at, { ...fields[at], number: 1 + random.below(16) }));
    default: {
      const changed = mutateBytes(random, payload ?? fieldBytes(fields[at]));
      return payload === null
        ? new Uint8Array(
            Buffer.concat([joinedFields(fields.slice(0, at)), changed, joinedFields(fields.slice(at + 1))]),
          )
        : joinedFields(fields.with(at, { ...fields[at], payload: changed }));
    }
  }
}

/** Of the model, mostly the graph; of the graph, mostly operators: half of the fields are constants. */
function fieldToEnter(random: Random, fields: readonly Field[], isModel: boolean): number {
  const wanted = isModel ? MODEL.graph : GRAPH.node;
  const liked = fields.flatMap(({ number, payload }, n) =>
    number === wanted && payload !== null ? [n] : [],
  );
  return liked.length > 0 && chance(random, 0.7) ? pick(random, liked) : random.below(fields.length);
}

function check(file: Input): void {
  const { tensors, head, sequenceLength, config, notices, classes } = readOnnx(
    file,
    'model.onnx',
    readBeside,
  );
  let floats = 0;
  for (const { shape, data } of tensors.values()) {
    assert.equal(
      data.length,
      shape.reduce((product, size) => product * size, 1),
    );
    floats += data.length;
  }
  // Weights may be stored as bytes, and a bias may be left out.
  assert.ok(floats <= 8 * file.length + 4096, `${floats} floats from ${file.length} bytes`);
  assert.ok(tensors.has('lstm.weight_ih_l0') && tensors.has('fc.weight'));
  assert.ok(sequenceLength !== null || head !== 'flatten');
  assert.ok(sequenceLength === null || (Number.isSafeInteger(sequenceLength) && sequenceLength > 0));
  if (config !== null) assert.equal(classes?.length, config.numClasses);
  for (const line of notices) assert.match(line, /^\P{Cc}{1,300}$/u);
}

export const OPENERS: Openers = {
  onnx: async () => {
    const files = [...FIXTURES.map((name) => fixture(`${name}.onnx`)), ...ownFiles()];
    return { make: (random) => mutateModel(random, pick(random, files)), run: check };
  },
};
