/** Writes ONNX messages field by field, also such as no tool would write. */
import {
  ATTRIBUTE,
  ATTRIBUTE_TYPE,
  DATA_TYPE,
  DIMENSION,
  GRAPH,
  MODEL,
  NODE,
  OPERATOR_SET,
  SHAPE,
  TENSOR,
  TENSOR_TYPE,
  TYPE,
  VALUE_INFO,
} from '#src/exchange/onnx/onnx-fields.js';

/** A message: its fields one after the other. */
export type Message = Uint8Array;

const utf8 = new TextEncoder();

export function joined(...parts: readonly Uint8Array[]): Message {
  return new Uint8Array(Buffer.concat(parts));
}

/** Any 64 bits, also of negative numbers: ten bytes. */
export function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

export function int(field: number, value: number | bigint): Message {
  return joined(varint(field * 8), varint(value));
}

export function float(field: number, value: number): Message {
  const bytes = new Uint8Array(Float32Array.of(value).buffer);
  return joined(varint(field * 8 + 5), bytes);
}

export function bytes(field: number, value: Uint8Array): Message {
  return joined(varint(field * 8 + 2), varint(value.length), value);
}

export function text(field: number, value: string): Message {
  return bytes(field, utf8.encode(value));
}

export interface TensorParts {
  dims: readonly number[];
  values?: Float32Array | BigInt64Array;
  /** Fields in place of raw_data. */
  fields?: readonly Message[];
  dataType?: number;
}

export function tensor(name: string, { dims, values, fields, dataType }: TensorParts): Message {
  const type = values instanceof BigInt64Array ? DATA_TYPE.int64 : DATA_TYPE.float;
  const data = values
    ? [bytes(TENSOR.rawData, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))]
    : [];
  return joined(
    ...dims.map((size) => int(TENSOR.dims, size)),
    int(TENSOR.dataType, dataType ?? type),
    text(TENSOR.name, name),
    ...(fields ?? data),
  );
}

/** Floats that differ. */
export function floats(...dims: number[]): TensorParts {
  const count = dims.reduce((product, size) => product * size, 1);
  return { dims, values: Float32Array.from({ length: count }, (_, n) => Math.sin(n + count) / 2) };
}

export function zeros(...dims: number[]): TensorParts {
  return { dims, values: new Float32Array(dims.reduce((product, size) => product * size, 1)) };
}

export function wholes(...values: number[]): TensorParts {
  return { dims: [values.length], values: BigInt64Array.from(values, BigInt) };
}

/** A whole number, a text, or the fields of an AttributeProto. */
export type Attribute = number | string | readonly number[] | Message;

function attribute(name: string, value: Attribute): Message {
  if (value instanceof Uint8Array) return joined(text(ATTRIBUTE.name, name), value);
  if (typeof value === 'string') {
    return joined(
      text(ATTRIBUTE.name, name),
      text(ATTRIBUTE.string, value),
      int(ATTRIBUTE.type, ATTRIBUTE_TYPE.string),
    );
  }
  const [type, numbers] =
    typeof value === 'number'
      ? [ATTRIBUTE_TYPE.int, [int(ATTRIBUTE.int, value)]]
      : [ATTRIBUTE_TYPE.ints, value.map((each) => int(ATTRIBUTE.ints, each))];
  return joined(text(ATTRIBUTE.name, name), ...numbers, int(ATTRIBUTE.type, type));
}

export interface NodeParts {
  op: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes?: Readonly<Record<string, Attribute>>;
  domain?: string;
}

export function node({ op, inputs, outputs, attributes = {}, domain }: NodeParts): Message {
  return joined(
    ...inputs.map((name) => text(NODE.input, name)),
    ...outputs.map((name) => text(NODE.output, name)),
    text(NODE.opType, op),
    ...(domain === undefined ? [] : [text(NODE.domain, domain)]),
    ...Object.entries(attributes).map(([name, value]) => bytes(NODE.attribute, attribute(name, value))),
  );
}

export function value(name: string, shape: readonly (number | string)[], dataType = 1): Message {
  const dims = shape.map((size) =>
    bytes(SHAPE.dim, typeof size === 'number' ? int(DIMENSION.value, size) : text(DIMENSION.parameter, size)),
  );
  const type = joined(int(TENSOR_TYPE.elemType, dataType), bytes(TENSOR_TYPE.shape, joined(...dims)));
  return joined(text(VALUE_INFO.name, name), bytes(VALUE_INFO.type, bytes(TYPE.tensorType, type)));
}

export interface GraphParts {
  nodes: readonly NodeParts[];
  constants: Readonly<Record<string, TensorParts>>;
  inputs: Readonly<Record<string, readonly (number | string)[]>>;
  outputs: readonly string[];
  /** Element types of inputs that are no floats. */
  types?: Readonly<Record<string, number>>;
  opset?: number;
}

export function model({ nodes, constants, inputs, outputs, types = {}, opset = 17 }: GraphParts): Message {
  const graph = joined(
    ...nodes.map((each) => bytes(GRAPH.node, node(each))),
    ...Object.entries(constants).map(([name, parts]) => bytes(GRAPH.initializer, tensor(name, parts))),
    ...Object.entries(inputs).map(([name, shape]) => bytes(GRAPH.input, value(name, shape, types[name]))),
    ...outputs.map((name) => bytes(GRAPH.output, value(name, []))),
  );
  return joined(
    int(MODEL.irVersion, 8),
    bytes(MODEL.graph, graph),
    bytes(MODEL.opsetImport, joined(text(OPERATOR_SET.domain, ''), int(OPERATOR_SET.version, opset))),
  );
}

export const [I, H, K, T, B] = [3, 5, 4, 6, 2];

/**
 * A small classifier: x [batch, 6, 3] → Transpose → LSTM → its final state → Gemm → y.
 * @param change of the parts, before they are written
 */
export function smallModel(change: (parts: SmallParts) => void = () => {}): Message {
  const parts: SmallParts = {
    transpose: { op: 'Transpose', inputs: ['x'], outputs: ['xt'], attributes: { perm: [1, 0, 2] } },
    lstm: {
      op: 'LSTM',
      inputs: ['xt', 'W', 'R', 'B'],
      outputs: ['Y', 'Y_h', 'Y_c'],
      attributes: { hidden_size: H },
    },
    head: [{ op: 'Squeeze', inputs: ['Y_h', 'axis0'], outputs: ['h'] }],
    gemm: { op: 'Gemm', inputs: ['h', 'fc', 'b'], outputs: ['y'], attributes: { transB: 1 } },
    tail: [],
    constants: {
      W: floats(1, 4 * H, I),
      R: floats(1, 4 * H, H),
      B: floats(1, 8 * H),
      fc: floats(K, H),
      b: floats(K),
      axis0: wholes(0),
    },
    inputs: { x: ['batch', T, I] },
    outputs: ['y'],
    types: {},
    opset: 17,
  };
  change(parts);
  const { transpose, lstm, head, gemm, tail, ...rest } = parts;
  return model({ nodes: [transpose, lstm, ...head, gemm, ...tail], ...rest });
}

export interface SmallParts {
  transpose: NodeParts & { attributes: Record<string, Attribute> };
  lstm: NodeParts & { attributes: Record<string, Attribute> };
  head: NodeParts[];
  gemm: NodeParts & { attributes: Record<string, Attribute> };
  tail: NodeParts[];
  constants: Record<string, TensorParts>;
  inputs: Record<string, readonly (number | string)[]>;
  outputs: string[];
  types: Record<string, number>;
  opset: number;
}

/** Both directions in one LSTM; the head reads what `head` makes of Y and Y_h. */
export function bothDirections(parts: SmallParts): void {
  parts.lstm.attributes.direction = 'bidirectional';
  Object.assign(parts.constants, {
    W: floats(2, 4 * H, I),
    R: floats(2, 4 * H, H),
    B: floats(2, 8 * H),
    fc: floats(K, 2 * H),
  });
}
