/** Protects the edges in ONNX files: ONNX Runtime finds the values of our sequences, bit for bit, in digits and in noise. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { READ_EDGES } from '#src/data/images/edges.js';
import type { ImagePreprocessing } from '#src/data/images/image-preprocessing.js';
import { GraphBuilder } from '#src/exchange/onnx/write/graph-builder.js';
import { modelMessage } from '#src/exchange/onnx/write/onnx-messages.js';
import { addPictures } from '#src/exchange/onnx/write/pictures.js';
import { writeOnnx } from '#src/exchange/onnx/write-onnx.js';
import { Random } from '#src/random.js';
import { prepareInput } from '#src/recognize/prepare-input.js';
import { digits } from '../../ink/images.js';
import { ROWS } from '../../recognize/checkpoint-bytes.js';
import { exampleOf } from './examples.js';
import { findRuntime } from './runtime.js';

const { ort, missing } = await findRuntime();

const EDGES = { ...ROWS, sequenceLength: 14, inputSize: 168, edges: true, fitted: false } as const;
const OPSETS = [
  [13, 7],
  [22, 10],
];

/** A file that only makes sequences of pictures. */
function preprocessingFile(preprocessing: ImagePreprocessing, opset: number, irVersion: number): Uint8Array {
  const graph = new GraphBuilder();
  addPictures(graph, preprocessing);
  graph.output('sequences', 'float', ['batch', preprocessing.sequenceLength, preprocessing.inputSize]);
  const about = { opset, irVersion, documentation: '', metadata: {} };
  return modelMessage({ ...about, graph: graph.finish('pictures') }).finish();
}

test('ONNX Runtime: edges have the bits of our sequences', { skip: missing }, async () => {
  const random = new Random(4);
  const noise = Array.from({ length: 20 }, () => Uint8Array.from({ length: 784 }, () => random.below(256)));
  const pictures = [...(await digits(200)).map(({ pixels }) => pixels), ...noise];
  const images = new Uint8Array(pictures.length * 784);
  for (const [n, pixels] of pictures.entries()) images.set(pixels, n * 784);
  for (const preprocessing of [EDGES, { ...EDGES, inputSize: 336, scan: 'both', deslant: true } as const]) {
    for (const [opset, irVersion] of OPSETS) {
      const session = await ort!.InferenceSession.create(preprocessingFile(preprocessing, opset, irVersion));
      const feed = new ort!.Tensor('uint8', images, [pictures.length, 1, 28, 28]);
      const found = (await session.run({ images: feed })).sequences.data as Float32Array;
      const size = found.length / pictures.length;
      pictures.forEach((pixels, n) => {
        const input = { kind: 'picture', width: 28, height: 28, pixels } as const;
        const { sequence } = prepareInput(input, preprocessing)!;
        assert.deepEqual(found.slice(n * size, (n + 1) * size), sequence, `picture ${n}`);
      });
      await session.release();
    }
  }
});

test('a file that takes sequences says how edges are read, one that takes pictures need not', async () => {
  const { inputSize, sequenceLength } = EDGES;
  for (const edges of [true, false]) {
    const { model } = await exampleOf({ inputSize, sequenceLength, head: 'mean' }, { ...EDGES, edges });
    const text = Buffer.from(writeOnnx(model, {})[0].bytes).toString('latin1');
    assert.equal(text.includes(READ_EDGES), edges);
  }
  const { model } = await exampleOf({ inputSize, sequenceLength, head: 'mean' }, EDGES);
  const [{ bytes }] = writeOnnx(model, { withPreprocessing: true });
  assert.ok(!Buffer.from(bytes).toString('latin1').includes(READ_EDGES));
});
