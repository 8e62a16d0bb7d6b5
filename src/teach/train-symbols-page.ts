/** Teaches symbols in a page. Call it in a worker: without shared memory, the calling thread computes. */
import type { TrainSymbols } from './train-symbols.js';

export const trainSymbols: TrainSymbols = async () => {
  throw new Error('not yet');
};
