/** Teaches symbols in a page. Call it in a worker: without shared memory, the calling thread computes. */
import { openBackend } from '../backends/open-web.js';
import { startPageThread, threadsInPage } from '../train/team/threads/threads-page.js';
import { symbolsOn, type TrainSymbols } from './train-symbols.js';

/**
 * Teaches a network the symbols of a project from a few drawings of each.
 *
 * @function
 * @param project with at least two classes, and at least two drawings of each
 * @param options what to begin from, what computes, and what is called meanwhile
 * @returns the checkpoint, and what is known about it
 * @throws UserError if there are too few or too many classes, too few drawings, or the base is no network for strokes
 * @throws the signal's reason when it is aborted
 *
 * @example
 * import { starterProject, trainSymbols } from 'scanstroke';
 *
 * const { summary } = await trainSymbols(starterProject('arrows'), { epochs: 8, none: false });
 * console.log(summary.heldOut); // { correct, count }
 */
export const trainSymbols: TrainSymbols = symbolsOn({
  openBackend: (choice) => openBackend(choice),
  startThread: startPageThread,
  threads: threadsInPage,
});
