/** Teaches symbols in Node.js. Worker threads compute, so the calling thread stays responsive. */
import { availableParallelism } from 'node:os';
import { openBackend } from '../backends/open-node.js';
import { startNodeThread } from '../train/team/threads/threads-node.js';
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
 * import { writeFile } from 'node:fs/promises';
 * import { shippedModel, starterProject, trainSymbols } from 'scanstroke';
 *
 * const base = await shippedModel('digit-strokes');
 * const project = starterProject('arrows');
 * const { checkpoint, summary } = await trainSymbols(project, { base, epochs: 8 });
 * console.log(summary.heldOut, summary.none); // { correct, count } { falseAlarms, symbols, refused, others }
 * await writeFile('arrows.safetensors', checkpoint); // for scanstroke predict, export and info
 */
export const trainSymbols: TrainSymbols = symbolsOn({
  openBackend,
  startThread: startNodeThread,
  threads: (wanted = availableParallelism()) => wanted,
});
