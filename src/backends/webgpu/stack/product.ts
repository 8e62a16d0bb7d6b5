/**
 * The product of a thread: its weights times operands in workgroup memory.
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
 * Adds the product to `sum`, a vec4f: written out for the weights in registers, a loop for the others.
 * @param operand WGSL of the m-th vec4 of the operands, m < WEIGHTS / 4
 */
export function product({ weights, registerWeights }: StackSizes, operand: (m: string) => string): string {
  const terms = (weight: (n: number) => string) =>
    [...'xyzw'].map((c, n) => `  sum = fma(vec4f(v.${c}), ${weight(n)}, sum);`);
  const written = listed(registerWeights / 4, (m) =>
    lines('{', `  let v = ${operand(`${m}u`)};`, ...terms((n) => `w${4 * m + n}`), '}'),
  );
  if (registerWeights === weights) return written;
  const loop = lines(
    `for (var m = ${registerWeights / 4}u; m < WEIGHTS / 4u; m++) {`,
    `  let v = ${operand('m')};`,
    `  let at = weightsAt + 4u * m * LAYER_THREADS;`,
    ...terms((n) => `panels[at + ${n}u * LAYER_THREADS]`),
    '}',
  );
  return lines(written, loop);
}

function listed(count: number, line: (n: number) => string): string {
  return lines(...Array.from({ length: count }, (_, n) => line(n)));
}

function lines(...parts: string[]): string {
  return parts.join('\n      ');
}
