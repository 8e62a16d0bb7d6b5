/** Collects the graph of an ONNX model, operator by operator. Values are known by their names. */

import type { ProtobufWriter } from '../../../formats/protobuf-writer.js';
import {
  type AttributeValue,
  type Dimension,
  type ElementType,
  graphMessage,
  nodeMessage,
  tensorMessage,
  valueMessage,
} from './onnx-messages.js';

export class GraphBuilder {
  readonly #nodes: ProtobufWriter[] = [];
  readonly #initializers = new Map<string, ProtobufWriter>();
  readonly #inputs: ProtobufWriter[] = [];
  readonly #outputs: ProtobufWriter[] = [];
  /** Inputs and outputs in words: `input images: uint8 [batch, 1, 28, 28]`. */
  readonly descriptions: string[] = [];

  /** Adds an input of the graph. @returns its name */
  input(name: string, type: ElementType, shape: readonly Dimension[]): string {
    this.#inputs.push(valueMessage(name, type, shape));
    this.descriptions.push(`input ${described(name, type, shape)}`);
    return name;
  }

  /** Declares a value to be an output of the graph. */
  output(name: string, type: ElementType, shape: readonly Dimension[]): void {
    this.#outputs.push(valueMessage(name, type, shape));
    this.descriptions.push(`output ${described(name, type, shape)}`);
  }

  /** Adds a constant (initializer); one that has been added under this name is used again. @returns its name */
  constant(name: string, shape: readonly number[], data: Float32Array | Int32Array | BigInt64Array): string {
    if (!this.#initializers.has(name)) this.#initializers.set(name, tensorMessage(name, shape, data));
    return name;
  }

  /** Adds a list of int64 numbers, as operators take axes and shapes. @returns its name */
  integers(name: string, values: readonly number[]): string {
    return this.constant(name, [values.length], BigInt64Array.from(values, BigInt));
  }

  /** Adds an operator with one output, which gets the operator's name. @returns the name */
  node(
    operator: string,
    name: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): string {
    this.nodeWithOutputs(operator, name, inputs, [name], attributes);
    return name;
  }

  /**
   * Adds an operator with several outputs.
   * @param inputs an empty name leaves an input out, and so with outputs
   */
  nodeWithOutputs(
    operator: string,
    name: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): void {
    const written = [withoutOmittedEnd(inputs), withoutOmittedEnd(outputs)] as const;
    this.#nodes.push(nodeMessage(operator, name, ...written, attributes));
  }

  /** GraphProto */
  finish(name: string): ProtobufWriter {
    return graphMessage({
      name,
      nodes: this.#nodes,
      initializers: [...this.#initializers.values()],
      inputs: this.#inputs,
      outputs: this.#outputs,
    });
  }
}

function described(name: string, type: ElementType, shape: readonly Dimension[]): string {
  return `${name}: ${type === 'float' ? 'float32' : type} [${shape.join(', ')}]`;
}

/** The names up to the last that is not empty. */
function withoutOmittedEnd(names: readonly string[]): readonly string[] {
  return names.slice(0, names.findLastIndex((name) => name !== '') + 1);
}
