/**
 * Writes Python's pickle format, protocol 2, as far as state dicts need it. Every global name is one that torch.load
 * accepts with weights_only. Format: https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */
import { stridesOf } from '../../strides.js';

/** A value of Python's. Numbers tell whether they are int or float; a list is a list, a tuple a tuple. */
export type PythonValue =
  | null
  | boolean
  | string
  | { int: number }
  | { float: number }
  | { list: readonly PythonValue[] }
  | { tuple: readonly PythonValue[] }
  | { dict: readonly (readonly [key: PythonValue, value: PythonValue])[] }
  | { orderedDict: readonly (readonly [key: PythonValue, value: PythonValue])[] }
  | { tensor: SavedTensor };

/** A contiguous float32 tensor whose values lie in a storage beside the pickle. */
export interface SavedTensor {
  /** Name of the storage. */
  storage: string;
  shape: readonly number[];
}

const OPCODES = {
  proto: 0x80,
  none: 0x4e,
  newTrue: 0x88,
  newFalse: 0x89,
  binInt: 0x4a,
  binInt1: 0x4b,
  long1: 0x8a,
  binFloat: 0x47,
  binUnicode: 0x58,
  emptyList: 0x5d,
  appends: 0x65,
  emptyDict: 0x7d,
  setItems: 0x75,
  mark: 0x28,
  emptyTuple: 0x29,
  tuple: 0x74,
  tuple1: 0x85,
  tuple2: 0x86,
  tuple3: 0x87,
  global: 0x63,
  reduce: 0x52,
  binPersId: 0x51,
  stop: 0x2e,
} as const;
const PROTOCOL = 2;
const EIGHT_BYTES = 8;

/** The pickle of a value. */
export function writePickle(value: PythonValue): Uint8Array {
  const writer = new PickleWriter();
  writer.op('proto', PROTOCOL);
  writer.value(value);
  writer.op('stop');
  return Uint8Array.from(writer.bytes);
}

class PickleWriter {
  readonly bytes: number[] = [];
  readonly #encoder = new TextEncoder();

  op(name: keyof typeof OPCODES, ...operand: number[]): void {
    this.bytes.push(OPCODES[name], ...operand);
  }

  value(value: PythonValue): void {
    if (value === null) this.op('none');
    else if (typeof value === 'boolean') this.op(value ? 'newTrue' : 'newFalse');
    else if (typeof value === 'string') this.#text(value);
    else if ('int' in value) this.#int(value.int);
    else if ('float' in value) this.#float(value.float);
    else if ('list' in value) {
      this.op('emptyList');
      this.#marked(value.list, 'appends');
    } else if ('tuple' in value) this.#tuple(value.tuple);
    else if ('dict' in value) {
      this.op('emptyDict');
      this.#marked(value.dict.flat(), 'setItems');
    } else if ('orderedDict' in value) {
      this.#orderedDict();
      this.#marked(value.orderedDict.flat(), 'setItems');
    } else this.#tensor(value.tensor);
  }

  #marked(values: readonly PythonValue[], last: 'appends' | 'setItems' | 'tuple'): void {
    this.op('mark');
    for (const each of values) this.value(each);
    this.op(last);
  }

  #int(value: number): void {
    if (value >= 0 && value < 2 ** 8) this.op('binInt1', value);
    else if (value === (value | 0)) this.op('binInt', ...littleEndian(BigInt(value), 4));
    else this.op('long1', EIGHT_BYTES, ...littleEndian(BigInt(value), EIGHT_BYTES));
  }

  #float(value: number): void {
    const bytes = new Uint8Array(EIGHT_BYTES);
    new DataView(bytes.buffer).setFloat64(0, value, false);
    this.op('binFloat', ...bytes);
  }

  #text(value: string): void {
    const encoded = this.#encoder.encode(value);
    this.op('binUnicode', ...littleEndian(BigInt(encoded.length), 4), ...encoded);
  }

  #tuple(values: readonly PythonValue[]): void {
    const short = (['emptyTuple', 'tuple1', 'tuple2', 'tuple3'] as const)[values.length];
    if (short === undefined) {
      this.#marked(values, 'tuple');
      return;
    }
    for (const each of values) this.value(each);
    this.op(short);
  }

  #global(module: string, name: string): void {
    this.op('global', ...this.#encoder.encode(`${module}\n${name}\n`));
  }

  #orderedDict(): void {
    this.#global('collections', 'OrderedDict');
    this.op('emptyTuple');
    this.op('reduce');
  }

  /** torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks) */
  #tensor({ storage, shape }: SavedTensor): void {
    this.#global('torch._utils', '_rebuild_tensor_v2');
    this.op('mark');
    this.op('mark');
    this.#text('storage');
    this.#global('torch', 'FloatStorage');
    this.#text(storage);
    this.#text('cpu');
    this.#int(shape.reduce((product, size) => product * size, 1));
    this.op('tuple');
    this.op('binPersId');
    this.#int(0);
    this.#tuple(shape.map((int) => ({ int })));
    this.#tuple(stridesOf(shape).map((int) => ({ int })));
    this.value(false);
    this.#orderedDict();
    this.op('tuple');
    this.op('reduce');
  }
}

/** In two's complement. */
function littleEndian(value: bigint, count: number): number[] {
  return Array.from({ length: count }, (_, byte) => Number((value >> BigInt(8 * byte)) & 0xffn));
}
