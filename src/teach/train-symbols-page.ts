/** Teaches symbols in a page. Call it in a worker: without shared memory, the calling thread computes. */
import { openBackend } from '../backends/open-web.js';
import { startPageThread, threadsInPage } from '../train/team/threads-page.js';
import { symbolsOn, type TrainSymbols } from './train-symbols.js';

/**
 * Teaches a network the symbols of a project from a few drawings of each, as in Node.js.
 *
 * @function
 */
export const trainSymbols: TrainSymbols = symbolsOn({
  openBackend: (choice) => openBackend(choice),
  startThread: startPageThread,
  threads: threadsInPage,
});
