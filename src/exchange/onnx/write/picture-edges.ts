/**
 * Edges of pictures as ONNX operators: the rule of data/images/edges.ts. Gradients and strengths are whole numbers below
 * 2²⁴, so sums in float32 are exact in any order; a division, a root, a subtraction and a division follow, each rounded.
 */
import {
  AXIS_WEIGHT,
  DIAGONAL_WEIGHT,
  EDGE_DIRECTIONS,
  EDGE_MEAN,
  EDGE_STD,
  FULL_STRENGTH,
} from '../../../data/images/edges.js';
import type { GraphBuilder } from './graph-builder.js';

/** Sobel's weights of the pixels to the left and right; transposed, of those above and below. */
const SOBEL_X = [-1, 0, 1, -2, 0, 2, -1, 0, 1];
const SOBEL_Y = [-1, -2, -1, 0, 0, 0, 1, 2, 1];
/** Shares that a cell of two pixels gets of the four pixels about it, along either axis. */
const SHARES = [1, 3, 3, 1];

/**
 * Adds the edges of grey pictures.
 * @param pixels float32 [batch, 1, height, width], whole numbers from 0 to 255
 * @returns float32 [batch, height/2 · 8 · width/2]
 */
export function addEdges(graph: GraphBuilder, pixels: string): string {
  const apply = (operator: string, name: string, ...inputs: string[]) => graph.node(operator, name, inputs);
  const scalar = (name: string, value: number) => graph.constant(name, [], Float32Array.of(value));
  const gradient = (name: string, weights: number[]) => {
    const kernel = graph.constant(`${name}_kernel`, [1, 1, 3, 3], Float32Array.from(weights));
    return graph.node('Conv', name, [pixels, kernel], { pads: [1, 1, 1, 1] });
  };
  const [byX, byY] = [gradient('gradient_x', SOBEL_X), gradient('gradient_y', SOBEL_Y)];
  const [across, down] = [apply('Abs', 'across', byX), apply('Abs', 'down', byY)];
  const [backX, backY] = [apply('Neg', 'back_x', byX), apply('Neg', 'back_y', byY)];
  const positive = (name: string, value: string) => apply('Relu', `${name}_only`, value);
  const [right, left] = [positive('right', byX), positive('left', backX)];
  const [below, above] = [positive('below', byY), positive('above', backY)];
  /** What a gradient has along an axis beyond its part along a diagonal. */
  const axis = (name: string, along: string, beside: string) =>
    apply('Relu', name, apply('Sub', `${name}_beyond`, along, beside));
  const diagonal = (name: string, along: string, beside: string) => apply('Min', name, along, beside);
  const directions = graph.node(
    'Concat',
    'directions',
    [
      axis('east', byX, down),
      diagonal('south_east', right, below),
      axis('south', byY, across),
      diagonal('south_west', left, below),
      axis('west', backX, down),
      diagonal('north_west', left, above),
      axis('north', backY, across),
      diagonal('north_east', right, above),
    ],
    { axis: 1 },
  );
  // Divided among cells of 2 × 2 pixels.
  const strengths = graph.node('Conv', 'strengths', [directions, graph.constant(...CELL_KERNELS)], {
    group: EDGE_DIRECTIONS,
    pads: [1, 1, 1, 1],
    strides: [2, 2],
  });
  const parts = apply('Div', 'edge_parts', strengths, scalar('full_strength', FULL_STRENGTH));
  const centred = apply(
    'Sub',
    'edges_centred',
    apply('Sqrt', 'edge_roots', parts),
    scalar('edge_mean', EDGE_MEAN),
  );
  const edges = apply('Div', 'edges', centred, scalar('edge_std', EDGE_STD));
  const rows = graph.node('Transpose', 'edge_rows', [edges], { perm: [0, 2, 1, 3] });
  return graph.node('Flatten', 'flat_edges', [rows], { axis: 1 });
}

/** [8, 1, 4, 4] for each direction the shares of a cell, times the direction's weight. */
const CELL_KERNELS = [
  'cell_kernels',
  [EDGE_DIRECTIONS, 1, SHARES.length, SHARES.length],
  Float32Array.from(
    Array.from({ length: EDGE_DIRECTIONS }, (_, direction) => {
      const weight = direction % 2 === 0 ? AXIS_WEIGHT : DIAGONAL_WEIGHT;
      return SHARES.map((below) => SHARES.map((beside) => weight * below * beside));
    }).flat(2),
  ),
] as const;
