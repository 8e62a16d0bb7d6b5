/** Decodes ONNX's TensorProto: type, sizes, and where the values are. constants.ts decodes the values. */
import { quote } from '../../../formats/quotation.js';
import { TENSOR, TEXT_ENTRY } from '../onnx-fields.js';
import type { ProtobufReader } from './protobuf-reader.js';

/** A tensor whose values are still bytes. */
export interface StoredTensor {
  name: string;
  /** Whole numbers from 0. */
  dims: number[];
  /** TensorProto.DataType */
  dataType: number;
  /** raw_data: little-endian values. */
  raw: Uint8Array | null;
  /** Pieces of float_data, double_data. */
  floatBytes: Uint8Array[];
  doubleBytes: Uint8Array[];
  /** int32_data, int64_data, uint64_data: small constants, and 16-bit floats as their bits. */
  wholes: number[];
  /** Texts of external_data by their keys; null if the values are in the file. */
  external: Map<string, string> | null;
}

export const MAX_NAME_BYTES = 4096;
export const MAX_DIMS = 16;
/** Numbers in int32_data or int64_data: shapes, and 16-bit weights of small models. */
const MAX_WHOLES = 2 ** 22;
/** Pieces of float_data. Writers pack all values into one. */
const MAX_PIECES = 65_536;
const MAX_EXTERNAL_ENTRIES = 64;
/** TensorProto.DataLocation: in another file. */
const EXTERNAL = 1;

/** StringStringEntryProto. @param mostBytes of the value */
export function readTextEntry(reader: ProtobufReader, mostBytes: number): [string, string] {
  let key = '';
  let value = '';
  while (reader.next()) {
    if (reader.field === TEXT_ENTRY.key) key = reader.text(MAX_NAME_BYTES);
    else if (reader.field === TEXT_ENTRY.value) value = reader.text(mostBytes);
    else reader.skip();
  }
  return [key, value];
}

export function readTensor(reader: ProtobufReader): StoredTensor {
  const tensor: StoredTensor = {
    name: '',
    dims: [],
    dataType: 0,
    raw: null,
    floatBytes: [],
    doubleBytes: [],
    wholes: [],
    external: null,
  };
  let location = 0;
  const external = new Map<string, string>();
  while (reader.next()) {
    switch (reader.field) {
      case TENSOR.dims:
        reader.wholesInto(tensor.dims, MAX_DIMS);
        break;
      case TENSOR.dataType:
        tensor.dataType = reader.whole();
        break;
      case TENSOR.floatData:
        addPiece(reader, tensor.floatBytes, reader.floatBytes());
        break;
      case TENSOR.doubleData:
        addPiece(reader, tensor.doubleBytes, reader.doubleBytes());
        break;
      case TENSOR.int32Data:
      case TENSOR.int64Data:
      case TENSOR.uint64Data:
        reader.wholesInto(tensor.wholes, MAX_WHOLES);
        break;
      case TENSOR.name:
        tensor.name = reader.text(MAX_NAME_BYTES);
        break;
      case TENSOR.rawData:
        tensor.raw = reader.bytesOf();
        break;
      case TENSOR.externalData: {
        const [key, value] = readTextEntry(reader.message('external data'), MAX_NAME_BYTES);
        if (external.size === MAX_EXTERNAL_ENTRIES) reader.fail(`more than ${MAX_EXTERNAL_ENTRIES} entries`);
        external.set(key, value);
        break;
      }
      case TENSOR.dataLocation:
        location = reader.whole();
        break;
      default:
        reader.skip();
    }
  }
  const bad = tensor.dims.find((size) => size < 0 || !Number.isSafeInteger(size));
  if (bad !== undefined) reader.fail(`${quote(tensor.name)} has the size ${bad}`);
  return { ...tensor, external: location === EXTERNAL || external.size > 0 ? external : null };
}

function addPiece(reader: ProtobufReader, pieces: Uint8Array[], piece: Uint8Array): void {
  if (pieces.length === MAX_PIECES) reader.fail(`values in more than ${MAX_PIECES} pieces`);
  pieces.push(piece);
}
