/**
 * Where the pen is after each move, as two more values of a step: x and y from the middle of the picture, in quarters of
 * its width and height. A network then need not add up moves to know where a line is.
 */
import { type StrokePreprocessing, strokeInputSize } from './stroke-preprocessing.js';

/** For the users of exported models, whose programs have to do the same. */
export const POSITIONS_AFTER =
  'Values 5 and 6 of a step are where its move ends, (x - (width + 1) / 2) / (width / 4) and ' +
  '(y - (height + 1) / 2) / (height / 4), where x and y are the sums of all dx and dy so far, and the first pixel is 1.';

/**
 * Writes x and y of every move of a drawing behind its values.
 * @param target holds the moves `dx dy eos eod`, multiplied by the preprocessing's scale
 * @param rowStarts [T]; move t is at (rowStarts[t] + column) · I
 */
export function writePositions(
  target: Float32Array,
  rowStarts: Int32Array,
  column: number,
  steps: number,
  preprocessing: StrokePreprocessing,
): void {
  const { width, height, scale } = preprocessing;
  const size = strokeInputSize(preprocessing);
  const [acrossUnit, downUnit] = [(scale * width) / 4, (scale * height) / 4];
  let x = (-scale * (width + 1)) / 2;
  let y = (-scale * (height + 1)) / 2;
  for (let t = 0; t < steps; t++) {
    const at = (rowStarts[t] + column) * size;
    x += target[at];
    y += target[at + 1];
    target[at + 4] = x / acrossUnit;
    target[at + 5] = y / downUnit;
  }
}
