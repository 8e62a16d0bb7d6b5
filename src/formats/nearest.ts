/** Finds the nearest known spelling, for “did you mean”. */

/** Restricted Damerau–Levenshtein distance: number of inserts, deletes, replacements and swaps of neighbours. */
function distance(from: string, to: string): number {
  let older: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let best = Math.min(
        previous[column] + 1,
        current[column - 1] + 1,
        previous[column - 1] + (same ? 0 : 1),
      );
      const swapped =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) best = Math.min(best, older[column - 2] + 1);
      current.push(best);
    }
    older = previous;
    previous = current;
  }
  return previous[to.length];
}

/** The candidate with the smallest distance to `word`; undefined if more than a third of the letters differ. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  const allowed = Math.ceil(word.length / 3);
  let found: string | undefined;
  let least = allowed + 1;
  for (const candidate of candidates) {
    const edits = distance(word, candidate);
    if (edits < least) {
      least = edits;
      found = candidate;
    }
  }
  return found;
}
