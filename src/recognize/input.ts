/**
 * What can be recognised, and how it becomes the sequence that a network reads: through the very code that training
 * uses. A network that reads rows is shown drawings as pictures like MNIST's; one that reads strokes is shown pictures
 * and drawings as the strokes of their thinned picture.
 */
import type { ImagePreprocessing } from '../data/images/image-preprocessing.js';
import { ImageSequences } from '../data/images/image-sequences.js';
import { sequenceIn } from '../data/sequence.js';
import { type AnyPreprocessing, isStrokes } from '../data/sources.js';
import { type StrokePreprocessing, StrokeSequences } from '../data/strokes/stroke-sequences.js';
import { DRAWING_SIZE, type Drawing, drawingToImage, drawingToStrokes } from '../ink/drawing.js';
import { imageToStrokes, STROKE_COLUMNS } from '../ink/image-to-strokes.js';
import { penPaths } from '../ink/render-strokes.js';
import { UserError } from '../user-error.js';
import { fitPicture, MAX_PICTURE_PIXELS } from './fit.js';

/** Pixels row by row, within a row channel by channel. */
export interface InputPicture {
  width: number;
  height: number;
  /** Default 1. */
  channels?: number;
  /** [height, channels, width] 0 is paper, 255 is ink. */
  pixels: Uint8Array;
}

/** A picture, pen strokes as rows [N, 4] `dx dy eos eod`, or what a pen drew, line by line. */
export type RecognizerInput =
  | ({ kind: 'picture' } & InputPicture)
  | { kind: 'strokes'; rows: Int16Array }
  | ({ kind: 'drawing' } & Drawing);

/** What the network was shown. */
export interface Seen {
  /** What was read row by row, or what the strokes were made of; null if strokes were given to read. */
  picture: Required<InputPicture> | null;
  /** [N, 4] the strokes that were read, in the order of the steps; null if rows of the picture were. */
  rows: Int16Array | null;
}

/** An input as the network reads it. */
export interface PreparedInput {
  saw: Seen;
  /** T */
  steps: number;
  /** [T, I] */
  sequence: Float32Array;
}

/** As many steps as a drawing in the order of the pen may have, and then some. */
const MAX_STROKE_ROWS = 20_000;

/**
 * The sequence of an input.
 * @returns null if there is nothing to recognise: no ink, or nothing but a dot
 * @throws UserError if the input is malformed, or not what this network can be shown
 */
export function prepareInput(input: RecognizerInput, preprocessing: AnyPreprocessing): PreparedInput | null {
  const saw = isStrokes(preprocessing) ? strokesFor(input, preprocessing) : pictureFor(input, preprocessing);
  return saw && { saw, ...sequenceOf(saw, preprocessing) };
}

/** What the network reads of what it is shown: the sequence [T, I] that training would have made. */
export function sequenceOf(
  { picture, rows }: Seen,
  preprocessing: AnyPreprocessing,
): Pick<PreparedInput, 'steps' | 'sequence'> {
  const example = { name: 'input', count: 1, labels: new Uint8Array(1) };
  if (isStrokes(preprocessing)) {
    const offsets = Int32Array.of(0, rows!.length / STROKE_COLUMNS);
    const examples = { ...example, rows: rows!, offsets };
    return sequenceIn(new StrokeSequences({ name: example.name, examples, preprocessing }), 0);
  }
  const examples = { ...example, ...picture! };
  return sequenceIn(new ImageSequences({ name: example.name, examples, preprocessing }), 0);
}

function pictureFor(input: RecognizerInput, { width, height, channels }: ImagePreprocessing): Seen | null {
  if (input.kind === 'picture') {
    const picture = checkedPicture(input);
    if (picture.width === width && picture.height === height && picture.channels === channels) {
      return isBlank(picture) ? null : { picture, rows: null };
    }
    refuseUnlessDigitSized(`a picture of ${picture.width} × ${picture.height}`, { width, height, channels });
    const fitted = greyFitted(picture);
    return fitted && { picture: fitted, rows: null };
  }
  const what = input.kind === 'drawing' ? 'a drawing' : 'strokes';
  refuseUnlessDigitSized(what, { width, height, channels });
  const drawing = input.kind === 'drawing' ? input : drawingOf(input.rows);
  return isDot(drawing) ? null : { picture: grey(drawingToImage(drawing)), rows: null };
}

function strokesFor(input: RecognizerInput, { width, height, order }: StrokePreprocessing): Seen | null {
  if (input.kind === 'strokes') {
    checkRows(input.rows);
    return hasPoints(input.rows) ? { picture: null, rows: input.rows } : null;
  }
  if (input.kind === 'picture') {
    const given = checkedPicture(input);
    const fits = given.width === width && given.height === height && given.channels === 1;
    if (!fits) refuseUnlessDigitSized('a picture of another size', { width, height, channels: 1 });
    const picture = fits ? given : greyFitted(given);
    return picture && inked({ picture, rows: imageToStrokes(picture.pixels, width, height) });
  }
  refuseUnlessDigitSized('a drawing', { width, height, channels: 1 });
  if (isDot(input)) return null;
  return inked({ picture: grey(drawingToImage(input)), rows: drawingToStrokes(input, { order }) });
}

/** Null if thinning has left nothing. */
function inked(saw: Seen): Seen | null {
  return hasPoints(saw.rows!) ? saw : null;
}

function hasPoints(rows: Int16Array): boolean {
  for (let at = 2; at < rows.length; at += STROKE_COLUMNS) if (rows[at] === 0) return true;
  return false;
}

function grey(pixels: Uint8Array): Required<InputPicture> {
  return { ...DRAWING_SIZE, channels: 1, pixels };
}

function greyFitted(picture: Required<InputPicture>): Required<InputPicture> | null {
  if (picture.channels !== 1) {
    throw new UserError(
      `recognize: a picture of ${picture.channels} channels, and the network reads grey ones; give one channel, 0 for paper and 255 for ink`,
    );
  }
  const pixels = fitPicture(picture);
  return pixels && grey(pixels);
}

/** MNIST's way of putting a figure into a picture is known for MNIST's size alone. */
function refuseUnlessDigitSized(
  what: string,
  { width, height, channels }: Required<Omit<InputPicture, 'pixels'>>,
): void {
  if (width === DRAWING_SIZE.width && height === DRAWING_SIZE.height && channels === 1) return;
  throw new UserError(
    `recognize: the network reads pictures of ${width} × ${height} pixels with ${channels} ` +
      `channel${channels === 1 ? '' : 's'}, found ${what}; give a picture of just that size`,
  );
}

function checkedPicture({ width, height, channels = 1, pixels }: InputPicture): Required<InputPicture> {
  for (const [name, size] of Object.entries({ width, height, channels })) {
    if (!Number.isInteger(size) || size < 1) {
      throw new UserError(
        `recognize: the picture's ${name} must be a whole number from 1, found ${String(size)}`,
      );
    }
  }
  const length = width * height * channels;
  if (length > MAX_PICTURE_PIXELS) {
    throw new UserError(
      `recognize: a picture of ${width} × ${height}; at most ${MAX_PICTURE_PIXELS} pixels are accepted`,
    );
  }
  if (!(pixels instanceof Uint8Array) || pixels.length !== length) {
    throw new UserError(
      `recognize: ${width} × ${height} × ${channels} = ${length} bytes expected (a Uint8Array, 0 for paper and 255 ` +
        `for ink), found ${pixels instanceof Uint8Array ? pixels.length : typeof pixels}`,
    );
  }
  return { width, height, channels, pixels };
}

function isBlank({ pixels }: InputPicture): boolean {
  return pixels.every((value) => value === pixels[0]);
}

function checkRows(rows: Int16Array): void {
  if (!(rows instanceof Int16Array) || rows.length === 0 || rows.length % STROKE_COLUMNS !== 0) {
    throw new UserError(
      `recognize: strokes must be an Int16Array of rows of ${STROKE_COLUMNS} (dx dy eos eod), found ${
        rows instanceof Int16Array ? `${rows.length} values` : typeof rows
      }`,
    );
  }
  if (rows.length > MAX_STROKE_ROWS * STROKE_COLUMNS) {
    throw new UserError(
      `recognize: ${rows.length / STROKE_COLUMNS} rows of strokes; at most ${MAX_STROKE_ROWS} are accepted`,
    );
  }
}

function drawingOf(rows: Int16Array): Drawing {
  checkRows(rows);
  return { lines: penPaths(rows) };
}

/** Nothing was drawn, or all of it in one place. */
function isDot({ lines }: Drawing): boolean {
  const first = lines.find(({ xs }) => xs.length > 0);
  if (!first) return true;
  const [x, y] = [first.xs[0], first.ys[0]];
  return lines.every(({ xs, ys }) => {
    for (let n = 0; n < xs.length; n++) if (xs[n] !== x || ys[n] !== y) return false;
    return true;
  });
}
