/** Medians over the rounds of a benchmark. */

/** The middle value; for an even number of values the upper one of the two middle values; NaN for no values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? Number.NaN : sorted[Math.floor(sorted.length / 2)];
}

/**
 * The median over rounds of a[round] / b[round]. Both values of a round are measured within seconds, so a temporarily
 * slow processor affects both. Rounds without both values are left out.
 */
export function medianRatio(a: readonly number[], b: readonly number[]): number {
  const rounds = Math.min(a.length, b.length);
  return median(Array.from({ length: rounds }, (_, round) => a[round] / b[round]));
}
