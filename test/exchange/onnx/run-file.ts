/** Runs an ONNX file in ONNX Runtime. Imports nothing, so that a page can load it too. */

/** What onnxruntime-node and onnxruntime-web have in common. */
export type Runtime = Pick<typeof import('onnxruntime-node'), 'InferenceSession' | 'Tensor'>;

/** A tensor as plain values, which can be passed to a page. */
export interface Feed {
  type: 'float32' | 'int32' | 'uint8';
  dims: number[];
  data: number[];
}

export interface RuntimeFile {
  name: string;
  /** The file's bytes in base64. */
  base64: string;
  /** The inputs of each run, one after the other. */
  feeds: Record<string, Feed>[];
  /** Outputs of a run that are inputs of the next: `{ next_hidden: 'hidden' }`. */
  carried: Record<string, string>;
}

/** The outputs of each run, by name. */
export type Outputs = Record<string, number[]>[];

const ARRAYS = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };

export async function runFile({ InferenceSession, Tensor }: Runtime, file: RuntimeFile): Promise<Outputs> {
  const bytes = Uint8Array.from(atob(file.base64), (character) => character.charCodeAt(0));
  const session = await InferenceSession.create(bytes);
  const outputs: Outputs = [];
  let carried: Record<string, InstanceType<typeof Tensor>> = {};
  for (const feeds of file.feeds) {
    const inputs = { ...carried };
    for (const [name, { type, dims, data }] of Object.entries(feeds)) {
      inputs[name] = new Tensor(type, ARRAYS[type].from(data), dims);
    }
    const results = await session.run(inputs);
    outputs.push(
      Object.fromEntries(
        Object.entries(results).map(([name, { data }]) => [name, Array.from(data as ArrayLike<number>)]),
      ),
    );
    carried = Object.fromEntries(
      Object.entries(file.carried).map(([output, input]) => [input, results[output]]),
    );
  }
  await session.release();
  return outputs;
}
