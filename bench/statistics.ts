/** Medians: what a benchmark keeps of its rounds. */

/** The middle value; of an even number of values the upper one of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? Number.NaN : sorted[Math.floor(sorted.length / 2)];
}

/**
 * The median of a/b, round by round: the two of a round were measured within seconds of each other, so a processor
 * that is slower for a while is slower in both. Rounds that only one of them has are left out.
 */
export function medianRatio(a: readonly number[], b: readonly number[]): number {
  const rounds = Math.min(a.length, b.length);
  return median(Array.from({ length: rounds }, (_, round) => a[round] / b[round]));
}
