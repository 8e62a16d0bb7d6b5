/** Generated examples have one size: a data set to which they are added must have it, too. */
import { DRAWING_SIZE } from '../../ink/drawing.js';
import { UserError } from '../../user-error.js';
import type { Dataset } from '../input-kind.js';

/**
 * @param what is generated, for the message
 * @param setting the share of them
 * @throws UserError if the pictures of the data set are not grey, or not of 28 × 28 pixels
 */
export function checkSize(dataset: Dataset, what: string, setting: string): void {
  const { width, height } = dataset.kind === 'images' ? dataset.train : dataset;
  const channels = dataset.kind === 'images' ? dataset.train.channels : 1;
  if (width === DRAWING_SIZE.width && height === DRAWING_SIZE.height && channels === 1) return;
  throw new UserError(
    `${what}: they are made for grey pictures of ${DRAWING_SIZE.width} × ${DRAWING_SIZE.height} pixels; data set ${dataset.name} has ` +
      `${width} × ${height} with ${channels === 1 ? '1 channel' : `${channels} channels`}; leave out the share of ${what}`,
    { settings: [setting, 'data'] },
  );
}
