/**
 * How an image becomes a sequence: its steps, the normalisation and the order of its pixels. Stored with the model, so
 * that recognition does the same.
 */
import { finite, nullable, oneOf, optional, readAs, record, whole } from '../../formats/shape.js';
import { Random } from '../../random.js';
import { UserError } from '../../user-error.js';
import { MAX_SEQUENCE_LENGTH } from '../sequence.js';

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
}

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
 * The order in which an image's values are read: value k of the sequence is value `permutation[k]` of the image. The
 * same for every image; null for the order of the image itself.
 */
export function pixelPermutation({
  sequenceLength,
  inputSize,
  permutationSeed,
}: ImagePreprocessing): Int32Array | null {
  if (permutationSeed === null) return null;
  const order = Int32Array.from({ length: sequenceLength * inputSize }, (_, k) => k);
  return new Random(permutationSeed, PERMUTATION_STREAM).shuffle(order);
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
  shape: Pick<ImagePreprocessing, 'sequenceLength' | 'inputSize' | 'channels' | 'height' | 'width'>,
): void {
  const { sequenceLength, inputSize, channels, height, width } = shape;
  const values = channels * height * width;
  if (values > MAX_IMAGE_VALUES) {
    throw new UserError(
      `${operation}: ${dataset} images have ${channels} × ${height} × ${width} values (channels × height × width); ` +
        `at most ${MAX_IMAGE_VALUES} are accepted`,
    );
  }
  if (sequenceLength >= 1 && inputSize >= 1 && sequenceLength * inputSize === values) return;
  const size =
    channels === 1
      ? `${values} pixels`
      : `${channels} channels × ${height * width} pixels = ${values} values`;
  throw new UserError(
    `${operation}: sequence length ${sequenceLength} × input size ${inputSize} = ${sequenceLength * inputSize}, ` +
      `but ${dataset} images have ${size}; ` +
      `use ${height} × ${width * channels}, or ${values} × 1`,
    { settings: ['sequenceLength', 'inputSize'] },
  );
}

const size = whole(1, MAX_IMAGE_VALUES);
const stored = record<ImagePreprocessing>({
  kind: optional(oneOf(['images']), 'images'),
  sequenceLength: whole(1, MAX_SEQUENCE_LENGTH),
  inputSize: size,
  channels: size,
  height: size,
  width: size,
  mean: finite,
  std: finite,
  permutationSeed: nullable(whole(0)),
});

/**
 * The preprocessing stored in a checkpoint.
 * @param value of `Checkpoint.preprocessing`, keys in camelCase
 * @param name of the file, for messages
 * @throws UserError naming what is missing or impossible
 */
export function readImagePreprocessing(value: Record<string, unknown>, name: string): ImagePreprocessing {
  const where = `${name}: preprocessing`;
  const preprocessing = readAs(stored, value, where);
  const { mean, std } = preprocessing;
  if (!(Math.fround(std) > 0 && normalisation(mean, std).every(Number.isFinite))) {
    throw new UserError(
      `${where}: "mean" ${mean}, "std" ${std}: expected numbers with which (x/255 - mean)/std is finite in float32, std above 0`,
    );
  }
  checkSequenceShape(where, "the model's", preprocessing);
  return preprocessing;
}
