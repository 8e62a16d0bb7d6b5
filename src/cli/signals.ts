/**
 * Ctrl-C while training: the first one stops after the update and writes the checkpoint, the second one exits at once. A
 * closed terminal (SIGHUP) stops like the first one. It is often reported twice, by the shell and by the system, and
 * never exits at once.
 */

/**
 * The terminal sends Ctrl-C to the whole process group, and npm forwards it once more. Signals within this time count
 * as one.
 */
const SAME_PRESS_MS = 150;

export interface Signals {
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP. */
  stop: AbortSignal;
  /** Removes the handlers: signals have their default effect again. */
  release(): void;
}

/** Handles SIGINT, SIGTERM and SIGHUP. @param onFirst says what the first signal does */
export function stopOnSignal(onFirst: () => void): Signals {
  const controller = new AbortController();
  let first: number | undefined;
  const release = () => {
    process.off('SIGINT', handle);
    process.off('SIGTERM', handle);
    process.off('SIGHUP', handle);
  };
  const handle = (signal: NodeJS.Signals) => {
    if (first === undefined) {
      first = performance.now();
      controller.abort();
      onFirst();
    } else if (signal !== 'SIGHUP' && performance.now() - first > SAME_PRESS_MS) {
      // Without a handler the signal ends the process at once, without waiting for the workers.
      release();
      process.kill(process.pid, signal);
    }
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
  process.on('SIGHUP', handle);
  return { stop: controller.signal, release };
}
