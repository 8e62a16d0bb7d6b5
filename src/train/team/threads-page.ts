/**
 * Threads of a team in a page: Web Workers, where memory can be shared with them, that is where the page is cross-origin
 * isolated. Elsewhere the thread that calls is the only one; it pauses between steps, so that a page stays alive.
 */
import { SHARES_MEMORY } from '../../shared-memory.js';
import { Member } from './member.js';
import type { Command, Reply, Start } from './team-protocol.js';
import type { StartThread, Thread } from './threads.js';

/** @param wanted default: one a core */
export function threadsInPage(wanted: number = navigator.hardwareConcurrency): number {
  return SHARES_MEMORY ? wanted : 1;
}

/** Computes at most so long before the page has its turn. */
const YIELD_EVERY_MS = 30;

const startWebWorker: StartThread = (member, backend) => {
  const worker = new Worker(new URL('./worker-page.js', import.meta.url), { type: 'module' });
  const start: Start = { member, backend: backend.handle() };
  worker.postMessage(start);
  return workerThread(worker);
};

function workerThread(worker: Worker): Thread {
  return {
    run: (command) =>
      new Promise((resolve, reject) => {
        worker.onmessage = ({ data }: MessageEvent<Reply>) => {
          if (data.error) reject(data.error);
          else resolve();
        };
        worker.onerror = ({ message }) => reject(new Error(`train: a Web Worker failed: ${message}`));
        worker.postMessage(command);
      }),
    end: async () => worker.terminate(),
  };
}

export const startCallingThread: StartThread = (me, backend) => {
  const member = new Member(me, backend);
  return {
    async run(command: Command) {
      let since = performance.now();
      for (const _ of member.run(command)) {
        if (performance.now() - since < YIELD_EVERY_MS) continue;
        await new Promise((resolve) => setTimeout(resolve));
        since = performance.now();
      }
    },
    end: async () => {},
  };
};

export const startPageThread = SHARES_MEMORY ? startWebWorker : startCallingThread;
