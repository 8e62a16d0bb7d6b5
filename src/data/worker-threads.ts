/** Worker threads that share a task: each takes chunks of it until none is left, and then ends. Node.js only. */
import { Worker } from 'node:worker_threads';
import { type PostedError, receivedError } from '../user-error.js';

/**
 * Starts threads, and waits until all have ended. If one fails, or on a signal, all are terminated.
 * @param script of the threads; they post what they have done, or the error that ended them
 * @param task their `workerData`
 * @param started.count threads, at least one
 * @param take receives what a thread has done
 */
export function inThreads<Done extends object>(
  script: URL,
  task: object,
  { count, signal }: { count: number; signal?: AbortSignal },
  take: (done: Done) => void,
): Promise<void> {
  signal?.throwIfAborted();
  const workers = Array.from({ length: Math.max(1, count) }, () => new Worker(script, { workerData: task }));
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      for (const each of workers) void each.terminate();
      reject(error);
    };
    // One listener for all: Node.js takes more than ten for a leak.
    const stop = () => fail(signal?.reason);
    signal?.addEventListener('abort', stop, { once: true });
    let running = workers.length;
    for (const worker of workers) {
      worker.on('message', (reply: Done | { error: PostedError }) => {
        try {
          if ('error' in reply) throw receivedError(reply.error);
          take(reply);
        } catch (error) {
          fail(error);
        }
      });
      worker.on('error', fail);
      worker.on('exit', () => {
        if (--running > 0) return;
        signal?.removeEventListener('abort', stop);
        resolve();
      });
    }
  });
}
