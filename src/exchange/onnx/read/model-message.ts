/**
 * Decodes ONNX's messages: a file → operators, constants, inputs and outputs, with names and sizes checked and counted.
 * Values of constants stay bytes of the file; constants.ts decodes them.
 */

import { quote } from '../../../formats/quotation.js';
import { UserError } from '../../../user-error.js';
import {
  ATTRIBUTE,
  ATTRIBUTE_TYPE,
  DIMENSION,
  GRAPH,
  MODEL,
  NODE,
  OPERATOR_SET,
  SHAPE,
  TENSOR_TYPE,
  TYPE,
  VALUE_INFO,
} from '../onnx-fields.js';
import { ProtobufReader } from './protobuf-reader.js';
import { MAX_DIMS, MAX_NAME_BYTES, readTensor, readTextEntry, type StoredTensor } from './tensor-message.js';

export type StoredAttribute =
  | { kind: 'float'; value: number }
  | { kind: 'whole'; value: number }
  | { kind: 'text'; value: string }
  | { kind: 'wholes'; value: number[] }
  | { kind: 'texts'; value: string[] }
  | { kind: 'tensor'; value: StoredTensor }
  /** A list of floats, or what no supported operator takes: graphs, types, sparse tensors. */
  | { kind: 'other'; value: string };

export interface StoredNode {
  /** `LSTM` */
  operator: string;
  name: string;
  /** Names of values; empty for an input that is left out. */
  inputs: string[];
  outputs: string[];
  attributes: Map<string, StoredAttribute>;
}

/** An input of the graph. */
export interface StoredInput {
  name: string;
  /** TensorProto.DataType; 0 for what is no tensor. */
  dataType: number;
  /** A size, or the name of a size that differs from call to call ('' if it has none); null without a shape. */
  shape: (number | string)[] | null;
}

export interface StoredGraph {
  nodes: StoredNode[];
  constants: Map<string, StoredTensor>;
  /** Without those that are constants. */
  inputs: StoredInput[];
  outputs: string[];
}

export interface StoredModel {
  /** Version of the standard operators. */
  opset: number;
  metadata: Map<string, string>;
  graph: StoredGraph;
}

const MAX_NODES = 65_536;
const MAX_CONSTANTS = 65_536;
/** Inputs or outputs of an operator: a Concat of all layers' states. */
const MAX_OPERANDS = 4096;
const MAX_ATTRIBUTES = 64;
/** Inputs or outputs of the graph. */
const MAX_GRAPH_VALUES = 1024;
const MAX_METADATA = 1024;
const MAX_METADATA_BYTES = 2 ** 24;
const MAX_ATTRIBUTE_NUMBERS = 4096;
/** Versions of the operators whose forms are known. */
const [MIN_OPSET, MAX_OPSET] = [7, 26];

/**
 * @param bytes the whole file
 * @param file how messages name the file
 * @throws UserError if the file is damaged or too large in some number, or uses other operators than ONNX's
 */
export function readModelMessage(bytes: Uint8Array, file: string): StoredModel {
  const reader = new ProtobufReader(bytes, file, 'the model');
  let graph: StoredGraph | null = null;
  let opset = 0;
  const metadata = new Map<string, string>();
  while (reader.next()) {
    switch (reader.field) {
      case MODEL.graph:
        if (graph !== null) reader.fail('two graphs');
        graph = readGraph(reader.message('the graph'));
        break;
      case MODEL.opsetImport:
        opset = readOperatorSet(reader.message('an operator set')) ?? opset;
        break;
      case MODEL.metadataProps: {
        const [key, value] = readTextEntry(reader.message('the metadata'), MAX_METADATA_BYTES);
        if (metadata.has(key)) reader.fail(`the metadata have the key ${quote(key)} twice`);
        if (metadata.size === MAX_METADATA) reader.fail(`more than ${MAX_METADATA} metadata`);
        metadata.set(key, value);
        break;
      }
      default:
        reader.skip();
    }
  }
  if (graph === null) {
    throw new UserError(`${file}: not an ONNX file, or damaged: expected a graph, found none`);
  }
  if (opset < MIN_OPSET || opset > MAX_OPSET) {
    throw new UserError(
      `${file}: version ${opset} of ONNX's operators (opset); ${MIN_OPSET} to ${MAX_OPSET} are known; ` +
        'export the model with one of these',
    );
  }
  return { opset, metadata, graph };
}

/** The version of ONNX's own operators; null for an operator set of others. */
function readOperatorSet(reader: ProtobufReader): number | null {
  let domain = '';
  let version = 0;
  while (reader.next()) {
    if (reader.field === OPERATOR_SET.domain) domain = reader.text(MAX_NAME_BYTES);
    else if (reader.field === OPERATOR_SET.version) version = reader.whole();
    else reader.skip();
  }
  return isOwnDomain(domain) ? version : null;
}

const isOwnDomain = (domain: string) => domain === '' || domain === 'ai.onnx';

function readGraph(reader: ProtobufReader): StoredGraph {
  const nodes: StoredNode[] = [];
  const constants = new Map<string, StoredTensor>();
  const declared: StoredInput[] = [];
  const outputs: string[] = [];
  while (reader.next()) {
    switch (reader.field) {
      case GRAPH.node:
        if (nodes.length === MAX_NODES) reader.fail(`more than ${MAX_NODES} operators`);
        nodes.push(readNode(reader.message(`operator ${nodes.length}`)));
        break;
      case GRAPH.initializer: {
        const tensor = readTensor(reader.message(`constant ${constants.size}`));
        if (constants.has(tensor.name)) reader.fail(`two constants have the name ${quote(tensor.name)}`);
        if (constants.size === MAX_CONSTANTS) reader.fail(`more than ${MAX_CONSTANTS} constants`);
        constants.set(tensor.name, tensor);
        break;
      }
      case GRAPH.sparseInitializer:
        reader.fail('a sparse constant, which is not supported; export dense weights');
        break;
      case GRAPH.input:
        if (declared.length === MAX_GRAPH_VALUES) reader.fail(`more than ${MAX_GRAPH_VALUES} inputs`);
        declared.push(readValueInfo(reader.message('an input')));
        break;
      case GRAPH.output:
        if (outputs.length === MAX_GRAPH_VALUES) reader.fail(`more than ${MAX_GRAPH_VALUES} outputs`);
        outputs.push(readValueInfo(reader.message('an output')).name);
        break;
      default:
        reader.skip();
    }
  }
  // Before ONNX 1.4, constants were declared among the inputs, too.
  return { nodes, constants, inputs: declared.filter(({ name }) => !constants.has(name)), outputs };
}

function readNode(reader: ProtobufReader): StoredNode {
  const node: StoredNode = { operator: '', name: '', inputs: [], outputs: [], attributes: new Map() };
  let domain = '';
  while (reader.next()) {
    switch (reader.field) {
      case NODE.input:
      case NODE.output: {
        const operands = reader.field === NODE.input ? node.inputs : node.outputs;
        if (operands.length === MAX_OPERANDS) reader.fail(`more than ${MAX_OPERANDS} inputs or outputs`);
        operands.push(reader.text(MAX_NAME_BYTES));
        break;
      }
      case NODE.name:
        node.name = reader.text(MAX_NAME_BYTES);
        break;
      case NODE.opType:
        node.operator = reader.text(MAX_NAME_BYTES);
        break;
      case NODE.domain:
        domain = reader.text(MAX_NAME_BYTES);
        break;
      case NODE.attribute: {
        const [name, attribute] = readAttribute(reader.message('an attribute'));
        if (node.attributes.has(name)) reader.fail(`two attributes have the name ${quote(name)}`);
        if (node.attributes.size === MAX_ATTRIBUTES) reader.fail(`more than ${MAX_ATTRIBUTES} attributes`);
        node.attributes.set(name, attribute);
        break;
      }
      default:
        reader.skip();
    }
  }
  if (!isOwnDomain(domain)) node.operator = `${domain}.${node.operator}`;
  return node;
}

function readAttribute(reader: ProtobufReader): [string, StoredAttribute] {
  let name = '';
  let attribute: StoredAttribute | null = null;
  const wholes: number[] = [];
  const texts: string[] = [];
  while (reader.next()) {
    switch (reader.field) {
      case ATTRIBUTE.name:
        name = reader.text(MAX_NAME_BYTES);
        break;
      case ATTRIBUTE.float:
        attribute = { kind: 'float', value: reader.float() };
        break;
      case ATTRIBUTE.int:
        attribute = { kind: 'whole', value: reader.whole() };
        break;
      case ATTRIBUTE.string:
        attribute = { kind: 'text', value: reader.text(MAX_NAME_BYTES) };
        break;
      case ATTRIBUTE.ints:
        reader.wholesInto(wholes, MAX_ATTRIBUTE_NUMBERS);
        attribute = { kind: 'wholes', value: wholes };
        break;
      case ATTRIBUTE.strings:
        if (texts.length === MAX_ATTRIBUTE_NUMBERS) reader.fail(`more than ${MAX_ATTRIBUTE_NUMBERS} texts`);
        texts.push(reader.text(MAX_NAME_BYTES));
        attribute = { kind: 'texts', value: texts };
        break;
      case ATTRIBUTE.tensor:
        attribute = { kind: 'tensor', value: readTensor(reader.message('a constant')) };
        break;
      case ATTRIBUTE.type: {
        // An empty list, and the number 0 of some writers, are told by the type alone.
        const type = reader.whole();
        attribute ??= emptyAttribute(type);
        break;
      }
      case ATTRIBUTE.docString:
      case ATTRIBUTE.refAttrName:
        reader.skip();
        break;
      default:
        attribute = {
          kind: 'other',
          value: reader.field === ATTRIBUTE.graph ? 'a graph' : 'an unknown value',
        };
        reader.skip();
    }
  }
  return [name, attribute ?? { kind: 'other', value: 'nothing' }];
}

/** The value of an attribute of which only the type is written. */
function emptyAttribute(type: number): StoredAttribute | null {
  switch (type) {
    case ATTRIBUTE_TYPE.float:
      return { kind: 'float', value: 0 };
    case ATTRIBUTE_TYPE.int:
      return { kind: 'whole', value: 0 };
    case ATTRIBUTE_TYPE.string:
      return { kind: 'text', value: '' };
    case ATTRIBUTE_TYPE.ints:
      return { kind: 'wholes', value: [] };
    case ATTRIBUTE_TYPE.strings:
      return { kind: 'texts', value: [] };
    default:
      return null;
  }
}

function readValueInfo(reader: ProtobufReader): StoredInput {
  const info: StoredInput = { name: '', dataType: 0, shape: null };
  while (reader.next()) {
    if (reader.field === VALUE_INFO.name) info.name = reader.text(MAX_NAME_BYTES);
    else if (reader.field === VALUE_INFO.type) readType(reader.message('a type'), info);
    else reader.skip();
  }
  return info;
}

function readType(reader: ProtobufReader, info: StoredInput): void {
  while (reader.next()) {
    if (reader.field !== TYPE.tensorType) {
      reader.skip();
      continue;
    }
    const tensor = reader.message('the type of a tensor');
    while (tensor.next()) {
      if (tensor.field === TENSOR_TYPE.elemType) info.dataType = tensor.whole();
      else if (tensor.field === TENSOR_TYPE.shape) info.shape = readShape(tensor.message('a shape'));
      else tensor.skip();
    }
  }
}

function readShape(reader: ProtobufReader): (number | string)[] {
  const shape: (number | string)[] = [];
  while (reader.next()) {
    if (reader.field !== SHAPE.dim) {
      reader.skip();
      continue;
    }
    if (shape.length === MAX_DIMS) reader.fail(`more than ${MAX_DIMS} dimensions`);
    const dimension = reader.message('a dimension');
    let size: number | string = '';
    while (dimension.next()) {
      if (dimension.field === DIMENSION.value) size = dimension.whole();
      else if (dimension.field === DIMENSION.parameter) size = dimension.text(MAX_NAME_BYTES);
      else dimension.skip();
    }
    // Some writers put -1 for a size that differs from call to call.
    shape.push(typeof size === 'number' && size < 0 ? '' : size);
  }
  return shape;
}
