/** Threads of a team in Node.js. */
import { Worker } from 'node:worker_threads';
import type { Reply, Start } from './team-protocol.js';
import type { StartThread } from './threads.js';

export const startNodeThread: StartThread = (member, backend) => {
  const start: Start = { member, backend: backend.handle() };
  // `node --input-type=module --eval …` would hand its flag on to a worker, which is a file and refuses it.
  const evaluated = process.execArgv.some((flag) => flag.startsWith('--input-type'));
  const worker = new Worker(new URL('./worker-node.js', import.meta.url), {
    workerData: start,
    ...(evaluated && { execArgv: [] }),
  });
  return {
    run: (command) =>
      new Promise((resolve, reject) => {
        const settle = (error: unknown) => {
          worker.off('message', onMessage).off('error', settle).off('exit', onExit);
          if (error) reject(error);
          else resolve();
        };
        const onMessage = (reply: Reply) => settle(reply.error);
        const onExit = (code: number) => settle(new Error(`train: a worker thread ended with code ${code}`));
        worker.on('message', onMessage).on('error', settle).on('exit', onExit);
        worker.postMessage(command);
      }),
    end: () => worker.terminate(),
  };
};
