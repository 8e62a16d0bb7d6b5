/** Worker thread that makes pictures of a recipe. See making-threads.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { postableError } from '../../user-error.js';
import { withPoints } from './making.js';
import type { MadeChunk, MakingWork } from './making-threads.js';
import { openRecipe } from './open-recipe.js';

const port = parentPort;
if (!port) {
  throw new Error(
    'data/drawn/making-worker.js runs in a worker thread, started by data/drawn/making-threads.ts',
  );
}
const { recipe, isThinned, count, pixels, next, chunk } = workerData as MakingWork;
const size = pixels.length / count;

try {
  const { at } = openRecipe(recipe);
  for (let first = Atomics.add(next, 0, chunk); first < count; first = Atomics.add(next, 0, chunk)) {
    const end = Math.min(count, first + chunk);
    for (let i = first; i < end; i++) {
      pixels.set((isThinned ? withPoints(i, at) : at(i, 0)).pixels, i * size);
    }
    port.postMessage({ made: end - first } satisfies MadeChunk);
  }
} catch (error) {
  port.postMessage({ error: postableError(error) });
}
