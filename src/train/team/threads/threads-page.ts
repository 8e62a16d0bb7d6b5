/**
 * Threads of a team in a page: Web Workers where the page is cross-origin isolated, so that memory can be shared.
 * Elsewhere the calling thread computes; it pauses between updates, so that the page stays responsive.
 */
import { SHARES_MEMORY } from '../../../shared-memory.js';
import { Member } from '../member.js';
import type { Command, Reply, Start } from '../team-protocol.js';
import { MessageThread, type StartThread } from './threads.js';

/** @param wanted default: one a core */
export function threadsInPage(wanted: number = navigator.hardwareConcurrency): number {
  return SHARES_MEMORY ? wanted : 1;
}

/** The calling thread lets the page work after this many milliseconds. */
const YIELD_EVERY_MS = 30;

const startWebWorker: StartThread = (member, backend) => {
  const worker = new Worker(new URL('./worker-page.js', import.meta.url), { type: 'module' });
  const thread = new MessageThread({
    post: (command) => worker.postMessage(command),
    terminate: () => worker.terminate(),
    keepAlive: () => {},
  });
  const failed = (message: string) =>
    thread.died(new Error(`train: Web Worker ${member.index} failed: ${message}`));
  worker.onmessage = ({ data }: MessageEvent<Reply>) => thread.received(data);
  worker.onmessageerror = () => failed('a message could not be read');
  worker.onerror = ({ message }) => failed(message ?? 'its script could not be loaded');
  worker.postMessage({ member, backend: backend.handle() } satisfies Start);
  return thread;
};

export const startCallingThread: StartThread = (me, backend) => {
  const member = new Member(me, backend);
  let ended = false;
  return {
    ready: Promise.resolve(),
    onDeath: () => {},
    async run(command: Command) {
      let since = performance.now();
      for (const _ of member.run(command)) {
        if (performance.now() - since < YIELD_EVERY_MS) continue;
        await new Promise((resolve) => setTimeout(resolve));
        // Nothing of the member may be touched after the end.
        if (ended) throw new Error('train: the thread was ended');
        since = performance.now();
      }
    },
    async end() {
      ended = true;
    },
  };
};

export const startPageThread = SHARES_MEMORY ? startWebWorker : startCallingThread;
