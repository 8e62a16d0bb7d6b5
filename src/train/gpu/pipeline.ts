/**
 * Keeps a GPU busy: submits work in portions, a few of them ahead of their results. A portion takes a few dozen
 * milliseconds, so that a screen is still drawn, and a stop is quick.
 */

/** Milliseconds of a portion. */
const PORTION_MS = 30;
/** Portions that are submitted and have not ended; one, if a single piece takes longer than LONG_MS. */
const AHEAD = 3;
const LONG_MS = 100;
/** A portion is at most so many times as large as the one before. */
const GROWTH = 4;

export interface Portion<R> {
  /** Of the first of its pieces, from 0. */
  first: number;
  count: number;
  result: R;
}

/**
 * Submits pieces 0 … `count` - 1 in portions, and yields the results in their order. After an aborted `stop` it submits
 * nothing more, and yields what was submitted.
 *
 * @param most pieces of a portion
 * @param submit submits pieces; `result` resolves when the GPU has ended them
 */
export async function* inPortions<R>(
  count: number,
  most: number,
  submit: (first: number, count: number) => Promise<{ result: Promise<R> }>,
  stop: AbortSignal,
): AsyncGenerator<Portion<R>> {
  const submitted: { first: number; count: number; began: number; result: Promise<R> }[] = [];
  let size = 1;
  let ahead = 1;
  let next = 0;
  let ended = Number.NEGATIVE_INFINITY;
  try {
    for (;;) {
      // The first piece is computed in any case, so that every call makes progress.
      while (next < count && submitted.length < ahead && (next === 0 || !stop.aborted)) {
        const pieces = Math.min(size, count - next);
        const began = performance.now();
        const { result } = await submit(next, pieces);
        result.catch(() => {}); // Thrown where it is awaited.
        submitted.push({ first: next, count: pieces, began, result });
        next += pieces;
      }
      const oldest = submitted.shift();
      if (!oldest) return;
      const result = await oldest.result;
      const now = performance.now();
      const milliseconds = (now - Math.max(ended, oldest.began)) / oldest.count;
      ended = now;
      size = Math.max(1, Math.min(most, GROWTH * oldest.count, Math.round(PORTION_MS / milliseconds)));
      ahead = milliseconds > LONG_MS ? 1 : AHEAD;
      yield { first: oldest.first, count: oldest.count, result };
    }
  } finally {
    await Promise.allSettled(submitted.map(({ result }) => result));
  }
}
