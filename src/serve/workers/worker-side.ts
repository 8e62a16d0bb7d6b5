/** Runs inside each worker of worker-pool.ts: receives batches of jobs and sends their answers. */
import { parentPort } from 'node:worker_threads';
import { errorStatus } from '../http-error.js';
import type { BatchMessage, PoolMessage } from './worker-pool.js';

/**
 * Serves batches until the thread ends.
 * @param answer settles every job of a batch, in order
 */
export function serveBatches<Job, Answer, Context>(
  answer: (jobs: Job[], context: Context) => Promise<PromiseSettledResult<Answer>[]>,
): void {
  let context: Context;
  parentPort?.on('message', async (message: BatchMessage<Job>) => {
    if (message.context !== undefined) context = message.context as Context;
    const settled = await answer(message.jobs, context);
    const answers = settled.map((each) =>
      each.status === 'fulfilled' ? { value: each.value } : failure(each.reason),
    );
    parentPort?.postMessage({ id: message.id, answers } satisfies PoolMessage<Answer>);
  });
}

export function tell(news: unknown): void {
  parentPort?.postMessage({ news } satisfies PoolMessage<never>);
}

function failure(reason: unknown): { status: number; message: string; stack?: string } {
  const { status, message } = errorStatus(reason);
  if (status !== 500 || !(reason instanceof Error)) return { status, message };
  return { status, message: reason.message, stack: reason.stack };
}
