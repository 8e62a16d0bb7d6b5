/** Makes the pictures of a recipe in worker threads. They do not depend on the number of threads. Node.js only. */
import { inThreads } from '../worker-threads.js';
import type { Recipe } from './making.js';

/** What the threads make. The pixels are shared. */
export interface MakingTask {
  recipe: Recipe;
  /** Whether a picture without strokes, or with too many points, is made anew. */
  isThinned: boolean;
  count: number;
  /** [count · width · height] to be filled. */
  pixels: Uint8Array;
}

/** Data of a worker: `next` [1] is the first example that no thread has taken, in shared memory. */
export type MakingWork = MakingTask & { next: Int32Array; chunk: number };

/** From a worker: how many examples it has made since its last message. */
export interface MadeChunk {
  made: number;
}

/** Examples in a chunk: a thread takes one chunk at a time. Making them takes about 50 ms. */
const CHUNK = 50;

/** @param onMade is called with the number of all that are made @param signal ends the threads: the promise rejects */
export async function makeInThreads(
  task: MakingTask,
  threads: number,
  signal: AbortSignal | undefined,
  onMade: (done: number) => void,
): Promise<void> {
  const next = new Int32Array(new SharedArrayBuffer(4));
  const work: MakingWork = { ...task, next, chunk: CHUNK };
  const count = Math.min(threads, Math.ceil(task.count / CHUNK));
  let done = 0;
  await inThreads<MadeChunk>(
    new URL('./making-worker.js', import.meta.url),
    work,
    { count, signal },
    ({ made }) => {
      done += made;
      onMade(done);
    },
  );
}
