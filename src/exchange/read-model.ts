/** Reads a model file of another tool: tells the format by the first bytes. Nothing in the file is executed. */
import { requireBytes } from '../formats/argument.js';
import { describeContent } from '../formats/content.js';
import { UserError } from '../user-error.js';
import type { ForeignModel, ReadBeside } from './foreign-model.js';

/** describeContent names every kind by them. */
const DESCRIBED_BYTES = 512;
const KNOWN = "a file of PyTorch's (.pt, .pth, .pt2), safetensors or ONNX";

/** Kinds of files that hold models and are not read, by what describeContent calls them; and the way out. */
const WAYS_OUT: readonly [kind: RegExp, wayOut: string][] = [
  [/^an HDF5 file/, 'export it to ONNX with tf2onnx, and import that'],
  [/^a TensorFlow/, 'convert it to ONNX with tf2onnx, and import that'],
  [/^a GGUF file/, 'import the safetensors file or the state dict that it was made from'],
  [
    /^a Python pickle/,
    'if it holds a PyTorch model, load it in Python and save it with torch.save(model.state_dict(), "model.pt"); ' +
      'models of scikit-learn and others are no LSTM classifiers',
  ],
  [
    /^a tar archive/,
    'unpack it and give the model file in it; a file of PyTorch 0.1 must be saved again by a newer PyTorch',
  ],
  [/^(gzip|xz|bzip2|zstd) data|archive$/, 'unpack it and give the model file in it'],
  [/^a NumPy array/, 'save all tensors in one file, with safetensors.numpy.save_file'],
];

/**
 * @param bytes the whole file
 * @param name of the file, for messages
 * @param readBeside reads external data of an ONNX file
 * @throws UserError if the file is damaged, of an unknown kind, or holds what scanstroke cannot use
 */
export async function readForeignModel(
  bytes: Uint8Array,
  name: string,
  readBeside: ReadBeside,
): Promise<ForeignModel> {
  requireBytes(`${name}: the content of the file`, bytes);
  if (isZip(bytes) || isLegacyPickle(bytes)) {
    const { readPytorch } = await import('./pytorch/read-pytorch.js');
    return readPytorch(bytes, name);
  }
  if (isSafetensors(bytes)) {
    const { readForeignSafetensors } = await import('./safetensors/read-foreign-safetensors.js');
    return readForeignSafetensors(bytes, name);
  }
  if (isOnnx(bytes)) {
    const { readOnnx } = await import('./onnx/read-onnx.js');
    return readOnnx(bytes, name, readBeside);
  }
  const found = describeContent(bytes.subarray(0, DESCRIBED_BYTES));
  const wayOut = WAYS_OUT.find(([kind]) => kind.test(found))?.[1] ?? 'give the file that holds the weights';
  throw new UserError(`${name}: expected ${KNOWN}, found ${found}; ${wayOut}`);
}

function isZip(bytes: Uint8Array): boolean {
  return hasBytes(bytes, 0, [0x50, 0x4b, 0x03, 0x04]) || hasBytes(bytes, 0, [0x50, 0x4b, 0x05, 0x06]);
}

/** PROTO 2, LONG1: the magic number of torch.save's older form. */
function isLegacyPickle(bytes: Uint8Array): boolean {
  return hasBytes(bytes, 0, [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46]);
}

/** The length of a header below 4 GiB, then JSON. */
function isSafetensors(bytes: Uint8Array): boolean {
  return hasBytes(bytes, 4, [0, 0, 0, 0, 0x7b]);
}

/**
 * ModelProto begins with its field 1, ir_version: 3 since ONNX 1.0. A SavedModel of TensorFlow begins with its field 1,
 * too, a version of 1.
 */
function isOnnx(bytes: Uint8Array): boolean {
  return bytes[0] === 0x08 && bytes[1] >= 3 && bytes[1] < 0x80;
}

function hasBytes(bytes: Uint8Array, offset: number, expected: readonly number[]): boolean {
  return expected.every((byte, i) => bytes[offset + i] === byte);
}
