/**
 * Ridge regression from features to classes (Hoerl and Kennard 1970): a linear layer with a closed form, so it needs no
 * training. With features x, their mean μ, and y = 1 for the own class, 0 for the others, it minimises
 *
 *     Σ |y − ȳ − W(x − μ)|² + λ |W|²,   W = Y'X'ᵀ (X'X'ᵀ + λ)⁻¹,   λ = strength · Σ |x − μ|² / n
 *
 * Only sums over the examples are needed, so that an example is added or removed in D² / 2 steps.
 */

/** Keeps the equations solvable when all examples are equal. */
const LEAST_LAMBDA = 1e-9;

/** A linear layer. */
export interface LinearLayer {
  /** [K, D] */
  weights: Float64Array;
  /** [K] */
  bias: Float64Array;
  /** The influence of an example on its own answer, 0 to 1. @param feature [D] */
  leverage(feature: ArrayLike<number>): number;
}

/** Sums over examples. */
export class RidgeSums {
  readonly #size: number;
  /** Σ x xᵀ, its lower triangle row by row. */
  readonly #products: Float64Array;
  /** Σ x of each class. */
  readonly #sums: Float64Array[] = [];
  readonly #counts: number[] = [];
  /** Number of examples. */
  count = 0;

  /** @param size D */
  constructor(size: number) {
    this.#size = size;
    this.#products = new Float64Array((size * (size + 1)) / 2);
  }

  /** Adds an example of class k, or takes it away. */
  add(feature: ArrayLike<number>, k: number, sign: 1 | -1 = 1): void {
    const D = this.#size;
    while (this.#sums.length <= k) {
      this.#sums.push(new Float64Array(D));
      this.#counts.push(0);
    }
    this.count += sign;
    this.#counts[k] += sign;
    const products = this.#products;
    for (let i = 0, at = 0; i < D; i++) {
      const value = sign * feature[i];
      this.#sums[k][i] += value;
      for (let j = 0; j <= i; j++) products[at++] += value * feature[j];
    }
  }

  /**
   * The layer for the examples.
   * @param strength of the regularisation, above 0
   * @returns scores whose mean over the examples is 0 in every class: how often a class occurs does not matter
   */
  solve(strength: number): LinearLayer {
    const D = this.#size;
    const n = Math.max(1, this.count);
    const K = this.#sums.length;
    const mean = new Float64Array(D);
    for (const sum of this.#sums) for (let i = 0; i < D; i++) mean[i] += sum[i] / n;
    const factor = this.#centred(mean, n);
    let trace = 0;
    for (let i = 0; i < D; i++) trace += factor[i * D + i];
    const lambda = strength * (trace / n) + LEAST_LAMBDA;
    for (let i = 0; i < D; i++) factor[i * D + i] += lambda;
    decompose(factor, D);
    const weights = new Float64Array(K * D);
    const bias = new Float64Array(K);
    for (let k = 0; k < K; k++) {
      const row = weights.subarray(k * D, (k + 1) * D);
      for (let i = 0; i < D; i++) row[i] = this.#sums[k][i] - this.#counts[k] * mean[i];
      solveForward(factor, D, row);
      solveBackward(factor, D, row);
      for (let i = 0; i < D; i++) bias[k] -= row[i] * mean[i];
    }
    const leverage = (feature: ArrayLike<number>) => {
      const z = Float64Array.from(mean, (value, i) => feature[i] - value);
      solveForward(factor, D, z);
      return 1 / n + z.reduce((sum, value) => sum + value * value, 0);
    };
    return { weights, bias, leverage };
  }

  /** [D, D] Σ (x − μ)(x − μ)ᵀ, its lower triangle. */
  #centred(mean: Float64Array, n: number): Float64Array {
    const D = this.#size;
    const result = new Float64Array(D * D);
    for (let i = 0, at = 0; i < D; i++) {
      for (let j = 0; j <= i; j++) result[i * D + j] = this.#products[at++] - n * mean[i] * mean[j];
    }
    return result;
  }
}

/** The scores W x + b. */
export function scoresOf({ weights, bias }: LinearLayer, feature: ArrayLike<number>): Float64Array {
  const D = weights.length / bias.length;
  return bias.map((own, k) => {
    let score = own;
    for (let i = 0, at = k * D; i < D; i++) score += weights[at++] * feature[i];
    return score;
  });
}

/** Cholesky: a positive definite A becomes L with L Lᵀ = A, in its lower triangle. */
function decompose(A: Float64Array, D: number): void {
  for (let i = 0; i < D; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = A[i * D + j];
      for (let k = 0, a = i * D, b = j * D; k < j; k++) sum -= A[a++] * A[b++];
      A[i * D + j] = i === j ? Math.sqrt(sum) : sum / A[j * D + j];
    }
  }
}

/** L y = b, in place. */
function solveForward(L: Float64Array, D: number, b: Float64Array): void {
  for (let i = 0; i < D; i++) {
    let sum = b[i];
    for (let k = 0, at = i * D; k < i; k++) sum -= L[at++] * b[k];
    b[i] = sum / L[i * D + i];
  }
}

/** Lᵀ x = y, in place, row by row of L. */
function solveBackward(L: Float64Array, D: number, y: Float64Array): void {
  for (let i = D - 1; i >= 0; i--) {
    y[i] /= L[i * D + i];
    for (let k = 0, at = i * D; k < i; k++) y[k] -= L[at++] * y[i];
  }
}
