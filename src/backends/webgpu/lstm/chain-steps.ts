/**
 * The steps of a chain, counted from where each block begins: step s is t = s in the forward direction and
 * t = (steps of the block) - 1 - s in the reverse direction. The rows past the end of a sequence are written as zeros,
 * so a sequence that is shorter than its block starts from a state of zeros in the reverse direction too.
 */
import { type BatchCapacity, batchFunctions } from '../batch-layout.js';
import type { Slice } from '../kernel.js';

/** Words from one step to the next in the table of steps: offsets of uniform buffers are multiples of 256 bytes. */
const STEP_WORDS = 64;

/** The table of steps, for `steps` steps: uniform values of the dispatches of a chain. Write it to a slice once. */
export function stepTable(steps: number): Uint32Array {
  const words = new Uint32Array(steps * STEP_WORDS);
  for (let step = 0; step < steps; step++) words[step * STEP_WORDS] = step;
  return words;
}

/** The uniform value of a step. */
export function stepSlice(table: Slice, step: number): Slice {
  return { buffer: table.buffer, offset: table.offset + step * STEP_WORDS * 4, size: 16 };
}

/** WGSL: rows of a chain's steps. `step: vec4u` is a uniform value. */
export function chainFunctions(capacity: BatchCapacity): string {
  return `${batchFunctions(capacity)}
// Whether the block of sequence b is in the batch and has a step s of the chain.
fn hasStep(b: u32, s: u32) -> bool { return b / LANES < blocks() && s < blockSteps(b / LANES); }
// The time of step s of the chain for sequence b.
fn timeOf(b: u32, s: u32, direction: u32) -> u32 {
  return select(s, blockSteps(b / LANES) - 1u - s, direction == 1u);
}
`;
}
