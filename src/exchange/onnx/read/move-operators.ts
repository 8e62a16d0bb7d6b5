/** Operators that move elements: they work on numbers and labels alike. */
import { stridesOf } from '../../strides.js';
import { DATA_TYPE } from '../onnx-fields.js';
import { isFloatType, isWholeType } from './constants.js';
import {
  broadcastShape,
  broadcastStrides,
  elementCount,
  type GraphValue,
  rearranged,
  wholes,
} from './graph-value.js';
import type { Operator, OperatorCall } from './operator-call.js';

const constant: Operator = (call) => {
  const { constants } = call.analysis;
  const tensor = call.attribute('value', 'tensor');
  if (tensor !== null) return [constants.valueOf(tensor)];
  const whole = call.attribute('value_int', 'whole');
  if (whole !== null) return [{ ...wholes([whole]), shape: [] }];
  const list = call.attribute('value_ints', 'wholes');
  if (list !== null) return [wholes(list)];
  const float = call.attribute('value_float', 'float');
  if (float !== null) return [{ kind: 'float', shape: [], data: Float32Array.of(float) }];
  return call.fail('has no value, or one of a type that is not supported');
};

/** Sizes from an input; the operator then makes a value of this shape, which the budget bounds. */
function sizesOf(call: OperatorCall, place: number): number[] {
  const sizes = call.wholeList(place, 'the shape');
  if (!sizes.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    call.fail(`is given the shape [${sizes.slice(0, 16).join(', ')}]`);
  }
  return sizes;
}

const constantOfShape: Operator = (call) => {
  const shape = sizesOf(call, 0);
  const tensor = call.attribute('value', 'tensor');
  const value: GraphValue =
    tensor === null
      ? { kind: 'float', shape: [1], data: new Float32Array(1) }
      : call.analysis.constants.valueOf(tensor);
  if (value.data.length !== 1) call.fail(`has ${value.data.length} values to repeat, expected one`);
  return [rearranged(value, shape, new Array<number>(shape.length).fill(0), 0, call.analysis.budget)];
};

const expand: Operator = (call) => {
  const value = call.input(0);
  const asked = sizesOf(call, 1);
  const shape = broadcastShape([value.shape, asked]);
  const strides = shape && broadcastStrides(value.shape, shape);
  if (!shape || !strides) {
    return call.fail(`cannot expand [${value.shape.join(', ')}] to [${asked.join(', ')}]`);
  }
  return [rearranged(value, shape, strides, 0, call.analysis.budget)];
};

const identity: Operator = (call) => [call.input(0)];

/** In use, a dropout changes nothing. */
const dropout: Operator = (call) => {
  call.ignore('ratio', 'seed', 'is_test');
  const training = call.optional(2);
  if (training?.data.some((value) => value !== 0))
    call.fail('is in training mode; export in evaluation mode');
  return [call.input(0)];
};

const cast: Operator = (call) => {
  const value = call.input(0);
  const to = call.whole('to', 0);
  call.ignore('saturate', 'round_mode');
  if (isFloatType(to)) {
    return [
      value.kind === 'whole' ? { ...value, kind: 'float', data: Float32Array.from(value.data) } : value,
    ];
  }
  if (!isWholeType(to)) call.fail(`casts to the element type ${to}, which is not supported`);
  if (value.kind === 'label') call.fail('casts numbers that the model computes to whole numbers');
  if (value.kind === 'whole' && to !== DATA_TYPE.bool) return [value];
  const whole = to === DATA_TYPE.bool ? (x: number) => Number(x !== 0) : Math.trunc;
  return [{ kind: 'whole', shape: value.shape, data: Float64Array.from(value.data, whole) }];
};

const shape: Operator = (call) => {
  const { shape } = call.input(0);
  const start = call.whole('start', 0);
  const end = call.attribute('end', 'whole') ?? undefined;
  return [wholes(shape.slice(start, end))];
};

const size: Operator = (call) => [{ ...wholes([elementCount(call.input(0).shape)]), shape: [] }];

const transpose: Operator = (call) => {
  const value = call.input(0);
  const rank = value.shape.length;
  const axes = value.shape.map((_, axis) => rank - 1 - axis);
  const perm = call.attribute('perm', 'wholes') ?? axes;
  if (perm.length !== rank || new Set(perm).size !== rank || !perm.every((axis) => axes.includes(axis))) {
    call.fail(`has the order of axes [${perm.slice(0, 16).join(', ')}] for a value with ${rank} axes`);
  }
  const strides = stridesOf(value.shape);
  const [shape, own] = [value.shape, strides].map((list) => perm.map((axis) => list[axis]));
  return [rearranged(value, shape, own, 0, call.analysis.budget)];
};

/** The same elements in another shape. */
function reshaped(call: OperatorCall, value: GraphValue, shape: readonly number[]): GraphValue[] {
  if (elementCount(shape) !== elementCount(value.shape)) {
    call.fail(`cannot make [${shape.join(', ')}] of the shape [${value.shape.join(', ')}]`);
  }
  return [{ ...value, shape }];
}

const reshape: Operator = (call) => {
  const value = call.input(0);
  const asked = call.wholesOf('shape', 1) ?? call.fail('needs a shape');
  const keepsZero = call.whole('allowzero', 0) !== 0;
  const shape = asked.map((size, axis) => (size === 0 && !keepsZero ? (value.shape[axis] ?? 0) : size));
  const open = shape.indexOf(-1);
  if (shape.some((size, axis) => (size < 0 && axis !== open) || !Number.isSafeInteger(size))) {
    call.fail(`is given the shape [${asked.slice(0, 16).join(', ')}]`);
  }
  if (open >= 0) {
    const rest = elementCount(shape.filter((_, axis) => axis !== open));
    const whole = elementCount(value.shape) / rest;
    if (!Number.isInteger(whole)) {
      call.fail(`cannot make [${asked.join(', ')}] of the shape [${value.shape.join(', ')}]`);
    }
    shape[open] = whole;
  }
  return reshaped(call, value, shape);
};

const flatten: Operator = (call) => {
  const value = call.input(0);
  const rank = value.shape.length;
  const axis = call.whole('axis', 1);
  const split = axis === rank ? rank : call.axis(axis, rank);
  const sizes = [value.shape.slice(0, split), value.shape.slice(split)].map(elementCount);
  return reshaped(call, value, sizes);
};

const squeeze: Operator = (call) => {
  const value = call.input(0);
  const rank = value.shape.length;
  const axes = call.wholesOf('axes', 1)?.map((axis) => call.axis(axis, rank));
  const wide = axes?.find((axis) => value.shape[axis] !== 1);
  if (wide !== undefined) call.fail(`removes axis ${wide} of the shape [${value.shape.join(', ')}]`);
  return [{ ...value, shape: value.shape.filter((size, n) => !(axes ? axes.includes(n) : size === 1)) }];
};

const unsqueeze: Operator = (call) => {
  const value = call.input(0);
  const given = call.wholesOf('axes', 1) ?? call.fail('needs axes');
  const rank = value.shape.length + given.length;
  const axes = given.map((axis) => call.axis(axis, rank));
  if (rank > MAX_RANK || new Set(axes).size !== axes.length)
    call.fail(`is given the axes [${given.slice(0, 16).join(', ')}]`);
  const shape = new Array<number>(rank).fill(1);
  const rest = [...value.shape];
  for (let axis = 0; axis < rank; axis++) if (!axes.includes(axis)) shape[axis] = rest.shift() ?? 1;
  return [{ ...value, shape }];
};

/** Of values that operators make; files may declare up to 16. */
const MAX_RANK = 32;

/** One part of an axis. */
function part(call: OperatorCall, value: GraphValue, axis: number, start: number, count: number): GraphValue {
  const strides = stridesOf(value.shape);
  const shape = value.shape.map((size, n) => (n === axis ? count : size));
  return rearranged(value, shape, strides, start * strides[axis], call.analysis.budget);
}

const slice: Operator = (call) => {
  const value = call.input(0);
  const rank = value.shape.length;
  const starts = call.wholesOf('starts', 1) ?? call.fail('needs starts');
  const ends = call.wholesOf('ends', 2) ?? call.fail('needs ends');
  const axes = (call.wholesOf('axes', 3) ?? starts.map((_, n) => n)).map((axis) => call.axis(axis, rank));
  const steps = call.optional(4) ? call.wholeList(4, 'the steps') : starts.map(() => 1);
  if (
    [ends, axes, steps].some(({ length }) => length !== starts.length) ||
    new Set(axes).size !== axes.length
  ) {
    call.fail('has lists of starts, ends, axes and steps that do not fit together');
  }
  const shape = [...value.shape];
  const strides = stridesOf(value.shape);
  let offset = 0;
  axes.forEach((axis, n) => {
    const step = steps[n];
    if (step === 0 || !Number.isSafeInteger(step)) call.fail(`has the step ${step}`);
    const size = value.shape[axis];
    // A backward slice begins at the last element at most, and ends before the first at least: at -1.
    const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
    const bounded = (at: number) => Math.min(high, Math.max(low, at < 0 ? at + size : at));
    const start = bounded(starts[n]);
    shape[axis] = Math.max(0, Math.ceil((bounded(ends[n]) - start) / step));
    offset += start * strides[axis];
    strides[axis] *= step;
  });
  return [rearranged(value, shape, strides, offset, call.analysis.budget)];
};

const split: Operator = (call) => {
  const value = call.input(0);
  const axis = call.axis(call.whole('axis', 0), value.shape.length);
  const size = value.shape[axis];
  const count = call.attribute('num_outputs', 'whole') ?? call.node.outputs.length;
  const even = Math.ceil(size / count);
  const sizes =
    call.wholesOf('split', 1) ??
    Array.from(call.node.outputs, (_, n) => Math.max(0, Math.min(even, size - n * even)));
  const sum = sizes.reduce((total, each) => total + each, 0);
  if (sizes.length !== call.node.outputs.length || !sizes.every((each) => each >= 0) || sum !== size) {
    call.fail(`splits an axis of ${size} into ${sizes.slice(0, 16).join(', ')}`);
  }
  let start = 0;
  return sizes.map((each) => {
    start += each;
    return part(call, value, axis, start - each, each);
  });
};

const concat: Operator = (call) => {
  const values = call.inputs.filter((value): value is GraphValue => value !== null);
  const [first] = values;
  if (first === undefined) return call.fail('has no inputs');
  const axis = call.axis(call.whole('axis', 0), first.shape.length);
  const kind = values.find((value) => value.kind === 'label')?.kind ?? first.kind;
  for (const value of values) {
    const fits =
      value.shape.length === first.shape.length &&
      value.shape.every((size, n) => n === axis || size === first.shape[n]);
    if (!fits) call.fail(`joins the shapes [${first.shape.join(', ')}] and [${value.shape.join(', ')}]`);
    // Zeros are label 0.
    if (value.kind !== kind && !(kind === 'label' && value.data.every((each) => each === 0))) {
      call.fail('joins numbers that the model computes with other numbers');
    }
  }
  const shape = [...first.shape];
  shape[axis] = values.reduce((sum, value) => sum + value.shape[axis], 0);
  const data = call.analysis.budget.make(shape, kind);
  // Without elements the outer axes may have any size.
  const outer = data.length === 0 ? 0 : elementCount(shape.slice(0, axis));
  let at = 0;
  for (let n = 0; n < outer; n++) {
    for (const value of values) {
      const block = value.data.length / outer;
      data.set(value.data.subarray(n * block, (n + 1) * block), at);
      at += block;
    }
  }
  return [{ kind, shape, data }];
};

const gather: Operator = (call) => {
  const value = call.input(0);
  const indices = call.numbers(1, 'the indices');
  const axis = call.axis(call.whole('axis', 0), value.shape.length);
  const size = value.shape[axis];
  const shape = [...value.shape.slice(0, axis), ...indices.shape, ...value.shape.slice(axis + 1)];
  const data = call.analysis.budget.make(shape, value.kind);
  const inner = elementCount(value.shape.slice(axis + 1));
  const outer = data.length === 0 ? 0 : elementCount(value.shape.slice(0, axis));
  let at = 0;
  for (let n = 0; n < outer; n++) {
    for (const index of indices.data) {
      const place = index < 0 ? index + size : index;
      if (!Number.isInteger(place) || place < 0 || place >= size)
        call.fail(`takes element ${index} of ${size}`);
      const from = (n * size + place) * inner;
      data.set(value.data.subarray(from, from + inner), at);
      at += inner;
    }
  }
  return [{ kind: value.kind, shape, data }];
};

/** Reverses the first steps of each sequence. */
const reverseSequence: Operator = (call) => {
  const value = call.input(0);
  const lengths = call.wholeList(1, 'the lengths');
  const [batchAxis, timeAxis] = [call.whole('batch_axis', 1), call.whole('time_axis', 0)];
  if (
    ![batchAxis, timeAxis].every((axis) => axis === 0 || axis === 1) ||
    batchAxis === timeAxis ||
    value.shape.length < 2
  ) {
    call.fail('needs the axes 0 and 1 as batch and time');
  }
  const [B, T] = [value.shape[batchAxis], value.shape[timeAxis]];
  if (
    lengths.length !== B ||
    !lengths.every((length) => Number.isInteger(length) && length >= 1 && length <= T)
  ) {
    call.fail(`has lengths that do not fit ${B} sequences of ${T} steps`);
  }
  const data = call.analysis.budget.make(value.shape, value.kind);
  const inner = elementCount(value.shape.slice(2));
  const place = (b: number, t: number) => (batchAxis === 0 ? b * T + t : t * B + b) * inner;
  for (let b = 0; b < B && data.length > 0; b++) {
    for (let t = 0; t < T; t++) {
      const from = place(b, t < lengths[b] ? lengths[b] - 1 - t : t);
      data.set(value.data.subarray(from, from + inner), place(b, t));
    }
  }
  return [{ ...value, data }];
};

export const MOVE_OPERATORS: Readonly<Record<string, Operator>> = {
  Cast: cast,
  Concat: concat,
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Dropout: dropout,
  Expand: expand,
  Flatten: flatten,
  Gather: gather,
  Identity: identity,
  Reshape: reshape,
  ReverseSequence: reverseSequence,
  Shape: shape,
  Size: size,
  Slice: slice,
  Split: split,
  Squeeze: squeeze,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
};
