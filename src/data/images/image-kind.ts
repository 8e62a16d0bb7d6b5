/** Images as a kind of input: their values are read in order, cut into steps of one size. */
import { DRAWING_SIZE, drawingToImage } from '../../ink/drawing.js';
import { deslantedExamples, deslantPicture } from '../deslant.js';
import type { InputKind } from '../input-kind.js';
import { isInPlace } from '../inputs/fit.js';
import {
  digitPicture,
  drawingOf,
  type InputPicture,
  isDigitSized,
  isDot,
  pictureToRead,
  type RecognizerInput,
  refuseUnlessDigitSized,
} from '../inputs/input.js';
import { paddedPicture } from '../inputs/pad.js';
import { sequenceIn } from '../sequences/sequence.js';
import { EDGES_PER_PIXEL, EdgeFinder } from './edges.js';
import { AugmentedImages } from './image-augment.js';
import type { ImageExamples } from './image-examples.js';
import {
  checkDeslant,
  checkEdges,
  checkSequenceShape,
  type ImagePreprocessing,
  pixelOrder,
  readImagePreprocessing,
} from './image-preprocessing.js';
import { ImageSequences } from './image-sequences.js';

/** About so many pictures tell whether the data set's are made as MNIST's, and this share of them must be. */
const FITTED_SAMPLES = 1000;
const FITTED_SHARE = 0.95;

export const IMAGE_KIND: InputKind<'images'> = {
  defaultData: 'mnist',
  idleSettings: {
    strokeOrder: 'tour',
    strokeScale: 1,
    strokePosition: false,
    strokeContext: false,
    strokeSort: false,
    viewRotation: 0,
    perClass: null,
    augmentJitter: 0,
    augmentDrop: 0,
    augmentResample: 0,
    augmentReverse: 0,
    augmentShuffle: 0,
    augmentFlip: 0,
  },
  otherParts: [],
  ending: null,
  renewalOf: () => null,

  preprocessingFor(
    { name, train, own = train.count, collected },
    { sequenceLength, inputSize, permute, scan, edges, pixelMean, pixelStd, deslant },
  ) {
    const fitted = areFitted(train, own);
    // Digits made as MNIST's are prepared as those, which does more than padding.
    const padded = collected?.form === 'padded' && !(fitted && isDigitSized(train));
    const preprocessing: ImagePreprocessing = {
      kind: 'images',
      sequenceLength,
      inputSize,
      channels: train.channels,
      height: train.height,
      width: train.width,
      mean: pixelMean,
      std: pixelStd,
      permutationSeed: permute,
      ...(scan !== 'rows' && { scan }),
      ...(edges && { edges }),
      ...(deslant && { deslant }),
      ...(!fitted && { fitted }),
      ...(padded && { padded }),
    };
    checkDeslant('train', preprocessing);
    checkEdges('train', preprocessing);
    checkSequenceShape('train', name, preprocessing);
    return preprocessing;
  },
  readPreprocessing: readImagePreprocessing,
  writePreprocessing({ kind: _, ...stored }) {
    return stored;
  },

  inputSizeOf: ({ inputSize }) => inputSize,
  stepsOf: ({ sequenceLength }) => sequenceLength,
  pictureSizeOf: ({ width, height, channels }) => ({ width, height, channels }),
  loadOptionsOf: ({ channels, width, height, fitted = true, padded = false }) => ({
    channelsImg: channels,
    order: 'tour',
    pictureSize: { width, height },
    pictureForm: !padded && fitted && isDigitSized({ width, height, channels }) ? 'digit' : 'padded',
  }),

  sequencesOf: (name, given, preprocessing) => {
    const examples = preprocessing.deslant ? deslantedExamples(given) : given;
    return { kind: 'images', name, examples, preprocessing };
  },
  openSequences: (data) => new ImageSequences(data),
  openAugmented: (data, augmentation, seed) => new AugmentedImages({ data, augmentation, seed }),
  lengthsIn: () => null,
  blockOf: () => null,
  redrawn(part) {
    throw new Error(`images: there is no part ${part}`);
  },
  exampleAt({ width, height, channels, pixels }, i) {
    const size = width * height * channels;
    return { kind: 'picture', width, height, channels, pixels: pixels.slice(i * size, (i + 1) * size) };
  },

  prepare(input, preprocessing) {
    const slanted = pictureFor(input, preprocessing);
    if (slanted === null) return null;
    const picture = preprocessing.deslant ? deslanted(slanted) : slanted;
    const examples = { count: 1, labels: new Uint8Array(1), ...picture };
    const source = new ImageSequences({ name: 'input', examples, preprocessing });
    return { saw: { picture, moves: null }, ...sequenceIn(source, 0) };
  },
  /** Value k of a sequence is value order[k] of the picture and its edges. */
  pixelGradient(inputGradient, preprocessing, { picture }) {
    const order = pixelOrder(preprocessing);
    if (order === null) return inputGradient.slice();
    const { channels, height, width, edges, std } = preprocessing;
    const size = channels * height * width;
    const read = new Float32Array(edges ? size * (1 + EDGES_PER_PIXEL) : size);
    inputGradient.forEach((value, k) => {
      read[order[k]] += value;
    });
    const result = read.slice(0, size);
    if (edges && picture) {
      const throughEdges = new EdgeFinder(preprocessing).backward(picture.pixels, read.subarray(size));
      throughEdges.forEach((value, pixel) => {
        result[pixel] += 255 * std * value; // a normalised pixel is (x/255 − mean)/std
      });
    }
    return result;
  },
};

/** The picture that the network reads: drawings and strokes become pictures like MNIST's. Null if it is blank. */
function pictureFor(
  input: RecognizerInput,
  { width, height, channels, fitted = true, padded = false }: ImagePreprocessing,
): Required<InputPicture> | null {
  const size = { width, height, channels };
  if (input.kind === 'picture') {
    return pictureToRead(input, size, { isFitted: fitted, isThinned: false, isPadded: padded });
  }
  if (!padded || channels !== 1) {
    refuseUnlessDigitSized(input.kind === 'drawing' ? 'a drawing' : 'strokes', size);
  }
  const drawing = input.kind === 'drawing' ? input : drawingOf(input.moves);
  if (isDot(drawing)) return null;
  const picture = digitPicture(drawingToImage(drawing));
  return padded ? paddedPicture(picture, size) : picture;
}

/** The picture of one channel without slant, as `deslantedExamples` makes those of the training. */
function deslanted({ width, height, pixels }: Required<InputPicture>): Required<InputPicture> {
  const upright = new Uint8Array(pixels.length);
  deslantPicture(pixels, upright, 0, width, height);
  return { width, height, channels: 1, pixels: upright };
}

/**
 * Whether all but a few of the pictures are made as MNIST's; true for another size, which is never read as MNIST's.
 * @param own so many of them count, from the first
 */
function areFitted({ channels, width, height, pixels }: ImageExamples, own: number): boolean {
  const size = width * height;
  if (width !== DRAWING_SIZE.width || height !== DRAWING_SIZE.height || channels !== 1) return true;
  const step = Math.max(1, Math.floor(own / FITTED_SAMPLES));
  let [looked, fitted] = [0, 0];
  for (let i = 0; i < own; i += step, looked++) {
    if (isInPlace(pixels.subarray(i * size, (i + 1) * size))) fitted++;
  }
  return fitted >= FITTED_SHARE * looked;
}
