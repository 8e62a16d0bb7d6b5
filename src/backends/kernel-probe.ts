/**
 * Kernels by themselves, for tests and benchmarks: the activation functions, the matrix product, and multiply-adds in
 * registers. Production code sees Backend, which does not have them.
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

/** Only compiled kernels have registers. */
export interface KernelLimits {
  /**
   * Multiply-adds in vector registers alone, at the full width of the instruction set: the limit that benchmarks compare
   * with. Of bfloat16: products of bfloat16, added in float32.
   * @param rounds in each lane of each chain; at most 2^23
   * @returns how many multiply-adds ran; 0 if the processor, or the kernels, cannot multiply these numbers
   */
  multiplyAdds(rounds: number, numbers: 'float32' | 'bfloat16'): number;
}
