/**
 * Reads the values of tensors out of their storages: any strides become row-major, any floating-point type becomes
 * float32. Every index is checked against the storage before memory is allocated, and all tensors together have no more
 * elements than the file has bytes: strides of 0 let a tiny file announce a huge tensor.
 */

import type { TorchStorage, TorchTensor } from '../../../formats/pickle/pickle-values.js';
import { quote } from '../../../formats/quotation.js';
import { FLOAT_BYTES, type FloatType, floatAt, floatsOf } from '../../../formats/safetensors/float-types.js';
import type { TensorData } from '../../../state-dict.js';
import { UserError } from '../../../user-error.js';

/** Small files may hold a few tensors with strides of 0. */
const MIN_BUDGET_FLOATS = 4096;

/** Types of elements, by the names of PyTorch's dtypes and of its classes of storages. */
const FLOAT_TYPES: ReadonlyMap<string, FloatType> = new Map([
  ['float16', 'F16'],
  ['half', 'F16'],
  ['HalfStorage', 'F16'],
  ['bfloat16', 'BF16'],
  ['BFloat16Storage', 'BF16'],
  ['float32', 'F32'],
  ['float', 'F32'],
  ['FloatStorage', 'F32'],
  ['float64', 'F64'],
  ['double', 'F64'],
  ['DoubleStorage', 'F64'],
]);

/** Whole numbers: steps of optimisers, counters of modules. Bytes of an element. */
const INTEGER_BYTES: ReadonlyMap<string, number> = new Map([
  ['int64', 8],
  ['long', 8],
  ['LongStorage', 8],
  ['int32', 4],
  ['int', 4],
  ['IntStorage', 4],
]);

/** Gives the bytes of a block of memory in the file. @throws UserError if there is none of this key */
export type StorageBytes = (storage: TorchStorage) => Uint8Array;

/** Bytes of an element by the class of the storage: `torch.FloatStorage`; null of an unknown or untyped one. */
export function elementBytes(className: string): number | null {
  const name = lastPart(className);
  const float = FLOAT_TYPES.get(name);
  return float === undefined
    ? (INTEGER_BYTES.get(name) ?? OTHER_BYTES.get(name) ?? null)
    : FLOAT_BYTES[float];
}

const OTHER_BYTES: ReadonlyMap<string, number> = new Map([
  ['ShortStorage', 2],
  ['CharStorage', 1],
  ['ByteStorage', 1],
  ['BoolStorage', 1],
  ['ComplexFloatStorage', 8],
  ['ComplexDoubleStorage', 16],
  ['QInt8Storage', 1],
  ['QUInt8Storage', 1],
  ['QInt32Storage', 4],
]);

export class FloatReader {
  readonly #bytesOf: StorageBytes;
  /** Of the file, for messages. */
  readonly #name: string;
  readonly #budget: number;
  #used = 0;

  /** @param fileBytes length of the file */
  constructor(bytesOf: StorageBytes, fileBytes: number, name: string) {
    this.#bytesOf = bytesOf;
    this.#name = name;
    this.#budget = Math.max(fileBytes, MIN_BUDGET_FLOATS);
  }

  /** Whether a tensor holds floating-point numbers that are read. */
  isFloat(tensor: TorchTensor): boolean {
    return FLOAT_TYPES.has(typeName(tensor));
  }

  /**
   * The values of a tensor of floating-point numbers.
   * @param label of the tensor, for messages
   * @returns row-major copy
   * @throws UserError if the tensor does not fit its storage, or all tensors are too large
   */
  read(tensor: TorchTensor, label: string): TensorData {
    const what = `${this.#name}: tensor ${quote(label)}`;
    const type = FLOAT_TYPES.get(typeName(tensor));
    if (type === undefined)
      throw new UserError(`${what} holds ${typeName(tensor)}, expected floating-point numbers`);
    const { bytes, first, count } = this.#locate(tensor, FLOAT_BYTES[type], what);
    this.#used += count;
    if (this.#used > this.#budget) {
      throw new UserError(
        `${what}: with it, the tensors have ${this.#used} elements, more than the file has bytes; ` +
          'they repeat elements (strides of 0), so save them with tensor.contiguous()',
      );
    }
    const width = FLOAT_BYTES[type];
    const data = isRowMajor(tensor)
      ? floatsOf(bytes.subarray(first * width), type, count)
      : gathered(bytes, type, first, tensor, count);
    return { shape: [...tensor.size], data };
  }

  /** The only value of a tensor of one element, a whole number or a float; null of any other tensor. */
  readNumber(tensor: TorchTensor, label: string): number | null {
    if (tensor.size.some((size) => size !== 1)) return null;
    if (this.isFloat(tensor)) return this.read(tensor, label).data[0];
    const width = INTEGER_BYTES.get(typeName(tensor));
    if (width === undefined) return null;
    const { bytes, first } = this.#locate(tensor, width, `${this.#name}: tensor ${quote(label)}`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return width === 8 ? Number(view.getBigInt64(first * width, true)) : view.getInt32(first * width, true);
  }

  /** Checks a tensor against its storage. `first` is its first element within the bytes. */
  #locate(
    { storage, offset, size, stride }: TorchTensor,
    width: number,
    what: string,
  ): { bytes: Uint8Array; first: number; count: number } {
    const bytes = this.#bytesOf(storage);
    const untyped = elementBytes(storage.className) === null;
    const length = untyped ? Math.floor(storage.count / width) : storage.count;
    if ((storage.viewOffset + length) * width > bytes.length) {
      throw new UserError(
        `${what}: its storage ${quote(storage.key)} should have ${storage.viewOffset + length} elements of ${width} bytes, ` +
          `but the file holds ${bytes.length} bytes; it may be cut short or damaged`,
      );
    }
    let count = 1;
    let last = offset;
    for (let i = 0; i < size.length; i++) {
      count *= size[i];
      last += (size[i] - 1) * stride[i];
    }
    if (count > 0 && last >= length) {
      throw new UserError(
        `${what}: shape [${size.join(', ')}] with strides [${stride.join(', ')}] from element ${offset} ` +
          `reaches element ${last}, but its storage has ${length}`,
      );
    }
    return { bytes, first: storage.viewOffset + (count === 0 ? 0 : offset), count };
  }
}

function typeName({ dtype, storage }: TorchTensor): string {
  return lastPart(dtype ?? storage.className);
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function isRowMajor({ size, stride }: TorchTensor): boolean {
  let expected = 1;
  for (let i = size.length - 1; i >= 0; i--) {
    if (size[i] !== 1 && stride[i] !== expected) return size.includes(0);
    expected *= size[i];
  }
  return true;
}

/** Elements of any strides, in row-major order: counts through the indices, the last dimension fastest. */
function gathered(
  bytes: Uint8Array,
  type: FloatType,
  first: number,
  { size, stride }: TorchTensor,
  count: number,
): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const width = FLOAT_BYTES[type];
  const index = size.map(() => 0);
  const data = new Float32Array(count);
  let at = first;
  for (let n = 0; n < count; n++) {
    data[n] = floatAt(view, type, at * width);
    for (let i = size.length - 1; i >= 0; i--) {
      index[i]++;
      at += stride[i];
      if (index[i] < size[i]) break;
      at -= index[i] * stride[i];
      index[i] = 0;
    }
  }
  return data;
}
