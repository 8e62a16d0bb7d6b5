/**
 * How an example becomes a sequence: the boundary `SequenceSource` that batches are packed from, and the images'
 * implementation of it. What was done to the images is stored with the model (`Preprocessing`), so that recognition
 * does the same.
 */

import { snakeCase } from '../formats/key-case.js';
import { quote } from '../formats/quotation.js';
import { Random } from '../random.js';
import { UserError } from '../user-error.js';
import type { ImageExamples } from './images/image-examples.js';

/** From an image to a sequence [T, I]. Stored with the model. */
export interface Preprocessing {
  /** T */
  sequenceLength: number;
  /** I */
  inputSize: number;
  channels: number;
  height: number;
  width: number;
  /** A pixel x from 0 to 255 becomes (x/255 − mean)/std. */
  mean: number;
  std: number;
  /** Seed of the one fixed permutation of pixels that is applied to every image; null for none. */
  permutationSeed: number | null;
}

/** Sequences by index, each written into a packed batch on demand. */
export interface SequenceSource {
  readonly count: number;
  /** I */
  readonly inputSize: number;
  /** The longest length. */
  readonly maxSteps: number;
  /** Steps of sequence i, at least 1. */
  lengthOf(i: number): number;
  labelOf(i: number): number;
  /**
   * Writes step t of sequence i to `target[(rowStarts[t] + column) · I …]`, for every one of its steps.
   * @param rowStarts [T] first packed row of each step
   * @param column which sequence of the batch this is
   */
  read(i: number, target: Float32Array, rowStarts: Int32Array, column: number): void;
}

/** Sequences that are varied from epoch to epoch, for training. */
export interface AugmentedSource {
  /** The longest length that a varied sequence can have. */
  readonly maxSteps: number;
  /**
   * The sequences `indices` as they are in `epoch`: a source of indices.length sequences in that order, valid until the
   * next call. A function of the seed, the epoch and each sample's index alone.
   */
  draw(indices: Int32Array, epoch: number): SequenceSource;
}

/** What ImageSequences is made of; can be posted to a worker thread. */
export interface ImageSequencesData {
  /** For messages: the data set's name. */
  name: string;
  examples: ImageExamples;
  preprocessing: Preprocessing;
}

/** Tells the permutation's random numbers from all others drawn from the same seed. */
const PERMUTATION_STREAM = 0x7065726d; // 'perm'

/** Images read as sequences: their values in order (row by row), cut into T steps of I values. */
export class ImageSequences implements SequenceSource {
  readonly count: number;
  readonly inputSize: number;
  readonly maxSteps: number;
  readonly #pixels: Uint8Array;
  readonly #labels: Uint8Array;
  /** [256] */
  readonly #table: Float32Array;
  /** [T·I] position of each value in the image, or null. */
  readonly #permutation: Int32Array | null;

  /** @throws UserError if the images are not of the size, or do not fill the sequence, that `preprocessing` says */
  constructor(data: ImageSequencesData) {
    const { name, examples, preprocessing } = data;
    checkImageSize(name, examples, preprocessing);
    checkSequenceShape(`data set ${quote(name)}`, name, preprocessing);
    this.count = examples.count;
    this.inputSize = preprocessing.inputSize;
    this.maxSteps = preprocessing.sequenceLength;
    this.#pixels = examples.pixels;
    this.#labels = examples.labels;
    const { table, permutation } = tablesOf(preprocessing);
    this.#table = table;
    this.#permutation = permutation;
  }

  lengthOf(): number {
    return this.maxSteps;
  }

  labelOf(i: number): number {
    return this.#labels[i];
  }

  read(i: number, target: Float32Array, rowStarts: Int32Array, column: number): void {
    const pixels = this.#pixels;
    const table = this.#table;
    const permutation = this.#permutation;
    const { inputSize, maxSteps } = this;
    const image = i * inputSize * maxSteps;
    let k = 0;
    for (let t = 0; t < maxSteps; t++) {
      const start = (rowStarts[t] + column) * inputSize;
      const end = start + inputSize;
      if (permutation === null) {
        for (let to = start; to < end; to++) target[to] = table[pixels[image + k++]];
      } else {
        for (let to = start; to < end; to++) target[to] = table[pixels[image + permutation[k++]]];
      }
    }
  }
}

interface Tables {
  table: Float32Array;
  permutation: Int32Array | null;
}

/** Those of the same preprocessing are made once: recognition opens a source for every picture. */
const tables = new WeakMap<Preprocessing, Tables>();

function tablesOf(preprocessing: Preprocessing): Tables {
  const { mean, std } = preprocessing;
  const known = tables.get(preprocessing);
  if (known) return known;
  const made = { table: normalisation(mean, std), permutation: pixelPermutation(preprocessing) };
  tables.set(preprocessing, made);
  return made;
}

/**
 * [256] what each pixel value becomes, in float32 and with the roundings of PyTorch's ToTensor and Normalize: a
 * division by 255, a subtraction and a division, each rounded.
 */
export function normalisation(mean: number, std: number): Float32Array {
  const [mean32, std32] = [Math.fround(mean), Math.fround(std)];
  return Float32Array.from({ length: 256 }, (_, x) => Math.fround(Math.fround(x / 255) - mean32) / std32);
}

/**
 * The order in which an image's values are read: value k of the sequence is value `permutation[k]` of the image. The
 * same for every image; null for the order of the image itself.
 */
export function pixelPermutation({
  sequenceLength,
  inputSize,
  permutationSeed,
}: Preprocessing): Int32Array | null {
  if (permutationSeed === null) return null;
  const order = Int32Array.from({ length: sequenceLength * inputSize }, (_, k) => k);
  return new Random(permutationSeed, PERMUTATION_STREAM).shuffle(order);
}

/**
 * @param operation what the message begins with, e.g. `train`
 * @param dataset its name in the message
 * @throws UserError if the steps do not hold an image's values exactly, with settings that do
 */
export function checkSequenceShape(
  operation: string,
  dataset: string,
  shape: Pick<Preprocessing, 'sequenceLength' | 'inputSize' | 'channels' | 'height' | 'width'>,
): void {
  const { sequenceLength, inputSize, channels, height, width } = shape;
  const values = channels * height * width;
  if (sequenceLength >= 1 && inputSize >= 1 && sequenceLength * inputSize === values) return;
  const size =
    channels === 1
      ? `${values} pixels`
      : `${channels} channels × ${height * width} pixels = ${values} values`;
  throw new UserError(
    `${operation}: sequence length ${sequenceLength} × input size ${inputSize} = ${sequenceLength * inputSize}, ` +
      `but ${dataset} images have ${size}; ` +
      `use --sequence-length ${height} --input-size ${width * channels} or ${values} × 1`,
  );
}

function checkImageSize(name: string, examples: ImageExamples, preprocessing: Preprocessing): void {
  const [found, expected] = [examples, preprocessing].map(
    ({ channels, height, width }) => `${channels} × ${height} × ${width}`,
  );
  if (found !== expected) {
    throw new UserError(
      `data set ${quote(name)}: its images are ${found} (channels × height × width), ` +
        `but the model was made for ${expected}`,
    );
  }
}

/**
 * The preprocessing stored in a checkpoint.
 * @param value of `Checkpoint.preprocessing`, keys in camelCase
 * @param name how messages name the file
 * @throws UserError naming what is missing or impossible
 */
export function readPreprocessing(value: Record<string, unknown>, name: string): Preprocessing {
  const number = (key: keyof Preprocessing, expected: string, fits: (n: number) => boolean): number => {
    const found = value[key];
    if (typeof found === 'number' && fits(found)) return found;
    const shown = found === undefined ? 'none' : quote(String(found));
    throw new UserError(`${name}: preprocessing: ${snakeCase(key)} must be ${expected}, found ${shown}`);
  };
  const size = (key: keyof Preprocessing) =>
    number(key, 'a whole number from 1 to 2^24', (n) => Number.isInteger(n) && n >= 1 && n <= 2 ** 24);
  const preprocessing = {
    sequenceLength: size('sequenceLength'),
    inputSize: size('inputSize'),
    channels: size('channels'),
    height: size('height'),
    width: size('width'),
    mean: number('mean', 'a finite number', Number.isFinite),
    std: number('std', 'a finite number above 0', (n) => Number.isFinite(n) && Math.fround(n) > 0),
    permutationSeed:
      value.permutationSeed === null
        ? null
        : number(
            'permutationSeed',
            'null or a whole number from 0',
            (n) => Number.isSafeInteger(n) && n >= 0,
          ),
  };
  checkSequenceShape(`${name}: preprocessing`, "the model's", preprocessing);
  if (preprocessing.sequenceLength * preprocessing.inputSize > 2 ** 28) {
    throw new UserError(`${name}: preprocessing: an image of more than 2^28 values`);
  }
  return preprocessing;
}
