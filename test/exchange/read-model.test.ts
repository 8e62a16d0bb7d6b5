/** Protects imports: files are told by their content, and those that are not read say what they are and the way out. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readForeignModel } from '#src/exchange/read-model.js';
import { writeSafetensors } from '#src/formats/safetensors/safetensors.js';
import { interopFile } from './interop-files.js';

const nothingBeside = () => assert.fail('no file beside the model');
const read = (bytes: Uint8Array, name = 'model') => readForeignModel(bytes, name, nothingBeside);
const ascii = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

describe('the first bytes tell', () => {
  test('PyTorch, whatever the name', async () => {
    for (const [kind, format] of [
      ['state_dict.pt', 'a PyTorch state dict'],
      ['legacy.pt', 'a PyTorch state dict'],
      ['script.pt', 'a TorchScript archive'],
      ['pt2', 'a program of torch.export'],
    ]) {
      assert.equal((await read(interopFile(`torch211/last_uni.${kind}`), 'model.onnx')).format, format);
    }
  });

  test('safetensors', async () => {
    const bytes = writeSafetensors(new Map([['w', { shape: [1], data: Float32Array.of(1) }]]));
    assert.equal((await read(bytes)).format, 'a safetensors file');
  });

  test('a Buffer, which shares memory with others, is read like any bytes', async () => {
    const file = interopFile('torch211/last_uni.float64.pt');
    const shared = Buffer.concat([Buffer.alloc(3), file]).subarray(3);
    assert.deepEqual((await read(shared)).tensors, (await read(file)).tensors);
  });
});

describe('files that are not read name themselves and the way out', () => {
  const tar = new Uint8Array(512);
  tar.set(ascii('ustar'), 257);
  for (const [what, bytes, message] of [
    [
      'Keras',
      ascii('\x89HDF\r\n\x1a\n'),
      /found an HDF5 file, as Keras writes \(\.h5\); export it to ONNX with tf2onnx/,
    ],
    [
      'TensorFlow',
      ascii('\x08\x01\x12\x05abcde'),
      /found a TensorFlow SavedModel \(\.pb\); convert it to ONNX/,
    ],
    ['TensorFlow Lite', ascii('\x1c\0\0\0TFL3'), /found a TensorFlow Lite model; convert it to ONNX/],
    ['llama.cpp', ascii('GGUF\x03\0\0\0'), /found a GGUF file; import the safetensors file/],
    ['scikit-learn', ascii('\x80\x04\x95\x10\0\0\0'), /found a Python pickle; .*scikit-learn/],
    ['PyTorch 0.1', tar, /found a tar archive; .*PyTorch 0\.1 must be saved again/],
    ['gzip', ascii('\x1f\x8b\x08'), /found gzip data; unpack it/],
    ['NumPy', ascii('\x93NUMPY\x01\0'), /found a NumPy array \(\.npy\); save all tensors in one file/],
    [
      'text',
      ascii('Dear reader'),
      /found text beginning with "Dear reader"; give the file that holds the weights/,
    ],
    ['nothing', new Uint8Array(), /found nothing \(0 bytes\)/],
    ['a picture', ascii('\x89PNG\r\n\x1a\n'), /found a PNG picture/],
  ] as const) {
    test(what, async () => {
      await assert.rejects(read(bytes, 'net.bin'), (error) => {
        assert.ok(error instanceof Error);
        assert.match(
          error.message,
          /^net\.bin: expected a file of PyTorch's \(\.pt, \.pth, \.pt2\), safetensors or ONNX, found /,
        );
        assert.match(error.message, message);
        return error.name === 'UserError';
      });
    });
  }
});
