/**
 * Goes through a graph from its inputs to its outputs, operator by operator. Numbers that the model computes are labels
 * (labels.ts), so what comes out is where each number comes from, not what it is. Only operators that the outputs need
 * are looked at, each once.
 */
import { quote } from '../../../formats/quotation.js';
import { UserError } from '../../../user-error.js';
import { ARITHMETIC_OPERATORS } from './arithmetic-operators.js';
import { type Constants, isFloatType, isWholeType } from './constants.js';
import { Budget, type GraphValue } from './graph-value.js';
import { Labels } from './labels.js';
import { isAnswers, LINEAR_OPERATORS } from './linear-layer.js';
import { lstm } from './lstm-operator.js';
import { LstmStack } from './lstm-stack.js';
import type { StoredGraph, StoredInput, StoredModel, StoredNode } from './model-message.js';
import { MOVE_OPERATORS } from './move-operators.js';
import { type Analysis, type LinearLayer, type Operator, OperatorCall } from './operator-call.js';

const OPERATORS: ReadonlyMap<string, Operator> = new Map([
  ...Object.entries(MOVE_OPERATORS),
  ...Object.entries(ARITHMETIC_OPERATORS),
  ...Object.entries(LINEAR_OPERATORS),
  ['LSTM', lstm],
]);

/** A graph that was analysed to its end: it has an LSTM and a linear layer. */
export type AnalysedGraph = Analysis & { linear: LinearLayer };

/**
 * @param sizeOf a size that differs from call to call, by its name and axis
 * @throws UserError naming the operator that is unknown, or used in a way that no classifier of this family has;
 * OtherSize if other sizes may help
 */
export function analyseGraph(
  { graph, opset }: StoredModel,
  constants: Constants,
  fileBytes: number,
  sizeOf: (name: string, axis: number) => number,
): AnalysedGraph {
  const { file } = constants;
  const labels = new Labels(file);
  const budget = new Budget(file, fileBytes);
  const analysis: Analysis = {
    file,
    opset,
    constants,
    budget,
    labels,
    lstm: new LstmStack(labels),
    linear: null,
    notices: new Set(),
  };
  const values = new Map<string, GraphValue>();
  const order = orderOf(graph, file);
  const uses = usesOf(graph, order);
  const inputs = inputValues(graph.inputs, analysis, sizeOf);
  const valueNamed = (name: string): GraphValue => {
    const made = values.get(name) ?? inputs.get(name);
    if (made !== undefined) return made;
    const tensor = graph.constants.get(name);
    if (tensor !== undefined) return constants.valueOf(tensor);
    throw new UserError(`${file}: nothing in the graph makes the value ${quote(name)}; is the file damaged?`);
  };
  for (const node of order) {
    const operator = OPERATORS.get(node.operator) ?? refuseOperator(node, file);
    const operands = node.inputs.map((name) => (name === '' ? null : valueNamed(name)));
    const call = new OperatorCall(node, operands, analysis);
    const results = operator(call);
    call.refuseOtherAttributes();
    node.outputs.forEach((name, n) => {
      const result = results[n];
      if (name !== '' && result !== undefined) values.set(name, result);
    });
    // Values that nothing needs any more are let go: labels take as much memory as what they stand for.
    for (const name of new Set(node.inputs)) {
      const left = (uses.get(name) ?? 0) - 1;
      uses.set(name, left);
      if (left === 0) values.delete(name);
    }
    for (const name of node.outputs) if (!uses.has(name)) values.delete(name);
  }
  const { linear } = analysis;
  if (analysis.lstm.steps === 0) {
    throw new UserError(
      `${file}: the graph has no LSTM; expected a classifier of LSTM layers and a linear layer`,
    );
  }
  if (linear === null) {
    throw new UserError(`${file}: the graph has no linear layer behind the LSTM, so it is no classifier`);
  }
  if (!graph.outputs.some((name) => isAnswers(linear, valueNamed(name)))) {
    throw new UserError(`${file}: no output of the graph is the linear layer's, or its softmax`);
  }
  return { ...analysis, linear };
}

function refuseOperator({ operator, name }: StoredNode, file: string): never {
  const title = name === '' ? '' : ` (${quote(name)})`;
  const what =
    operator === 'GRU' || operator === 'RNN'
      ? `${operator} layers${title} are`
      : `the operator ${quote(operator)}${title} is`;
  throw new UserError(
    `${file}: ${what} not supported; scanstroke reads classifiers of LSTM layers, one linear layer and a softmax`,
  );
}

/** The operators that the outputs need, each behind those that it needs. */
function orderOf(graph: StoredGraph, file: string): StoredNode[] {
  const makers = new Map<string, StoredNode>();
  const given = new Set([...graph.constants.keys(), ...graph.inputs.map(({ name }) => name)]);
  for (const node of graph.nodes) {
    for (const name of node.outputs) {
      if (name === '') continue;
      if (makers.has(name) || given.has(name)) {
        throw new UserError(
          `${file}: two values in the graph have the name ${quote(name)}; is the file damaged?`,
        );
      }
      makers.set(name, node);
    }
  }
  const order: StoredNode[] = [];
  const state = new Map<StoredNode, 'open' | 'done'>();
  // A list in place of recursion: a file chooses how long the chain of operators is.
  const open = graph.outputs.flatMap((name) => makers.get(name) ?? []).reverse();
  for (let node = open.at(-1); node !== undefined; node = open.at(-1)) {
    const before = state.get(node);
    if (before !== undefined) {
      open.pop();
      if (before === 'open') order.push(node);
      state.set(node, 'done');
      continue;
    }
    state.set(node, 'open');
    for (const name of node.inputs) {
      const maker = makers.get(name);
      if (maker === undefined || state.get(maker) === 'done') continue;
      if (state.get(maker) === 'open') {
        throw new UserError(
          `${file}: the graph needs the value ${quote(name)} to make it; is the file damaged?`,
        );
      }
      open.push(maker);
    }
  }
  return order;
}

/** How often each value is needed, by operators or as an output. */
function usesOf(graph: StoredGraph, order: readonly StoredNode[]): Map<string, number> {
  const uses = new Map<string, number>();
  for (const names of [graph.outputs, ...order.map(({ inputs }) => new Set(inputs))]) {
    for (const name of names) uses.set(name, (uses.get(name) ?? 0) + 1);
  }
  return uses;
}

/** Labels for the inputs of the graph; whole numbers in one axis are the lengths of the sequences. */
function inputValues(
  inputs: readonly StoredInput[],
  { file, labels, budget }: Analysis,
  sizeOf: (name: string, axis: number) => number,
): Map<string, GraphValue> {
  const shapes = new Map(
    inputs.map(({ name, shape }) => {
      if (shape === null)
        throw new UserError(`${file}: the input ${quote(name)} has no shape; export it with one`);
      return [name, shape.map((size, axis) => (typeof size === 'number' ? size : sizeOf(size, axis)))];
    }),
  );
  // Without sequences, a file reads single steps: states, sums and counts of earlier ones are its other inputs.
  const first = [...shapes.values()].find((shape) => shape.length > 1);
  const sequences = first?.length === 3 ? first : undefined;
  const values = new Map<string, GraphValue>();
  for (const { name, dataType } of inputs) {
    const shape = shapes.get(name) ?? [];
    const count = budget.spend(shape, 'label');
    if (isWholeType(dataType) && shape.length < 2) {
      values.set(name, { kind: 'whole', shape, data: lengthsFor(count, sequences) });
    } else if (isFloatType(dataType) || isWholeType(dataType)) {
      const { base } = labels.add({ kind: 'input', name, shape }, count);
      values.set(name, {
        kind: 'label',
        shape,
        data: Int32Array.from({ length: count }, (_, n) => base + n),
      });
    } else {
      throw new UserError(`${file}: the input ${quote(name)} is no tensor of numbers`);
    }
  }
  return values;
}

/** Lengths that differ: what is true for all steps must not be taken for true in general. 0 without sequences. */
function lengthsFor(count: number, sequences: readonly number[] | undefined): Float64Array {
  const batchFirst = sequences?.[0] === count;
  const steps = sequences === undefined ? 0 : sequences[batchFirst ? 1 : 0];
  return Float64Array.from({ length: count }, (_, n) => Math.max(Math.min(1, steps), steps - (n % 2)));
}
