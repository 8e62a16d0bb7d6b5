/** Turns logits into probabilities. */
import { UserError } from '../user-error.js';

/**
 * [K] probabilities of logits: softmax(logits / temperature).
 * @param network its name is in the message
 * @throws UserError if a logit is not finite: finite weights can be so large that sums overflow
 */
export function softmax(
  logits: Float32Array,
  { name, temperature }: { name: string; temperature: number },
): Float32Array {
  if (!logits.every(Number.isFinite)) throw overflow(name, 'answer');
  const largest = logits.reduce((a, b) => Math.max(a, b));
  const powers = Float64Array.from(logits, (logit) => Math.exp((logit - largest) / temperature));
  const sum = powers.reduce((a, b) => a + b);
  return Float32Array.from(powers, (power) => power / sum);
}

/** The error for a network that computes infinities or NaN. @param what it computed */
export function overflow(name: string, what: 'answer' | 'gradient'): UserError {
  return new UserError(
    `${name}: the network's ${what} is not a number, because its weights are too large; use another checkpoint`,
  );
}
