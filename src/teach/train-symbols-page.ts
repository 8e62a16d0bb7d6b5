/** Teaches symbols in a page. Call it in a worker: without shared memory, the calling thread computes. */
import { openBackend } from '../backends/open-web.js';
import { startPageThread, threadsInPage } from '../train/team/threads-page.js';
import { symbolsOn, type TrainSymbols } from './train-symbols.js';

/** @function As `TrainSymbols` says. */
export const trainSymbols: TrainSymbols = symbolsOn({
  openBackend: (choice) => openBackend(choice),
  startThread: startPageThread,
  threads: threadsInPage,
});
