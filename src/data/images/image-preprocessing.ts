/**
 * How an image becomes a sequence: its steps, the normalisation and the order of its pixels. Stored with the model, so
 * that recognition does the same.
 */
import { finite, flag, nullable, oneOf, optional, readAs, record, whole } from '../../formats/shape.js';
import { Random } from '../../random.js';
import { UserError } from '../../user-error.js';
import { MAX_SEQUENCE_LENGTH } from '../sequences/sequence.js';
import { EDGE_DIRECTIONS, EDGES_PER_PIXEL } from './edges.js';

/**
 * The order in which an image is read: by pixel rows from the top, by columns from the left, or both at once: then the
 * first half of a step's values is read by rows, the second half by columns.
 */
export type Scan = (typeof SCANS)[number];
export const SCANS = ['rows', 'columns', 'both'] as const;

/** From an image to a sequence [T, I]. Stored with the model. */
export interface ImagePreprocessing {
  /** Not stored in a checkpoint: a stored preprocessing without a kind is of images. */
  kind: 'images';
  /** T: steps of every sequence. */
  sequenceLength: number;
  /** I: values a step. */
  inputSize: number;
  /** Number of colour channels. */
  channels: number;
  /** In pixels. */
  height: number;
  /** In pixels. */
  width: number;
  /** A pixel x from 0 to 255 becomes (x/255 − mean)/std. */
  mean: number;
  /** See `mean`; above 0. */
  std: number;
  /** Seed of the one fixed permutation of pixels that is applied to every image; null for none. */
  permutationSeed: number | null;
  /** The order in which the pixels are read. Default `rows`; a checkpoint stores only another. */
  scan?: Scan;
  /** A step also reads the edges of the picture (edges.ts), behind its pixels. Left out for no. */
  edges?: boolean;
  /** Slant is removed from every picture first (data/deslant.ts). Left out for no. */
  deslant?: boolean;
  /**
   * Whether the training pictures are made as MNIST's: recognition then brings every picture into that form. False: a
   * picture of the network's size is read as it is. Left out for yes.
   */
  fitted?: boolean;
  /** Pictures of any size are scaled and padded (data/inputs/pad.ts), as those of the training were. Left out for no. */
  padded?: boolean;
}

type PictureShape = Pick<ImagePreprocessing, 'channels' | 'height' | 'width'>;

/** Limit for the values of an image, over all channels. Recognition accepts no larger picture. */
const MAX_IMAGE_VALUES = 2 ** 24;

/** Separates the permutation's random numbers from all others of the same seed. */
const PERMUTATION_STREAM = 0x7065726d; // 'perm'

/**
 * [256] what each pixel value becomes, in float32 and with the roundings of PyTorch's ToTensor and Normalize: a
 * division by 255, a subtraction and a division, each rounded.
 */
export function normalisation(mean: number, std: number): Float32Array {
  const [mean32, std32] = [Math.fround(mean), Math.fround(std)];
  return Float32Array.from({ length: 256 }, (_, x) => Math.fround(Math.fround(x / 255) - mean32) / std32);
}

/**
 * The order in which an image's values are read: value k of the sequence is value `order[k]` of the image, whose pixels
 * are permuted before they are scanned. Behind the pixels are the edges, where they are read. The same for every image;
 * null for the order of the image itself.
 */
export function pixelOrder(preprocessing: ImagePreprocessing): Int32Array | null {
  const { permutationSeed, scan = 'rows', edges } = preprocessing;
  if (edges) return orderWithEdges(preprocessing);
  if (permutationSeed === null && scan === 'rows') return null;
  const rows = rowOrder(preprocessing);
  const permuted =
    permutationSeed === null ? rows : new Random(permutationSeed, PERMUTATION_STREAM).shuffle(rows.slice());
  if (scan === 'rows') return permuted;
  const columns = columnOrder(preprocessing);
  const scanned = scan === 'columns' ? columns : sideBySide(rows, columns, preprocessing.sequenceLength);
  return scanned.map((k) => permuted[k]);
}

/** Each step reads pixels, then the edges of the same rows or columns. */
function orderWithEdges({ height, width, sequenceLength, scan = 'rows' }: ImagePreprocessing): Int32Array {
  // A row of cells has eight lines, as if it were a pixel row of eight channels.
  const pixels = { channels: 1, height, width };
  const cells = { channels: EDGE_DIRECTIONS, height: height / 2, width: width / 2 };
  const [rows, columns] = [rowOrder, columnOrder].map((orderOf) => {
    const edges = orderOf(cells).map((k) => height * width + k);
    return sideBySide(orderOf(pixels), edges, sequenceLength);
  });
  if (scan === 'both') return sideBySide(rows, columns, sequenceLength);
  return scan === 'rows' ? rows : columns;
}

/** Row by row: the order of an image [height, channels, width] itself. */
function rowOrder({ channels, height, width }: PictureShape): Int32Array {
  return Int32Array.from({ length: channels * height * width }, (_, k) => k);
}

/** Column by column, and within a column channel by channel, as rows are in an image [height, channels, width]. */
function columnOrder({ channels, height, width }: PictureShape): Int32Array {
  const order = new Int32Array(channels * height * width);
  let k = 0;
  for (let x = 0; x < width; x++) {
    for (let c = 0; c < channels; c++) {
      for (let y = 0; y < height; y++) order[k++] = (y * channels + c) * width + x;
    }
  }
  return order;
}

/** Two orders, each cut into steps, step beside step. */
function sideBySide(first: Int32Array, second: Int32Array, steps: number): Int32Array {
  const order = new Int32Array(first.length + second.length);
  const [firstSize, secondSize] = [first.length / steps, second.length / steps];
  for (let t = 0, to = 0; t < steps; t++) {
    order.set(first.subarray(t * firstSize, (t + 1) * firstSize), to);
    order.set(second.subarray(t * secondSize, (t + 1) * secondSize), to + firstSize);
    to += firstSize + secondSize;
  }
  return order;
}

/**
 * @param operation what the message begins with, e.g. `train`
 * @param dataset its name in the message
 * @throws UserError if the steps do not hold an image's values exactly, with settings that do; and for images that are
 *   too large
 */
export function checkSequenceShape(
  operation: string,
  dataset: string,
  shape: Omit<ImagePreprocessing, 'kind' | 'mean' | 'std' | 'permutationSeed'>,
): void {
  const { sequenceLength, inputSize, channels, height, width, scan = 'rows', edges } = shape;
  const values = channels * height * width;
  if (values > MAX_IMAGE_VALUES) {
    throw new UserError(
      `${operation}: ${dataset} images have ${channels} × ${height} × ${width} values (channels × height × width); ` +
        `at most ${MAX_IMAGE_VALUES} are accepted`,
    );
  }
  const times = scan === 'both' ? 2 : 1;
  const read = times * values * (edges ? 1 + EDGES_PER_PIXEL : 1);
  const fills = sequenceLength >= 1 && inputSize >= 1 && sequenceLength * inputSize === read;
  // With edges, a step has whole rows of cells, each of two pixel rows; of a picture read by columns, whole columns.
  const cellLines = [...(scan === 'columns' ? [] : [height]), ...(scan === 'rows' ? [] : [width])];
  const whole = edges
    ? cellLines.every((lines) => (lines / 2) % sequenceLength === 0)
    : inputSize % times === 0;
  if (fills && whole) return;
  const size =
    channels === 1
      ? `${values} pixels${edges ? ` and ${EDGES_PER_PIXEL * values} edges` : ''}`
      : `${channels} channels × ${height * width} pixels = ${values} values`;
  const [steps, line] = scan === 'columns' ? [width, height] : [height, width];
  const cellSteps = scan === 'both' ? commonDivisor(height / 2, width / 2) : steps / 2;
  const fitting = edges
    ? `${cellSteps} × ${read / cellSteps}`
    : `${steps} × ${times * line * channels}, or ${values} × ${times}`;
  throw new UserError(
    `${operation}: sequence length ${sequenceLength} × input size ${inputSize} = ${sequenceLength * inputSize}, ` +
      `but ${dataset} images have ${size}${times === 2 ? ', each read by rows and by columns' : ''}; use ${fitting}`,
    { settings: ['sequenceLength', 'inputSize'] },
  );
}

/** The greatest common divisor. */
function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}

/** @throws UserError if edges are to be read of pictures that have none: of several channels, permuted, or of odd sides */
export function checkEdges(
  operation: string,
  { edges, channels, height, width, permutationSeed }: Omit<ImagePreprocessing, 'kind' | 'mean' | 'std'>,
): void {
  if (!edges) return;
  const refuse = (found: string, setting: string) => {
    throw new UserError(
      `${operation}: edges are read of grey pictures with even sides, in the order of their pixels, but ${found}; leave edges out`,
      { settings: ['edges', setting] },
    );
  };
  if (channels !== 1) refuse(`the pictures have ${channels} channels`, 'channelsImg');
  if (permutationSeed !== null) refuse('the pixels are permuted', 'permute');
  if (height % 2 !== 0 || width % 2 !== 0)
    refuse(`the pictures have ${height} × ${width} pixels`, 'imageSize');
}

/** @throws UserError if slant is to be removed from pictures of several channels */
export function checkDeslant(
  operation: string,
  { deslant, channels }: Pick<ImagePreprocessing, 'deslant' | 'channels'>,
): void {
  if (!deslant || channels === 1) return;
  throw new UserError(
    `${operation}: slant can be removed from grey pictures only, but the pictures have ${channels} channels; ` +
      'leave deslant out',
    { settings: ['deslant', 'channelsImg'] },
  );
}

const size = whole(1, MAX_IMAGE_VALUES);
const stored = record<Required<ImagePreprocessing>>({
  kind: optional(oneOf(['images']), 'images'),
  sequenceLength: whole(1, MAX_SEQUENCE_LENGTH),
  inputSize: size,
  channels: size,
  height: size,
  width: size,
  mean: finite,
  std: finite,
  permutationSeed: nullable(whole(0)),
  scan: optional(oneOf(SCANS), 'rows'),
  edges: optional(flag, false),
  deslant: optional(flag, false),
  fitted: optional(flag, true),
  padded: optional(flag, false),
});

/**
 * The preprocessing stored in a checkpoint.
 * @param value of `Checkpoint.preprocessing`, keys in camelCase
 * @param name of the file, for messages
 * @throws UserError naming what is missing or impossible
 */
export function readImagePreprocessing(value: Record<string, unknown>, name: string): ImagePreprocessing {
  const where = `${name}: preprocessing`;
  const { scan, edges, deslant, fitted, padded, ...rest } = readAs(stored, value, where);
  const preprocessing: ImagePreprocessing = {
    ...rest,
    ...(scan !== 'rows' && { scan }),
    ...(edges && { edges }),
    ...(deslant && { deslant }),
    ...(!fitted && { fitted }),
    ...(padded && { padded }),
  };
  checkDeslant(where, preprocessing);
  checkEdges(where, preprocessing);
  const { mean, std } = preprocessing;
  if (!(Math.fround(std) > 0 && normalisation(mean, std).every(Number.isFinite))) {
    throw new UserError(
      `${where}: "mean" ${mean}, "std" ${std}: expected numbers with which (x/255 - mean)/std is finite in float32, std above 0`,
    );
  }
  checkSequenceShape(where, "the model's", preprocessing);
  return preprocessing;
}
