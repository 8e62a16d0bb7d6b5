/** Pictures → sequences, as ONNX operators: the preprocessing of images. */
import { type ImagePreprocessing, pixelOrder } from '../../../data/images/image-preprocessing.js';
import { DATA_TYPE } from '../onnx-fields.js';
import { addDeslant } from './deslant.js';
import type { GraphBuilder } from './graph-builder.js';
import { addEdges } from './picture-edges.js';

/**
 * Adds the input `images` uint8 [batch, channels, height, width] and what makes sequences of it. Every operator rounds to
 * float32, so the values are those of `normalisation`, bit for bit.
 * @returns the sequences [batch, steps, I]
 */
export function addPictures(graph: GraphBuilder, preprocessing: ImagePreprocessing): string {
  const { channels, height, width, sequenceLength, inputSize } = preprocessing;
  const scalar = (name: string, value: number) => graph.constant(name, [], Float32Array.of(value));
  const images = graph.input('images', 'uint8', ['batch', channels, height, width]);
  const given = graph.node('Cast', 'pixels', [images], { to: DATA_TYPE.float });
  const pixels = preprocessing.deslant ? addDeslant(graph, given, preprocessing) : given;
  // (x/255 − mean)/std
  const fractions = graph.node('Div', 'fractions', [pixels, scalar('white', 255)]);
  const centred = graph.node('Sub', 'centred', [fractions, scalar('mean', preprocessing.mean)]);
  let values = graph.node('Div', 'normalised', [centred, scalar('std', preprocessing.std)]);
  // A sequence reads the channels of a pixel row one after the other.
  if (channels > 1) values = graph.node('Transpose', 'rows', [values], { perm: [0, 2, 1, 3] });
  const order = pixelOrder(preprocessing);
  if (order !== null) {
    const flatPixels = graph.node('Flatten', 'flat', [values], { axis: 1 });
    const flat = preprocessing.edges
      ? graph.node('Concat', 'pixels_and_edges', [flatPixels, addEdges(graph, pixels)], { axis: 1 })
      : flatPixels;
    const indices = graph.constant('pixel_order', [order.length], order);
    values = graph.node('Gather', 'ordered', [flat, indices], { axis: 1 });
  }
  const shape = graph.integers('sequence_shape', [0, sequenceLength, inputSize]);
  return graph.node('Reshape', 'sequences', [values, shape]);
}
