/** Inputs for recognition: types, and checks that all kinds of networks share. */
import { shown } from '../../formats/shape.js';
import { DRAWING_SIZE, type Drawing } from '../../ink/drawing.js';
import { STROKE_COLUMNS } from '../../ink/image-to-strokes.js';
import { movesToStrokes } from '../../ink/render-strokes.js';
import { UserError } from '../../user-error.js';
import type { Sequence } from '../sequences/sequence.js';
import { paddedPicture } from './pad.js';
import type { InputPicture, PictureSize } from './picture-size.js';
import { MAX_PHOTO_PIXELS, MAX_PICTURE_PIXELS, preparePicture } from './prepare-picture.js';

export type { InputPicture, PictureSize } from './picture-size.js';

/**
 * An input to recognise: a picture; pen strokes as moves [N, 4] `dx dy eos eod`, as `imageToStrokes` makes them; or a
 * drawing, stroke by stroke.
 */
export type RecognizerInput =
  | ({ kind: 'picture' } & InputPicture)
  | { kind: 'strokes'; moves: Int16Array }
  | ({ kind: 'drawing' } & Drawing);

/** An example of a data set as an input. */
export type ExampleInput =
  | ({ kind: 'picture' } & Required<InputPicture>)
  | { kind: 'strokes'; moves: Int16Array };

/** The input in the form in which the network reads it. */
export interface Seen {
  /** The picture that was read, or from which strokes were made; null if strokes were given, or points of a drawing read. */
  picture: Required<InputPicture> | null;
  /** [N, 4] the strokes that were read, one move a step; null if pixels were read. */
  moves: Int16Array | null;
}

/** The sequence of an input. */
export interface PreparedInput extends Sequence {
  /** The input in the form in which the network reads it. */
  saw: Seen;
  /** Other sequences of the same input: the answer is the mean of the logits of all. */
  views?: readonly Sequence[];
}

/** More than the longest drawing in pen order has. */
const MAX_MOVES = 20_000;

/**
 * Checks the form of an input of a program in JavaScript, but no value of it: that would take as long as reading it.
 * @throws UserError if it is of no kind, or a drawing without strokes of xs and ys
 */
export function checkForm(input: RecognizerInput): void {
  const { kind } = Object(input) as Partial<RecognizerInput>;
  if (kind === 'drawing') checkStrokes(input as { strokes?: unknown });
  else if (kind !== 'picture' && kind !== 'strokes') {
    const found = kind === undefined ? shown(input) : `the kind ${shown(kind)}`;
    throw new UserError(
      `recognize: expected an input of the kind picture, strokes or drawing, found ${found}`,
    );
  }
}

function checkStrokes({ strokes }: { strokes?: unknown }): void {
  if (!Array.isArray(strokes)) {
    throw new UserError(`recognize: a drawing must have a list of strokes, found ${shown(strokes)}`);
  }
  strokes.forEach((stroke, n) => {
    const { xs, ys } = Object(stroke) as { xs?: { length?: unknown }; ys?: { length?: unknown } };
    if (typeof xs?.length === 'number' && typeof ys?.length === 'number') return;
    throw new UserError(
      `recognize: stroke ${n} must be { xs: [x of each point], ys: [y of each point] }, found ${shown(stroke)}`,
    );
  });
}

/** @throws UserError if sizes and bytes do not fit together, or there are more than `maxPixels` pixels */
export function checkedPicture(
  { width, height, channels = 1, pixels }: InputPicture,
  maxPixels = MAX_PICTURE_PIXELS,
): Required<InputPicture> {
  for (const [name, size] of Object.entries({ width, height, channels })) {
    if (!Number.isInteger(size) || size < 1) {
      throw new UserError(
        `recognize: the picture's ${name} must be a whole number from 1, found ${shown(size)}`,
      );
    }
  }
  if (width * height > maxPixels) {
    throw new UserError(
      `recognize: a picture of ${width} × ${height}; at most ${maxPixels} pixels are accepted`,
    );
  }
  const length = width * height * channels;
  if (!(pixels instanceof Uint8Array) || pixels.length !== length) {
    throw new UserError(
      `recognize: ${width} × ${height} × ${channels} = ${length} bytes expected (a Uint8Array, 0 for paper and 255 ` +
        `for ink), found ${pixels instanceof Uint8Array ? pixels.length : typeof pixels}`,
    );
  }
  return { width, height, channels, pixels };
}

/** @throws UserError if these are no moves, or too many */
export function checkMoves(moves: Int16Array): void {
  if (!(moves instanceof Int16Array) || moves.length === 0 || moves.length % STROKE_COLUMNS !== 0) {
    throw new UserError(
      `recognize: strokes must be an Int16Array of moves of ${STROKE_COLUMNS} values (dx dy eos eod), found ${
        moves instanceof Int16Array ? `${moves.length} values` : typeof moves
      }`,
    );
  }
  if (moves.length > MAX_MOVES * STROKE_COLUMNS) {
    throw new UserError(
      `recognize: strokes of ${moves.length / STROKE_COLUMNS} moves; at most ${MAX_MOVES} are accepted`,
    );
  }
}

/** The strokes that moves draw. @throws UserError as checkMoves */
export function drawingOf(moves: Int16Array): Drawing {
  checkMoves(moves);
  return { strokes: movesToStrokes(moves) };
}

/** Whether nothing was drawn, or all of it in one place. */
export function isDot({ strokes }: Drawing): boolean {
  const first = strokes.find(({ xs }) => xs.length > 0);
  if (!first) return true;
  const [x, y] = [first.xs[0], first.ys[0]];
  return strokes.every(({ xs, ys }) => {
    for (let n = 0; n < xs.length; n++) if (xs[n] !== x || ys[n] !== y) return false;
    return true;
  });
}

/** A grey picture of MNIST's size. */
export function digitPicture(pixels: Uint8Array): Required<InputPicture> {
  return { ...DRAWING_SIZE, channels: 1, pixels };
}

/**
 * The picture that a network reads: prepared as prepare-picture.ts does it.
 * @param size of the pictures that the network reads
 * @param how.isFitted whether the network learnt from pictures made as MNIST's; else one of its size is read as it is
 * @param how.isThinned whether the picture becomes strokes
 * @param how.isPadded whether the network learnt from people's own pictures, scaled and padded as pad.ts does it
 * @returns null if there is no ink; what is padded may be blank, because so may pictures of its training
 * @throws UserError for a picture of another size than the network's, unless that is MNIST's, and for colours
 */
export function pictureToRead(
  input: InputPicture,
  size: PictureSize,
  { isFitted, isThinned, isPadded = false }: { isFitted: boolean; isThinned: boolean; isPadded?: boolean },
): Required<InputPicture> | null {
  const picture = checkedPicture(input, isPadded ? MAX_PHOTO_PIXELS : MAX_PICTURE_PIXELS);
  const { width, height, channels } = picture;
  if (isPadded && channels === size.channels) return paddedPicture(picture, size);
  const isOwnSize = width === size.width && height === size.height && channels === size.channels;
  const isPrepared = isFitted && isDigitSized(size);
  if (isOwnSize && !isPrepared) return isBlank(picture) ? null : picture;
  if (!isOwnSize) refuseUnlessDigitSized(`a picture of ${width} × ${height}`, size);
  if (channels !== 1) {
    throw new UserError(
      `recognize: a picture of ${channels} channels, and the network reads grey ones; give one channel, 0 for paper and 255 for ink`,
    );
  }
  const pixels = preparePicture(picture, isThinned);
  return pixels && digitPicture(pixels);
}

/** Whether pictures of this size are like MNIST's: drawings can become such pictures. */
export function isDigitSized({ width, height, channels }: PictureSize): boolean {
  return width === DRAWING_SIZE.width && height === DRAWING_SIZE.height && channels === 1;
}

function isBlank({ pixels }: InputPicture): boolean {
  return pixels.every((value) => value === pixels[0]);
}

/**
 * Fitting a figure into a picture is defined for MNIST's size only.
 * @param what the input, for the message
 * @param size of the pictures that the network reads
 * @throws UserError for any other size
 */
export function refuseUnlessDigitSized(what: string, size: PictureSize): void {
  if (isDigitSized(size)) return;
  const { width, height, channels } = size;
  throw new UserError(
    `recognize: the network reads pictures of ${width} × ${height} pixels with ${channels} ` +
      `channel${channels === 1 ? '' : 's'}, found ${what}; give a picture of exactly that size`,
  );
}
