/**
 * The product of a thread: its weights times operands in workgroup memory, written out.
 *
 * The weights of a thread are `panels[weightsAt + i · LAYER_THREADS]`, i < WEIGHTS: a vec4 for each component of the
 * operands. Threads beside each other read vec4s beside each other.
 */
import type { StackSizes } from './stack-sizes.js';

/** Declares the weights that stay in registers. The code must have defined `weightsAt`. */
export function weightRegisters({ registerWeights }: StackSizes): string {
  return listed(registerWeights, (i) => `let w${i} = panels[weightsAt + ${i}u * LAYER_THREADS];`);
}

/**
 * Adds the product to `sum`, a vec4f.
 * @param operand WGSL of the m-th vec4 of the operands, m < WEIGHTS / 4
 */
export function product({ weights, registerWeights }: StackSizes, operand: (m: number) => string): string {
  const weight = (i: number) => (i < registerWeights ? `w${i}` : `panels[weightsAt + ${i}u * LAYER_THREADS]`);
  return listed(weights / 4, (m) => {
    const terms = [...'xyzw'].map((c, n) => `sum = fma(vec4f(v${m}.${c}), ${weight(4 * m + n)}, sum);`);
    return [`let v${m} = ${operand(m)};`, ...terms].join('\n    ');
  });
}

function listed(count: number, line: (n: number) => string): string {
  return Array.from({ length: count }, (_, n) => line(n)).join('\n    ');
}
