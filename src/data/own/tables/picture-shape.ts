/** The shape of pictures in rows of numbers. */
import { UserError } from '../../../user-error.js';

/** Most pixels of a picture in a table: 2048 × 2048. */
export const MAX_TABLE_PIXELS = 2 ** 22;
/** Fewest: 2 × 2. */
const MIN_PIXELS = 4;

export interface PictureShape {
  width: number;
  height: number;
  channels: 1 | 3;
  /** Whether the channels are before the rows. */
  planar: boolean;
}

/**
 * The shape of pictures that are rows of `count` numbers: squares, grey, or with three numbers for each pixel.
 * @throws UserError if there is no such square
 */
export function squareShape(count: number, where: string): PictureShape {
  for (const channels of [1, 3] as const) {
    const side = Math.round(Math.sqrt(count / channels));
    if (
      side * side * channels === count &&
      count / channels >= MIN_PIXELS &&
      count / channels <= MAX_TABLE_PIXELS
    ) {
      return { width: side, height: side, channels, planar: false };
    }
  }
  const side = Math.max(2, Math.floor(Math.sqrt(count)));
  throw new UserError(
    `${where}: a picture has ${count} numbers, which are no square: ${side * side} would be ${side} × ${side}, ${(side + 1) ** 2} ` +
      `${side + 1} × ${side + 1}; remove columns that are no pixels, or save the pictures with their shape, as np.save does`,
  );
}

/**
 * The shape of pictures in an array [N, height, width], [N, height, width, 1 or 3], [N, 1 or 3, height, width] or
 * [N, pixels] of grey squares.
 * @throws UserError for another shape
 */
export function arrayShape(shape: readonly number[], where: string): PictureShape {
  const [, ...sizes] = shape;
  const isColour = (size: number) => size === 1 || size === 3;
  let found: PictureShape | null = null;
  if (sizes.length === 1) return greyRow(sizes[0], where);
  if (sizes.length === 2) found = { height: sizes[0], width: sizes[1], channels: 1, planar: false };
  else if (sizes.length === 3 && isColour(sizes[2]))
    found = { height: sizes[0], width: sizes[1], channels: sizes[2] as 1 | 3, planar: false };
  else if (sizes.length === 3 && isColour(sizes[0]))
    found = { channels: sizes[0] as 1 | 3, height: sizes[1], width: sizes[2], planar: true };
  if (found && found.width * found.height >= 1 && found.width * found.height <= MAX_TABLE_PIXELS)
    return found;
  throw new UserError(
    `${where}: expected pictures [N, height, width], [N, height, width, 1 or 3], [N, 1 or 3, height, width] or [N, pixels] in grey ` +
      `of at most ${MAX_TABLE_PIXELS} pixels, found the shape [${shape.join(', ')}]`,
  );
}

/** @throws UserError also for colours: those of CIFAR-10 are in planes, others are together for each pixel */
function greyRow(count: number, where: string): PictureShape {
  const shape = squareShape(count, where);
  if (shape.channels === 1) return shape;
  const { width: n } = shape;
  throw new UserError(
    `${where}: expected the shape of pictures in colours, found rows of ${count} numbers, which do not tell where the red ones are; ` +
      `save x.reshape(-1, 3, ${n}, ${n}) if they are first, as in CIFAR-10, or x.reshape(-1, ${n}, ${n}, 3) if each pixel's colours are together`,
  );
}

/** Puts planes of channels into the order [height, width, channels]. */
export function interleaved(
  pixels: Uint8Array,
  { width, height, channels, planar }: PictureShape,
): Uint8Array {
  if (!planar || channels === 1) return pixels;
  const plane = width * height;
  const result = new Uint8Array(pixels.length);
  for (let i = 0; i < plane; i++)
    for (let c = 0; c < channels; c++) result[channels * i + c] = pixels[c * plane + i];
  return result;
}
