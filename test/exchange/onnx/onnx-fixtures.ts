/** The ONNX files of other tools in test/fixtures/interop/onnx. */
import { readFileSync } from 'node:fs';
import { readSafetensors } from '#src/formats/safetensors/safetensors.js';

const FOLDER = new URL('../../../../test/fixtures/interop/onnx/', import.meta.url);

export function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(name, FOLDER)));
}

/** What PyTorch computes. @param name of the file without ending */
export function recorded(name: string): Record<'input' | 'output', { shape: number[]; data: Float32Array }> {
  const { tensors } = readSafetensors(fixture(`${name}.io.safetensors`));
  const floats = (key: string) => {
    const tensor = tensors.get(key);
    if (!(tensor?.data instanceof Float32Array)) throw new Error(`${name}: no ${key}`);
    return { shape: tensor.shape, data: tensor.data };
  };
  return { input: floats('input'), output: floats('output') };
}
