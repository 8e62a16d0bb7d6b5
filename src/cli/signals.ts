/** Ctrl-C: the first lets the step end and the checkpoint be written, the second ends the process at once. */

/** npm passes on a Ctrl-C that the terminal has already sent to everyone: the same press, not a second one. */
const SAME_PRESS = 150;

export interface Signals {
  /** Aborted by the first SIGINT or SIGTERM. */
  stop: AbortSignal;
  /** Gives the signals their usual meaning back. */
  release(): void;
}

/** Watches for signals; `say` is told what the first one has set off. */
export function stopOnSignal(say: (line: string) => void): Signals {
  const controller = new AbortController();
  let first: number | undefined;
  const release = () => {
    process.off('SIGINT', handle);
    process.off('SIGTERM', handle);
  };
  const handle = (signal: NodeJS.Signals) => {
    if (first === undefined) {
      first = performance.now();
      controller.abort();
      say('stopping after this step, then writing the checkpoint; once more ends at once');
    } else if (performance.now() - first > SAME_PRESS) {
      // With no listener left the signal does what it does to any program: no worker is waited for.
      release();
      process.kill(process.pid, signal);
    }
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
  return { stop: controller.signal, release };
}
