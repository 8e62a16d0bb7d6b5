/** Threads of a team in Node.js. */
import { Worker } from 'node:worker_threads';
import type { Reply, Start } from '../team-protocol.js';
import { MessageThread, type StartThread } from './threads.js';

/** A worker thread that waits for its first message, and what it is to the main thread. */
interface WaitingThread {
  worker: Worker;
  thread: MessageThread;
}

export const startNodeThread: StartThread = (member, backend) => {
  const start = { member, backend: backend.handle() };
  return begin(openThread(member.index), start);
};

/**
 * Threads that load their code while the caller does something else, for a team that is opened later. They do not keep
 * the process alive.
 */
export class WaitingThreads {
  readonly #waiting: WaitingThread[] = [];

  /** @param count fewer are started where the system allows no more: the team then says what is wrong */
  constructor(count: number) {
    try {
      for (let index = 0; index < count; index++) {
        const opened = openThread(index);
        opened.worker.unref();
        this.#waiting.push(opened);
      }
    } catch {
      // A team that needs the thread starts it again, and explains the error.
    }
  }

  /** Takes a waiting thread; starts one when all are taken. */
  readonly start: StartThread = (member, backend) => {
    const start = { member, backend: backend.handle() };
    const opened = this.#waiting.shift() ?? openThread(member.index);
    opened.worker.ref();
    return begin(opened, start);
  };

  /** Ends the threads that no team took. */
  async close(): Promise<void> {
    await Promise.all(this.#waiting.splice(0).map(({ thread }) => thread.end()));
  }
}

function openThread(index: number): WaitingThread {
  // `node --input-type=module --eval …` would hand its flag on to a worker, which is a file and refuses it.
  const evaluated = process.execArgv.some((flag) => flag.startsWith('--input-type'));
  const worker = new Worker(new URL('./worker-node.js', import.meta.url), evaluated ? { execArgv: [] } : {});
  return { worker, thread: watchWorker(worker, index) };
}

function begin({ worker, thread }: WaitingThread, start: Start): MessageThread {
  try {
    worker.postMessage(start);
    return thread;
  } catch (error) {
    void thread.end();
    throw error;
  }
}

/** A worker whose script answers as worker-node.ts does. @param index for messages */
export function watchWorker(worker: Worker, index: number): MessageThread {
  const thread = new MessageThread({
    post: (command) => worker.postMessage(command),
    terminate: () => worker.terminate(),
    keepAlive: (alive) => (alive ? worker.ref() : worker.unref()),
  });
  const name = `train: worker thread ${index}`;
  const failed = (error: Error) =>
    thread.died(new Error(`${name} failed: ${error.message}`, { cause: error }));
  worker.on('message', (reply: Reply) => thread.received(reply));
  worker.on('messageerror', failed);
  worker.on('error', failed);
  worker.on('exit', (code) => thread.died(new Error(`${name} ended unexpectedly, with exit code ${code}`)));
  return thread;
}
