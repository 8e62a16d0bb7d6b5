/**
 * The order in which a graph reads the numbers of its input. scanstroke's networks read pictures row by row, the channels
 * of a row one after the other. A graph that transposes, crops or mirrors its input would be another network without
 * that.
 */
import type { LstmStack } from './lstm-stack.js';

const MAX_COLOURS = 4;

/** Whether the first layer reads the whole input, step by step: as sequences, or as the rows of pictures. */
export function readsInOrder({ sequence, steps: T, batch: B, labels }: LstmStack): boolean {
  const block = sequence === null ? null : labels.blockOf(sequence[0]);
  if (sequence === null || block?.kind !== 'input' || block.count !== sequence.length) return false;
  const { base, shape } = block;
  const I = sequence.length / (T * B);
  const isPlaced = (place: (b: number, t: number, i: number) => number) => {
    for (let t = 0, at = 0; t < T; t++) {
      for (let b = 0; b < B; b++) {
        for (let i = 0; i < I; i++, at++) if (sequence[at] !== base + place(b, t, i)) return false;
      }
    }
    return true;
  };
  if (shape.length === 4) {
    const [, C, H, W] = shape; // PyTorch's pictures
    const isPlanes = C > 1 && T === H && I === C * W;
    if (isPlanes && isPlaced((b, t, i) => ((b * C + Math.floor(i / W)) * H + t) * W + (i % W))) return true;
    // Keras's pictures are [B, H, W, C]: the colours of a pixel lie side by side.
    const [, rows, columns, colours] = shape;
    if (columns > 1 && colours > 1 && colours <= MAX_COLOURS && T === rows && I === columns * colours)
      return false;
  }
  return isPlaced((b, t, i) => (b * T + t) * I + i) || isPlaced((b, t, i) => (t * B + b) * I + i);
}
