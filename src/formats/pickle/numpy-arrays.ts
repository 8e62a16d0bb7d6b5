/** Arrays in a pickle of NumPy's: an array of arrays of whole numbers, as sketch-rnn's files have them. */
import { UserError } from '../../user-error.js';
import { quote } from '../quotation.js';
import { ARRAY, DTYPE, NUMPY_PICKLES } from './numpy-functions.js';
import { readPickle } from './pickle-reader.js';
import { describeValue, PickleRecord, PickleTuple, type PickleValue } from './pickle-values.js';

/** Rows of whole numbers. */
export interface NumberRows {
  rows: number;
  columns: number;
  /** [rows · columns] */
  values: Int16Array | Int32Array;
}

const MAX_COLUMNS = 16;

/**
 * The arrays in a pickled array of arrays.
 * @param bytes the pickle begins at `start`
 * @param where how messages name it: `cat.npz/train`
 * @returns each as a function, which reads its numbers
 * @throws UserError if the pickle is damaged, or something else than an array of arrays of int16 or int32; the functions
 *   throw it for an array of another form
 */
export function pickledArrays(bytes: Uint8Array, where: string, start: number): (() => NumberRows)[] {
  const { value } = readPickle(bytes, where, start, NUMPY_PICKLES);
  const { shape, data } = stateOf(value, where);
  if (!Array.isArray(data) || shape.length !== 1 || shape[0] !== data.length) {
    throw new UserError(`${where}: expected a list of arrays, found ${describeValue(data)}`);
  }
  return data.map((each, n) => () => numberRows(each, `${where}: array ${n}`));
}

function numberRows(value: PickleValue, where: string): NumberRows {
  const { shape, data, type, fortranOrder } = stateOf(value, where);
  const [rows = -1, columns = -1] = shape;
  if (shape.length !== 2 || fortranOrder || columns > MAX_COLUMNS) {
    throw new UserError(`${where}: expected [rows, columns], row by row, found [${shape.join(', ')}]`);
  }
  const bytesEach = type === '<i2' ? 2 : type === '<i4' ? 4 : 0;
  if (bytesEach === 0)
    throw new UserError(`${where}: expected int16 or int32, found the type ${quote(type)}`);
  if (!(data instanceof Uint8Array) || data.length !== rows * columns * bytesEach) {
    throw new UserError(
      `${where}: [${rows}, ${columns}] of ${bytesEach} bytes each, but there are ${describeValue(data)}`,
    );
  }
  const { buffer } = data.slice(); // Aligned.
  return { rows, columns, values: bytesEach === 2 ? new Int16Array(buffer) : new Int32Array(buffer) };
}

/** The state of an array: (version, shape, type, Fortran's order, data). */
function stateOf(value: PickleValue, where: string) {
  const state = value instanceof PickleRecord && value.className === ARRAY ? value.state : null;
  if (!(state instanceof PickleTuple) || state.items.length !== 5) {
    throw new UserError(`${where}: expected an array, found ${describeValue(value)}`);
  }
  const [, sizes, type, fortranOrder, data] = state.items;
  const shape = sizes instanceof PickleTuple ? sizes.items : [];
  if (shape.some((size) => typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)) {
    throw new UserError(`${where}: its shape is no list of whole numbers`);
  }
  return { shape: shape as number[], type: typeName(type), fortranOrder: fortranOrder === true, data };
}

/** `<i2`, `|O`: order of bytes and type. */
function typeName(type: PickleValue): string {
  if (!(type instanceof PickleRecord) || type.className !== DTYPE) return 'unknown';
  const name = textOf(type.args[0]);
  const order = type.state instanceof PickleTuple ? textOf(type.state.items[1]) : '';
  return `${order}${name}`;
}

function textOf(value: PickleValue | undefined): string {
  if (value instanceof Uint8Array) return new TextDecoder('latin1').decode(value.subarray(0, 20));
  return typeof value === 'string' ? value.slice(0, 20) : '';
}
