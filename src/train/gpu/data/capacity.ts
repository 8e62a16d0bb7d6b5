/** Room for batches whose sequences are not known yet: the longest sequences of the data may meet in one batch. */
import { type BatchCapacity, capacityFor } from '../../../backends/webgpu/batch-layout.js';

/** Lengths of sequences, or their upper bounds: a `SequenceSource` without its values. */
export interface Lengths {
  readonly count: number;
  lengthOf(i: number): number;
}

/** Lengths of the longest sequences, longest first; of several parts, the longer one at each place. */
export function longestOf(parts: readonly Lengths[], sequences: number): Int32Array {
  const longest = new Int32Array(
    Math.min(
      sequences,
      parts.reduce((most, { count }) => Math.max(most, count), 0),
    ),
  );
  for (const part of parts) {
    const lengths = Int32Array.from({ length: part.count }, (_, i) => part.lengthOf(i))
      .sort()
      .reverse();
    for (let b = 0; b < Math.min(longest.length, part.count); b++) {
      longest[b] = Math.max(longest[b], lengths[b]);
    }
  }
  return longest;
}

/**
 * Room for any batch of up to `sequences` sequences of one part.
 * @param parts at least one sequence in all
 */
export function capacityOf(parts: readonly Lengths[], sequences: number): BatchCapacity {
  const longest = longestOf(parts, sequences);
  const { lanes, blocks } = capacityFor(sequences, longest[0]);
  let rows = 0;
  for (let b = 0; b < longest.length; b += lanes) rows += lanes * longest[b];
  return { lanes, blocks, steps: longest[0], rows };
}
