/**
 * Values of an ONNX graph while it is analysed: numbers, or labels in place of numbers that are not known. A label is a
 * whole number that says which number stands there (labels.ts); 0 is the number 0. Operators that only move numbers
 * move labels as well.
 */

import { UserError } from '../../../user-error.js';
import { stridesOf } from '../../strides.js';

export type ValueData = Float32Array | Float64Array | Int32Array;

export interface GraphValue {
  /** 'whole': whole numbers, or 0 and 1 for false and true. */
  kind: 'float' | 'whole' | 'label';
  shape: readonly number[];
  /** Float32Array for 'float', Float64Array for 'whole', Int32Array for 'label'; row-major; never changed. */
  data: ValueData;
}

/** Bytes of a value, besides a share that grows with the file: labels of 64 sequences × 784 steps × 256 units. */
const MAX_VALUE_BYTES = 64 * 2 ** 20;
/** Bytes of all values that operators make. Takes a second or two. */
const MAX_MADE_BYTES = 384 * 2 ** 20;

/** Bounds memory and time of the analysis, whatever sizes a file names. */
export class Budget {
  readonly #most: number;
  #left: number;

  /** @param fileBytes a larger file may hold larger weights */
  constructor(
    readonly file: string,
    fileBytes: number,
  ) {
    this.#most = MAX_VALUE_BYTES + fileBytes;
    this.#left = MAX_MADE_BYTES + 4 * fileBytes;
  }

  /** Counts a value before it is made. @returns its elements @throws UserError beyond the bounds */
  spend(shape: readonly number[], kind: GraphValue['kind']): number {
    const count = elementCount(shape);
    const bytes = count * (kind === 'whole' ? 8 : 4);
    if (bytes > this.#most || bytes > this.#left) {
      throw new UserError(
        `${this.file}: a value in the graph has the shape [${shape.join(', ')}], which is too large to analyse; ` +
          'export the model with a smaller batch, or with a batch of any size (dynamic)',
      );
    }
    // An operator takes time even for an empty value.
    this.#left -= bytes + 64;
    return count;
  }

  /** Memory for a value, counted, and filled with 0. */
  make(shape: readonly number[], kind: GraphValue['kind']): ValueData {
    return emptyData(kind, this.spend(shape, kind));
  }
}

/** Product of the sizes; Infinity from 2⁵³ on, also of a partial product. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (count >= 2 ** 53) return Number.POSITIVE_INFINITY;
  }
  return count;
}

/** @param count elements, which are all 0 */
function emptyData(kind: GraphValue['kind'], count: number): ValueData {
  return kind === 'float'
    ? new Float32Array(count)
    : kind === 'whole'
      ? new Float64Array(count)
      : new Int32Array(count);
}

/** A list of whole numbers. */
export function wholes(values: readonly number[]): GraphValue {
  return { kind: 'whole', shape: [values.length], data: Float64Array.from(values) };
}

/**
 * The elements of a value in another arrangement: a transposed, sliced, reversed or repeated one.
 * @param strides of each axis of `shape` in the elements of `value`; 0 repeats, a negative one reverses
 * @param offset of the first element
 */
export function rearranged(
  value: GraphValue,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  budget: Budget,
): GraphValue {
  const data = budget.make(shape, value.kind);
  forEachIndex(shape, strides, offset, (from, to) => {
    data[to] = value.data[from];
  });
  return { kind: value.kind, shape, data };
}

/** Calls `visit` with the place of each element of a shape, first by `strides` and `offset`, then row-major. */
export function forEachIndex(
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  visit: (from: number, to: number) => void,
): void {
  const count = elementCount(shape);
  if (count === 0) return;
  const rank = shape.length;
  const inner = rank === 0 ? 1 : shape[rank - 1];
  const innerStride = rank === 0 ? 0 : strides[rank - 1];
  const index = new Array<number>(rank).fill(0);
  let from = offset;
  for (let to = 0; to < count; to += inner) {
    for (let n = 0; n < inner; n++) visit(from + n * innerStride, to + n);
    // Counts up the outer axes.
    for (let axis = rank - 2; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

/** The strides of a value that is repeated to a larger shape (broadcast); null if it does not fit. */
export function broadcastStrides(from: readonly number[], to: readonly number[]): number[] | null {
  const missing = to.length - from.length;
  if (missing < 0) return null;
  const own = stridesOf(from);
  const strides = to.map((size, axis) => {
    const mine = axis < missing ? 1 : from[axis - missing];
    if (mine === 1) return 0;
    return mine === size ? own[axis - missing] : Number.NaN;
  });
  return strides.some(Number.isNaN) ? null : strides;
}

/** The common shape of values that are combined element by element; null if there is none. */
export function broadcastShape(shapes: readonly (readonly number[])[]): number[] | null {
  const rank = Math.max(0, ...shapes.map(({ length }) => length));
  const common = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (const [n, size] of shape.entries()) {
      const axis = rank - shape.length + n;
      if (size === 1) continue;
      if (common[axis] !== 1 && common[axis] !== size) return null;
      common[axis] = size;
    }
  }
  return common;
}
