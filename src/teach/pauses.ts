/** Pauses of a long computation, in which the thread receives messages and may be told to stop. */

/** Longest time without a pause. */
const EVERY_MS = 30;

/** @returns a function that pauses if the last pause is long ago; it throws the signal's reason once it is aborted */
export function pausing(signal?: AbortSignal): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < EVERY_MS) return;
    await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
    since = performance.now();
  };
}
