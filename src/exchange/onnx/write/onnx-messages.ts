/** Writes ONNX's messages: tensors, operators, descriptions of inputs and outputs, the graph, the model. */

import { ProtobufWriter } from '../../../formats/protobuf-writer.js';
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
  TEXT_ENTRY,
  TYPE,
  VALUE_INFO,
} from '../onnx-fields.js';

/** A size, or the name of a size that differs from call to call. */
export type Dimension = number | string;
export type ElementType = 'float' | 'uint8' | 'int32';
/** A whole number from 0, a text, or whole numbers from 0. */
export type AttributeValue = number | string | readonly number[];

export interface GraphParts {
  name: string;
  nodes: readonly ProtobufWriter[];
  initializers: readonly ProtobufWriter[];
  inputs: readonly ProtobufWriter[];
  outputs: readonly ProtobufWriter[];
}

export interface ModelParts {
  /** Version of the standard operators. */
  opset: number;
  /** Version of the file format. */
  irVersion: number;
  documentation: string;
  graph: ProtobufWriter;
  metadata: Readonly<Record<string, string>>;
}

/** TensorProto. @param data float32, int32 or int64 values by their array's type; not copied */
export function tensorMessage(
  name: string,
  shape: readonly number[],
  data: Float32Array | Int32Array | BigInt64Array,
): ProtobufWriter {
  const message = new ProtobufWriter();
  for (const size of shape) message.int(TENSOR.dims, size);
  const type = data instanceof Float32Array ? 'float' : data instanceof Int32Array ? 'int32' : 'int64';
  // Every machine that runs JavaScript is little-endian, as raw_data is.
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return message.int(TENSOR.dataType, DATA_TYPE[type]).text(TENSOR.name, name).bytes(TENSOR.rawData, bytes);
}

/** NodeProto. @param inputs names of values; an empty name is an input that is left out, and so with outputs */
export function nodeMessage(
  operator: string,
  name: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>>,
): ProtobufWriter {
  const message = new ProtobufWriter();
  for (const input of inputs) message.text(NODE.input, input);
  for (const output of outputs) message.text(NODE.output, output);
  message.text(NODE.name, name).text(NODE.opType, operator);
  for (const [key, value] of Object.entries(attributes)) {
    message.message(NODE.attribute, attributeMessage(key, value));
  }
  return message;
}

/** AttributeProto */
function attributeMessage(name: string, value: AttributeValue): ProtobufWriter {
  const message = new ProtobufWriter().text(ATTRIBUTE.name, name);
  if (typeof value === 'number') {
    return message.int(ATTRIBUTE.int, value).int(ATTRIBUTE.type, ATTRIBUTE_TYPE.int);
  }
  if (typeof value === 'string') {
    return message.text(ATTRIBUTE.string, value).int(ATTRIBUTE.type, ATTRIBUTE_TYPE.string);
  }
  for (const element of value) message.int(ATTRIBUTE.ints, element);
  return message.int(ATTRIBUTE.type, ATTRIBUTE_TYPE.ints);
}

/** ValueInfoProto: an input or output of the graph, which is a tensor. */
export function valueMessage(name: string, type: ElementType, shape: readonly Dimension[]): ProtobufWriter {
  const dimensions = new ProtobufWriter();
  for (const size of shape) {
    const dimension = new ProtobufWriter();
    if (typeof size === 'number') dimension.int(DIMENSION.value, size);
    else dimension.text(DIMENSION.parameter, size);
    dimensions.message(SHAPE.dim, dimension);
  }
  const tensor = new ProtobufWriter()
    .int(TENSOR_TYPE.elemType, DATA_TYPE[type])
    .message(TENSOR_TYPE.shape, dimensions);
  return new ProtobufWriter()
    .text(VALUE_INFO.name, name)
    .message(VALUE_INFO.type, new ProtobufWriter().message(TYPE.tensorType, tensor));
}

/** GraphProto */
export function graphMessage({ name, nodes, initializers, inputs, outputs }: GraphParts): ProtobufWriter {
  const message = new ProtobufWriter();
  for (const node of nodes) message.message(GRAPH.node, node);
  message.text(GRAPH.name, name);
  for (const initializer of initializers) message.message(GRAPH.initializer, initializer);
  for (const input of inputs) message.message(GRAPH.input, input);
  for (const output of outputs) message.message(GRAPH.output, output);
  return message;
}

/** ModelProto */
export function modelMessage({
  opset,
  irVersion,
  documentation,
  graph,
  metadata,
}: ModelParts): ProtobufWriter {
  const message = new ProtobufWriter()
    .int(MODEL.irVersion, irVersion)
    .text(MODEL.producerName, 'scanstroke')
    .text(MODEL.docString, documentation)
    .message(MODEL.graph, graph)
    .message(
      MODEL.opsetImport,
      // The domain of the standard operators is the empty text.
      new ProtobufWriter().text(OPERATOR_SET.domain, '').int(OPERATOR_SET.version, opset),
    );
  for (const [key, value] of Object.entries(metadata)) {
    message.message(
      MODEL.metadataProps,
      new ProtobufWriter().text(TEXT_ENTRY.key, key).text(TEXT_ENTRY.value, value),
    );
  }
  return message;
}
