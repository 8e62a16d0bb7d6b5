/**
 * The verb `sumGradients`: gradients of all parameters from their parts, added in the order of the parts. With
 * `squares` it also writes what the norm is made of: a sum of squares for each block of parameters.
 */
import { type Binding, type Dispatch, dispatch, kernel, read, type Slice, write } from '../kernel.js';
import type { SumGradientsArguments } from '../verbs.js';
import { SUM_OVER_WORKGROUP } from './workgroup-sum.js';

/** Threads of a workgroup of sum and update. */
export const GROUP = 256;
/** Blocks of the largest model: every workgroup of the update adds the sums of all blocks. */
const MOST_BLOCKS = 1024;

/** A block is what a workgroup of sum and update computes. */
export interface Blocks {
  /** Parameters of a thread. */ each: number;
  count: number;
}

/** Depends on the number of parameters alone, so sums are the same on every device. */
export function blocksOf(parameters: number): Blocks {
  const each = 2 ** Math.max(0, Math.ceil(Math.log2(parameters / (GROUP * MOST_BLOCKS))));
  return { each, count: Math.ceil(parameters / (GROUP * each)) };
}

/** Words of `squares`: two for each block. */
export function squaresWords(parameters: number): number {
  return 2 * blocksOf(parameters).count;
}

/**
 * Squares of large gradients exceed float32, so a second sum has squares of gradients times this: powers of two change
 * no bits. Gradients so small that their squares vanish do not matter, for clipping adds 1e-6 to the norm.
 */
export const SQUARE_SCALE = 2 ** -78;

/** WGSL: gradientOf(n), the parts of element n in their order. */
export function orderedSum(splits: number, parameters: number, accumulate: boolean): string {
  return `
const SPLITS = ${splits}u;
fn gradientOf(n: u32) -> f32 {
  var sum = ${accumulate ? 'sums[n] + partials[n]' : 'partials[n]'};
  for (var split = 1u; split < SPLITS; split++) { sum += partials[split * ${parameters}u + n]; }
  return sum;
}`;
}

export function sumGradients(args: SumGradientsArguments): Dispatch[] {
  const { gradients, sums, accumulate, squares } = args;
  const { partials, splits, parameters } = gradients;
  const { each, count } = blocksOf(parameters);
  const bindings: Record<string, Binding> = { partials: read('f32'), sums: write('f32') };
  const slices: Record<string, Slice> = { partials, sums };
  if (squares) {
    bindings.squares = write('vec2f');
    slices.squares = squares;
  }
  const body = `
${SUM_OVER_WORKGROUP}
${orderedSum(splits, parameters, accumulate)}
@compute @workgroup_size(${GROUP})
fn main(@builtin(workgroup_id) block: vec3u, @builtin(local_invocation_index) local: u32) {
  // Sum of squares, and of squares of scaled gradients.
  var square = vec2f(0.0);
  for (var e = 0u; e < ${each}u; e++) {
    let n = (block.x * ${each}u + e) * ${GROUP}u + local;
    if (n < ${parameters}u) {
      let gradient = gradientOf(n);
      sums[n] = gradient;
      let both = vec2f(gradient, gradient * ${SQUARE_SCALE}f);
      square += both * both;
    }
  }
  ${
    squares
      ? `let sum = sumOverWorkgroup(local, vec4f(square, 0.0, 0.0));
  if (local == 0u) { squares[block.x] = sum.xy; }`
      : ''
  }
}`;
  const label = `sumGradients${accumulate ? ' accumulate' : ''}${squares ? ' squares' : ''}`;
  return [dispatch(kernel(label, bindings, body), slices, [count])];
}
