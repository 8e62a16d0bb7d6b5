/**
 * Weights of the classes on a GPU: a uniform, because the kernels of a stack bind as many storage buffers as WebGPU
 * promises.
 */
import { UserError } from '../../../user-error.js';
import { type Binding, type Slice, uniform } from '../kernel.js';

/** Bytes of a uniform that every device has room for. */
const UNIFORM_BYTES = 65_536;

const MOST_CLASSES = UNIFORM_BYTES / 4 - 1;

/**
 * The words of `classWeights`: the weights [K], their sum, and zeros up to a multiple of four.
 * @throws UserError for more classes than a uniform has room for
 */
export function classWeightWords(weights: Float32Array): Float32Array {
  if (weights.length > MOST_CLASSES) {
    throw new UserError(
      `train: weights of ${weights.length} classes do not fit a GPU, at most ${MOST_CLASSES} do; use the backend cpu, or no weights`,
      { settings: ['classWeights', 'backend'] },
    );
  }
  const words = new Float32Array(4 * quadsFor(weights.length));
  words.set(weights);
  words[weights.length] = weights.reduce((sum, weight) => sum + weight, 0);
  return words;
}

function quadsFor(classes: number): number {
  return Math.ceil((classes + 1) / 4);
}

/** The binding of a kernel whose loss has weights; nothing without. */
export function weightBinding(classes: number, weights: Slice | null | undefined): Record<string, Binding> {
  return weights ? { classWeights: uniform(`array<vec4f, ${quadsFor(classes)}>`) } : {};
}

/** WGSL functions `weightOf` and, with weights, `weightSum`. */
export function weightFunctions(classes: number, weighted: boolean): string {
  if (!weighted) return 'fn weightOf(k: u32) -> f32 { return 1.0; }';
  return `
fn weightOf(k: u32) -> f32 { return classWeights[k / 4u][k % 4u]; }
fn weightSum() -> f32 { return weightOf(${classes}u); }`;
}
