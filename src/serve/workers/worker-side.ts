/** Runs inside each worker of worker-pool.ts: receives batches of jobs and sends their answers. */
import { parentPort } from 'node:worker_threads';
import { errorStatus, HttpError } from '../http-error.js';
import type { BatchMessage, PoolMessage, Risk } from './worker-pool.js';

/** Messages of the risks that are refused, by key. */
let refused: ReadonlyMap<string, string> = new Map();
/** The risk that is being taken; one at a time, so that a loss has one cause. */
let taken: Promise<unknown> = Promise.resolve();

/**
 * Serves batches until the thread ends.
 * @param answer settles every job of a batch, in order
 */
export function serveBatches<Job, Answer, Context>(
  answer: (jobs: Job[], context: Context) => Promise<PromiseSettledResult<Answer>[]>,
): void {
  let context: Context;
  parentPort?.on('message', async (message: BatchMessage<Job>) => {
    if (message.refused !== undefined) refused = message.refused;
    if (message.context !== undefined) context = message.context as Context;
    const settled = await answer(message.jobs, context);
    const answers = settled.map((each) =>
      each.status === 'fulfilled' ? { value: each.value } : failure(each.reason),
    );
    // Bytes are handed over, not copied.
    const bytes = answers.flatMap((each) => ('value' in each ? buffersIn(each.value) : []));
    parentPort?.postMessage({ id: message.id, answers } satisfies PoolMessage<Answer>, bytes);
  });
}

/**
 * Does work that may cost this worker its life, such as opening a file from strangers. Such works follow one another;
 * one must not be part of another.
 * @throws HttpError 422 if the same work has cost a worker its life
 */
export function atRisk<T>(risk: Risk, work: () => Promise<T>): Promise<T> {
  const known = refused.get(risk.key);
  if (known !== undefined) return Promise.reject(new HttpError(422, known));
  const done = taken.then(async () => {
    report(risk);
    try {
      return await work();
    } finally {
      report(null);
    }
  });
  taken = done.catch(() => {});
  return done;
}

function report(risk: Risk | null): void {
  parentPort?.postMessage({ risk } satisfies PoolMessage<never>);
}

export function tell(news: unknown): void {
  parentPort?.postMessage({ news } satisfies PoolMessage<never>);
}

/** The buffers of an answer, or of its members. */
function buffersIn(value: unknown): ArrayBuffer[] {
  if (value instanceof Uint8Array) return value.buffer instanceof ArrayBuffer ? [value.buffer] : [];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.values(value).flatMap((each) => (each instanceof Uint8Array ? buffersIn(each) : []));
}

function failure(reason: unknown): { status: number; message: string; stack?: string } {
  const { status, message } = errorStatus(reason);
  if (status !== 500 || !(reason instanceof Error)) return { status, message };
  return { status, message: reason.message, stack: reason.stack };
}
