/** Decodes the values of an ONNX file's constants, each when it is first used, also from files beside the model. */

import { quote } from '../../../formats/quotation.js';
import { FLOAT_BYTES, type FloatType, floatsOf } from '../../../formats/safetensors/float-types.js';
import { UserError } from '../../../user-error.js';
import type { ReadBeside } from '../../foreign-model.js';
import { DATA_TYPE } from '../onnx-fields.js';
import { elementCount, type GraphValue } from './graph-value.js';
import type { StoredTensor } from './tensor-message.js';

const FLOATS: ReadonlyMap<number, FloatType> = new Map([
  [DATA_TYPE.float, 'F32'],
  [DATA_TYPE.float16, 'F16'],
  [DATA_TYPE.bfloat16, 'BF16'],
  [DATA_TYPE.double, 'F64'],
]);

/** Reads a whole number of raw_data. */
type ReadWhole = (view: DataView, at: number) => number;
const WHOLES: ReadonlyMap<number, { bytes: number; read: ReadWhole }> = new Map([
  [DATA_TYPE.bool, { bytes: 1, read: (view, at) => view.getUint8(at) }],
  [DATA_TYPE.uint8, { bytes: 1, read: (view, at) => view.getUint8(at) }],
  [DATA_TYPE.int8, { bytes: 1, read: (view, at) => view.getInt8(at) }],
  [DATA_TYPE.uint16, { bytes: 2, read: (view, at) => view.getUint16(at, true) }],
  [DATA_TYPE.int16, { bytes: 2, read: (view, at) => view.getInt16(at, true) }],
  [DATA_TYPE.uint32, { bytes: 4, read: (view, at) => view.getUint32(at, true) }],
  [DATA_TYPE.int32, { bytes: 4, read: (view, at) => view.getInt32(at, true) }],
  [DATA_TYPE.uint64, { bytes: 8, read: (view, at) => Number(view.getBigUint64(at, true)) }],
  [DATA_TYPE.int64, { bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) }],
]);

/** Whether a type's numbers are floats of a supported width. */
export function isFloatType(dataType: number): boolean {
  return FLOATS.has(dataType);
}

/** Whether a type's numbers are whole, or true and false. */
export function isWholeType(dataType: number): boolean {
  return WHOLES.has(dataType);
}

/** Decodes constants. A constant is decoded once, and a file beside the model read once. */
export class Constants {
  readonly #decoded = new Map<StoredTensor, GraphValue>();
  readonly #files = new Map<string, Uint8Array>();

  /** @param file how messages name the model's file */
  constructor(
    readonly file: string,
    readonly readBeside: ReadBeside,
  ) {}

  /** @throws UserError if type, sizes and bytes do not fit, or a file beside the model must not be read */
  valueOf(tensor: StoredTensor): GraphValue {
    const known = this.#decoded.get(tensor);
    if (known) return known;
    const value = this.#decode(tensor);
    this.#decoded.set(tensor, value);
    return value;
  }

  #decode(tensor: StoredTensor): GraphValue {
    const { dims, dataType } = tensor;
    const count = elementCount(dims);
    const float = FLOATS.get(dataType);
    if (float !== undefined) {
      const data =
        tensor.wholes.length > 0 && FLOAT_BYTES[float] === 2
          ? floatsOf(this.#halves(tensor, count), float, count)
          : floatsOf(this.#bytes(tensor, count, FLOAT_BYTES[float]), float, count);
      return { kind: 'float', shape: dims, data };
    }
    const whole = WHOLES.get(dataType);
    if (whole === undefined) this.#fail(tensor, `has the element type ${dataType}, which is not supported`);
    if (tensor.wholes.length > 0) {
      if (tensor.wholes.length !== count) this.#wrongLength(tensor, tensor.wholes.length, count, 'values');
      return { kind: 'whole', shape: dims, data: Float64Array.from(tensor.wholes) };
    }
    const bytes = this.#bytes(tensor, count, whole.bytes);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const data = Float64Array.from({ length: count }, (_, n) => whole.read(view, n * whole.bytes));
    return { kind: 'whole', shape: dims, data };
  }

  /** The bits of 16-bit floats, which int32_data holds one by one. */
  #halves(tensor: StoredTensor, count: number): Uint8Array {
    if (tensor.wholes.length !== count) this.#wrongLength(tensor, tensor.wholes.length, count, 'values');
    return new Uint8Array(Uint16Array.from(tensor.wholes).buffer);
  }

  /** The bytes of `count` elements, checked. */
  #bytes(tensor: StoredTensor, count: number, width: number): Uint8Array {
    const bytes = tensor.external
      ? this.#externalBytes(tensor, tensor.external)
      : (tensor.raw ?? joined(width === 8 ? tensor.doubleBytes : tensor.floatBytes));
    if (bytes.length !== count * width) this.#wrongLength(tensor, bytes.length, count * width, 'bytes');
    return bytes;
  }

  #externalBytes(tensor: StoredTensor, entries: Map<string, string>): Uint8Array {
    const location = entries.get('location') ?? '';
    if (!staysInFolder(location)) {
      this.#fail(tensor, `lies in the file ${quote(location)}; expected a file in the model's folder`);
    }
    const file = this.#files.get(location) ?? this.readBeside(location);
    this.#files.set(location, file);
    const number = (key: string, fallback: number) => {
      const text = entries.get(key);
      if (text === undefined) return fallback;
      if (/^(0|[1-9][0-9]{0,14})$/.test(text)) return Number(text);
      return this.#fail(
        tensor,
        `has the ${key} ${quote(text)} in ${quote(location)}; expected a whole number`,
      );
    };
    const offset = number('offset', 0);
    const length = number('length', Math.max(0, file.length - offset));
    if (offset + length > file.length) {
      this.#fail(
        tensor,
        `lies at bytes ${offset} to ${offset + length} of ${quote(location)}, which has ${file.length}; ` +
          'is it cut short, or of another model?',
      );
    }
    return file.subarray(offset, offset + length);
  }

  #wrongLength(tensor: StoredTensor, found: number, expected: number, unit: string): never {
    const size = expected < 2 ** 53 ? expected : 'more than 2^53';
    return this.#fail(tensor, `of shape [${tensor.dims.join(', ')}] needs ${size} ${unit}, found ${found}`);
  }

  #fail(tensor: StoredTensor, problem: string): never {
    throw new UserError(`${this.file}: the constant ${quote(tensor.name)} ${problem}`);
  }
}

/** Whether a path stays in the model's folder, on every system; links are the caller's matter. */
function staysInFolder(path: string): boolean {
  return !/[\\:\p{Cc}]/u.test(path) && path.split('/').every((name) => !['', '.', '..'].includes(name));
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0];
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
