/**
 * Two kernels by themselves, for tests and benchmarks: the activation functions and the matrix product. Production code
 * sees Backend, which does not have them.
 */

/** c [M, N] = a [M, K] · b [K, N]. */
export interface MatrixProduct {
  m: number;
  n: number;
  k: number;
  /** [M, K] */ a: Float32Array;
  /** [K, N] */ b: Float32Array;
  /** [M, N] out. */ c: Float32Array;
  /** linearScratchLength(M, K, N) floats. */ scratch: Float32Array;
}

export interface KernelProbe {
  /** outputs[n] = sigmoid or tanh of inputs[n], by the functions that the gates use. */
  activate(kind: 'sigmoid' | 'tanh', inputs: Float32Array, outputs: Float32Array): void;
  /** The kernels' own matrix product: the peak that benchmarks compare a training update with. */
  matmul(args: MatrixProduct): void;
}
