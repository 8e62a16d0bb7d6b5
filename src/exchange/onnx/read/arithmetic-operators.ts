/**
 * Operators that compute: on numbers, to fold the constants of a graph, and on labels as far as a classifier of this
 * family does: sums and means over steps, masks of zeros and ones, the bias, and the scaling of inputs.
 */
import { stridesOf } from '../../strides.js';
import {
  broadcastShape,
  broadcastStrides,
  elementCount,
  forEachIndex,
  type GraphValue,
} from './graph-value.js';
import { addBias, divideAnswers } from './linear-layer.js';
import { type Operator, type OperatorCall, plain } from './operator-call.js';

type Compute = (a: number, b: number) => number;

/** Values side by side, each repeated to their common shape. `visit` gets the places of an element in all of them. */
function broadcast(
  call: OperatorCall,
  values: readonly GraphValue[],
  kind: GraphValue['kind'],
  element: (places: readonly number[]) => number,
): GraphValue[] {
  const shape = broadcastShape(values.map((value) => value.shape));
  if (shape === null) {
    return call.fail(
      `combines the shapes ${values.map((value) => `[${value.shape.join(', ')}]`).join(' and ')}`,
    );
  }
  const data = call.analysis.budget.make(shape, kind);
  const places = values.map((value) => {
    const list = new Int32Array(data.length);
    forEachIndex(shape, broadcastStrides(value.shape, shape) ?? [], 0, (from, to) => {
      list[to] = from;
    });
    return list;
  });
  const at = new Array<number>(values.length);
  for (let n = 0; n < data.length; n++) {
    for (let v = 0; v < values.length; v++) at[v] = places[v][n];
    data[n] = element(at);
  }
  return [{ kind, shape, data }];
}

/** An operator of two numbers, which also combines a label with a number if `onLabel` knows how. */
function arithmetic(compute: Compute, onLabel: OnLabel | null, compares = false): Operator {
  return (call) => {
    const [a, b] = [call.input(0), call.input(1)];
    if (a.kind === 'label' || b.kind === 'label') return combineLabels(call, a, b, onLabel);
    const whole = compares || (a.kind === 'whole' && b.kind === 'whole');
    return broadcast(call, [a, b], whole ? 'whole' : 'float', ([i, j]) => {
      const result = compute(a.data[i], b.data[j]);
      return whole ? Math.trunc(result) : result;
    });
  };
}

/**
 * The label of a number after an operation with a known number; null if there is none.
 * @param swapped the known number comes first
 */
type OnLabel = (call: OperatorCall, label: number, known: number, swapped: boolean) => number | null;

function combineLabels(
  call: OperatorCall,
  a: GraphValue,
  b: GraphValue,
  onLabel: OnLabel | null,
): GraphValue[] {
  if (onLabel === null) return refuseLabels(call);
  if (a.kind === 'label' && b.kind === 'label') {
    if (call.node.operator !== 'Add') return refuseLabels(call);
    return broadcast(call, [a, b], 'label', ([i, j]) => sumOf(call, a.data[i], b.data[j]));
  }
  const swapped = a.kind !== 'label';
  const [labels, known] = swapped ? [b, a] : [a, b];
  if (call.node.operator === 'Add' && addBias(call, labels, known)) return [labels];
  if (known.data.length === 1 && known.shape.length <= labels.shape.length) {
    const [number] = known.data;
    const divisor =
      call.node.operator === 'Mul' ? 1 / number : call.node.operator === 'Div' && !swapped ? number : 0;
    if (divisor !== 0 && number !== 1 && divideAnswers(call, labels, divisor)) return [labels];
  }
  return broadcast(call, [labels, known], 'label', ([i, j]) => {
    const label = labels.data[i];
    if (label !== 0 && call.analysis.labels.blockOf(label).kind === 'input') {
      call.analysis.notices.add(
        `the file's own arithmetic on its input (${plain(call.node.operator)}) is left out; the preprocessing takes its place`,
      );
      return label;
    }
    return onLabel(call, label, known.data[j], swapped) ?? refuseLabels(call);
  });
}

function refuseLabels(call: OperatorCall): never {
  return call.fail(
    'computes with values of the network; between the LSTM layers and the linear layer, scanstroke only joins, ' +
      'averages and selects their outputs',
  );
}

/** A number of a running sum, which a file that reads single steps takes as an input, and the output of a step. */
function sumOf(call: OperatorCall, a: number, b: number): number {
  if (a === 0 || b === 0) return a + b;
  const { labels, lstm, notices } = call.analysis;
  const [first, second] = labels.blockOf(a).kind === 'input' ? [a, b] : [b, a];
  if (lstm.steps === 1 && labels.blockOf(first).kind === 'input' && labels.blockOf(second).kind === 'state') {
    notices.add('the file takes a sum of earlier outputs as an input; scanstroke keeps it itself');
    return second;
  }
  return refuseLabels(call);
}

/** Whether numbers are equal within the rounding of float32. */
const near = (a: number, b: number) => Math.abs(a - b) <= 1e-6 * Math.abs(b);

const onAdd: OnLabel = (_call, label, known) => (known === 0 ? label : null);
const onSubtract: OnLabel = (_call, label, known, swapped) => (known === 0 && !swapped ? label : null);
const onMultiply: OnLabel = ({ analysis: { lstm } }, label, known) => {
  if (known === 0 || label === 0) return 0;
  const mean = lstm.meanOfSum(label);
  if (mean !== null && near(known, 1 / mean.steps)) return mean.label;
  return known === 1 ? label : null;
};
const onDivide: OnLabel = ({ analysis: { lstm } }, label, known, swapped) => {
  if (swapped || known === 0) return null;
  if (label === 0) return 0;
  const mean = lstm.meanOfSum(label);
  if (mean !== null && mean.steps === known) return mean.label;
  return known === 1 ? label : null;
};

const where: Operator = (call) => {
  const condition = call.numbers(0, 'the condition');
  const [a, b] = [call.input(1), call.input(2)];
  const kind = a.kind === 'label' || b.kind === 'label' ? 'label' : a.kind === 'whole' ? b.kind : a.kind;
  const taken = (value: GraphValue, at: number) => {
    if (kind === 'label' && value.kind !== 'label' && value.data[at] !== 0) {
      return call.fail('puts numbers other than 0 in the place of outputs');
    }
    return value.data[at];
  };
  return broadcast(call, [condition, a, b], kind, ([c, i, j]) =>
    condition.data[c] ? taken(a, i) : taken(b, j),
  );
};

const not: Operator = (call) => {
  const value = call.numbers(0, 'a negation');
  return [{ ...value, data: value.data.map((each) => Number(each === 0)) }];
};

const range: Operator = (call) => {
  const [start, limit, step] = [0, 1, 2].map((place) => call.numbers(place, 'a range').data[0] ?? Number.NaN);
  const count = Math.max(0, Math.ceil((limit - start) / step));
  if (!Number.isSafeInteger(count)) call.fail(`counts from ${start} to ${limit} by ${step}`);
  const { kind } = call.input(0);
  const data = call.analysis.budget.make([count], kind);
  for (let n = 0; n < count; n++) data[n] = start + n * step;
  return [{ kind, shape: [count], data }];
};

/** ReduceSum and ReduceMean. */
function reduction(means: boolean): Operator {
  return (call) => {
    const value = call.input(0);
    const rank = value.shape.length;
    const keeps = call.whole('keepdims', 1) !== 0;
    const nothing = call.whole('noop_with_empty_axes', 0) !== 0;
    const given = call.wholesOf('axes', 1)?.map((axis) => call.axis(axis, rank)) ?? [];
    if (given.length === 0 && nothing) return [value];
    const axes = given.length === 0 ? value.shape.map((_, axis) => axis) : given;
    const kept = value.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
    const reduced = value.shape.map((size, axis) => (axes.includes(axis) ? size : 1));
    const count = call.analysis.budget.spend(value.shape, value.kind);
    const width = elementCount(reduced);
    const data = call.analysis.budget.make(kept, value.kind);
    const strides = stridesOf(value.shape);
    // Where the elements of a group lie, from its first.
    const inGroup = new Int32Array(count === 0 ? 0 : width);
    if (count > 0) {
      forEachIndex(reduced, strides, 0, (from, to) => {
        inGroup[to] = from;
      });
    }
    const group = new Float64Array(inGroup.length);
    forEachIndex(kept, strides, 0, (from, to) => {
      for (let n = 0; n < inGroup.length; n++) group[n] = value.data[from + inGroup[n]];
      data[to] = value.kind === 'label' ? reducedLabel(call, group, means) : reducedNumber(group, means);
    });
    return [{ kind: value.kind, shape: keeps ? kept : kept.filter((_, axis) => !axes.includes(axis)), data }];
  };
}

function reducedNumber(group: ArrayLike<number>, means: boolean): number {
  let sum = 0;
  for (let n = 0; n < group.length; n++) sum += group[n];
  return means ? sum / group.length : sum;
}

function reducedLabel(call: OperatorCall, group: Float64Array, means: boolean): number {
  const { lstm } = call.analysis;
  if (group.length === 1) return group[0];
  const sum = lstm.sumOver(group);
  if (sum === null) {
    return call.fail(
      'adds up other values than the outputs of one unit over all steps, which is not supported',
    );
  }
  if (!means || sum === 0) return sum;
  const mean = lstm.meanOfSum(sum);
  if (mean?.steps === group.length) return mean.label;
  return call.fail('averages over steps past the end of a sequence, which would change the answer');
}

export const ARITHMETIC_OPERATORS: Readonly<Record<string, Operator>> = {
  Add: arithmetic((a, b) => a + b, onAdd),
  Sub: arithmetic((a, b) => a - b, onSubtract),
  Mul: arithmetic((a, b) => a * b, onMultiply),
  Div: arithmetic((a, b) => a / b, onDivide),
  Less: arithmetic((a, b) => Number(a < b), null, true),
  LessOrEqual: arithmetic((a, b) => Number(a <= b), null, true),
  Greater: arithmetic((a, b) => Number(a > b), null, true),
  GreaterOrEqual: arithmetic((a, b) => Number(a >= b), null, true),
  Equal: arithmetic((a, b) => Number(a === b), null, true),
  And: arithmetic((a, b) => Number(a !== 0 && b !== 0), null, true),
  Max: arithmetic(Math.max, null),
  Min: arithmetic(Math.min, null),
  Not: not,
  Range: range,
  ReduceMean: reduction(true),
  ReduceSum: reduction(false),
  Where: where,
};
