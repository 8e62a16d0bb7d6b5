/** Whether `--seed` means something for the strokes of a data set. */
import { findStrokes } from '../../../data/strokes/stroke-datasets.js';
import { UserError } from '../../../user-error.js';
import type { StrokesFlags } from './data-flags.js';

/**
 * The seed breaks ties between tours of pictures.
 * @param command begins the message
 * @throws UserError for a seed of strokes that are given, and follow no tour
 */
export async function refuseIdleSeed(
  command: string,
  { data, order, seed }: Pick<StrokesFlags, 'data' | 'order' | 'seed'>,
): Promise<void> {
  if (seed === 0) return;
  if (order !== 'tour') {
    throw new UserError(`${command}: --seed has no effect on the order ${order}; leave one of them out`);
  }
  const { kind, path } = await findStrokes(data);
  if (kind !== 'archive' && kind !== 'folder') return;
  throw new UserError(
    `${command}: --seed has no effect on ${path}, whose strokes are made already; leave it out`,
  );
}
