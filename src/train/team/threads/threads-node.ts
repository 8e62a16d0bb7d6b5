/** Threads of a team in Node.js. */
import { Worker } from 'node:worker_threads';
import type { Reply, Start } from '../team-protocol.js';
import { MessageThread, type StartThread } from './threads.js';

export const startNodeThread: StartThread = (member, backend) => {
  const start: Start = { member, backend: backend.handle() };
  // `node --input-type=module --eval …` would hand its flag on to a worker, which is a file and refuses it.
  const evaluated = process.execArgv.some((flag) => flag.startsWith('--input-type'));
  const worker = new Worker(new URL('./worker-node.js', import.meta.url), {
    workerData: start,
    ...(evaluated && { execArgv: [] }),
  });
  return watchWorker(worker, member.index);
};

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
