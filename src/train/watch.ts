/** Progress of work that others do: a counter in shared memory, or any other value that only grows. */

/** The counter is looked at this often. */
const POLL_MS = 50;

/**
 * Yields the value of `progress` whenever it has grown, and once more when `running` has resolved.
 * @throws what `running` rejects with
 */
export async function* watch(running: Promise<unknown>, progress: () => number): AsyncGenerator<number> {
  let ended = false;
  const end = () => {
    ended = true;
  };
  const settled = running.then(end, end);
  let last = 0;
  while (!ended) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tick = new Promise((resolve) => {
      timer = setTimeout(resolve, POLL_MS);
    });
    await Promise.race([settled, tick]);
    clearTimeout(timer);
    const now = progress();
    if (now > last && !ended) yield now;
    last = now;
  }
  await running;
  yield progress();
}
