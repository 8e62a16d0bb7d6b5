/** One operator of a graph while it is analysed: its inputs, its attributes, and messages that name it. */
import { quote } from '../../../formats/quotation.js';
import { UserError } from '../../../user-error.js';
import type { Constants } from './constants.js';
import type { Budget, GraphValue } from './graph-value.js';
import type { Labels } from './labels.js';
import type { LstmStack } from './lstm-stack.js';
import type { StoredNode } from './model-message.js';
import type { StoredTensor } from './tensor-message.js';

/** The linear layer, as the graph has it. */
export interface LinearLayer {
  /** [R, F] labels of its inputs, a row for each answer. */
  features: Int32Array;
  featureCount: number;
  /** [F, K] by these strides, as it lies in the file. */
  weight: GraphValue;
  weightStrides: readonly [perFeature: number, perClass: number];
  /** [K]; null for zeros. */
  bias: Float32Array | null;
  classes: number;
  /** The number that divides the answers before the softmax; null for none. */
  temperature: number | null;
  /** Labels of the answers [R, K]. */
  firstAnswer: number;
}

/** What the analysis of a graph shares between operators. */
export interface Analysis {
  file: string;
  /** Version of the operators. */
  opset: number;
  constants: Constants;
  budget: Budget;
  labels: Labels;
  lstm: LstmStack;
  linear: LinearLayer | null;
  /** Lines for the user. */
  notices: Set<string>;
}

/** An operator: values in, values out, in the order of the node's outputs. */
export type Operator = (call: OperatorCall) => GraphValue[];

export class OperatorCall {
  readonly #read = new Set<string>();

  /** @param inputs null for one that is left out */
  constructor(
    readonly node: StoredNode,
    readonly inputs: readonly (GraphValue | null)[],
    readonly analysis: Analysis,
  ) {}

  /** The input at this place. @throws UserError if it is left out */
  input(place: number): GraphValue {
    return this.optional(place) ?? this.fail(`needs ${place + 1} inputs`);
  }

  optional(place: number): GraphValue | null {
    return this.inputs[place] ?? null;
  }

  /** An input of known numbers. @param what it is: `the shape` */
  numbers(place: number, what: string): GraphValue {
    const value = this.input(place);
    if (value.kind === 'label') this.fail(`computes ${what} from the model's input, which is not supported`);
    return value;
  }

  /** A list of whole numbers, of an attribute (older opsets) or an input; null if there is none. */
  wholesOf(attribute: string, place: number): number[] | null {
    const stored = this.attribute(attribute, 'wholes');
    if (stored !== null) return stored;
    if (this.optional(place) === null) return null;
    return this.wholeList(place, attribute);
  }

  /** An input that is a list of whole numbers, or one. */
  wholeList(place: number, what: string): number[] {
    const value = this.numbers(place, what);
    if (value.kind !== 'whole' || value.shape.length > 1 || value.data.length > MAX_LIST) {
      this.fail(`needs a list of at most ${MAX_LIST} whole numbers as ${what}`);
    }
    return Array.from(value.data);
  }

  /** An attribute; null if the file has none. @throws UserError if it is of another type */
  attribute<K extends keyof AttributeTypes>(name: string, kind: K): AttributeTypes[K] | null {
    this.#read.add(name);
    const stored = this.node.attributes.get(name);
    if (stored === undefined) return null;
    if (stored.kind === kind) return stored.value as AttributeTypes[K];
    return this.fail(`has the attribute ${quote(name)} of another type than expected`);
  }

  whole(name: string, fallback: number): number {
    return this.attribute(name, 'whole') ?? fallback;
  }

  float(name: string, fallback: number): number {
    return this.attribute(name, 'float') ?? fallback;
  }

  /** An axis from 0, of a number that may count from the end. */
  axis(axis: number, rank: number): number {
    const found = axis < 0 ? axis + rank : axis;
    if (!(Number.isInteger(found) && found >= 0 && found < rank)) {
      this.fail(`works on axis ${axis} of a value with ${rank} axes`);
    }
    return found;
  }

  /** Names of attributes that change nothing here. */
  ignore(...names: string[]): void {
    for (const name of names) this.#read.add(name);
  }

  /** @throws UserError if the node has attributes that nothing has read, because they could change the result */
  refuseOtherAttributes(): void {
    for (const [name, { kind, value }] of this.node.attributes) {
      if (this.#read.has(name)) continue;
      const what = kind === 'other' ? ` (${String(value)})` : '';
      this.fail(`has the attribute ${quote(name)}${what}, which is not supported`);
    }
  }

  /** @throws UserError that names the operator */
  fail(problem: string): never {
    throw new UserError(this.#message(problem));
  }

  /** As `fail`; the analysis may be repeated with another size. */
  failOfSize(problem: string, found: number, needed: number): never {
    throw new OtherSize(this.#message(problem), found, needed);
  }

  #message(problem: string): string {
    const { operator, name } = this.node;
    const title = name === '' ? '' : ` ${quote(name)}`;
    return `${this.analysis.file}: the operator ${plain(operator)}${title} ${problem}`;
  }
}

interface AttributeTypes {
  whole: number;
  float: number;
  text: string;
  wholes: number[];
  texts: string[];
  tensor: StoredTensor;
}

/** A size of the analysis that is not what the weights need. Sizes that differ from call to call are then set anew. */
export class OtherSize extends UserError {
  constructor(
    message: string,
    readonly found: number,
    readonly needed: number,
  ) {
    super(message);
  }
}

/** Axes, shapes, parts of a Split. */
const MAX_LIST = 4096;

/** An operator's name for messages: quoted unless it is a plain word. */
export function plain(operator: string): string {
  return /^[A-Za-z][A-Za-z0-9]{0,60}$/.test(operator) ? operator : quote(operator);
}
