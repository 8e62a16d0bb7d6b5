/** Images as a kind of input: their values are read in order, cut into steps of one size. */
import { drawingToImage } from '../../ink/drawing.js';
import type { InputKind } from '../input-kind.js';
import {
  checkedPicture,
  digitPicture,
  drawingOf,
  fittedPicture,
  type InputPicture,
  isDot,
  type RecognizerInput,
  refuseUnlessDigitSized,
} from '../inputs/input.js';
import { sequenceIn } from '../sequence.js';
import { AugmentedImages } from './image-augment.js';
import {
  checkSequenceShape,
  type ImagePreprocessing,
  pixelOrder,
  readImagePreprocessing,
} from './image-preprocessing.js';
import { ImageSequences } from './image-sequences.js';

export const IMAGE_KIND: InputKind<'images'> = {
  defaultData: 'mnist',
  idleSettings: {
    strokeOrder: 'tour',
    strokeScale: 1,
    augmentJitter: 0,
    augmentDrop: 0,
    augmentResample: 0,
    augmentReverse: 0,
    augmentShuffle: 0,
    augmentFlip: 0,
  },
  otherParts: [],
  ending: null,

  preprocessingFor({ name, train }, { sequenceLength, inputSize, permute, scan, pixelMean, pixelStd }) {
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
    };
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
  loadOptionsOf: ({ channels }) => ({ channelsImg: channels, order: 'tour' }),

  sequencesOf: (name, examples, preprocessing) => ({ kind: 'images', name, examples, preprocessing }),
  openSequences: (data) => new ImageSequences(data),
  openAugmented: (data, augmentation, seed) => new AugmentedImages({ data, augmentation, seed }),
  lengthsIn: () => null,
  redrawn(part) {
    throw new Error(`images: there is no part ${part}`);
  },
  exampleAt({ width, height, channels, pixels }, i) {
    const size = width * height * channels;
    return { kind: 'picture', width, height, channels, pixels: pixels.slice(i * size, (i + 1) * size) };
  },

  prepare(input, preprocessing) {
    const picture = pictureFor(input, preprocessing);
    if (picture === null) return null;
    const examples = { count: 1, labels: new Uint8Array(1), ...picture };
    const source = new ImageSequences({ name: 'input', examples, preprocessing });
    return { saw: { picture, moves: null }, ...sequenceIn(source, 0) };
  },
  /** Value k of a sequence is value order[k] of the picture. */
  pixelGradient(inputGradient, preprocessing) {
    const order = pixelOrder(preprocessing);
    if (order === null) return inputGradient.slice();
    const { channels, height, width } = preprocessing;
    const result = new Float32Array(channels * height * width);
    inputGradient.forEach((value, k) => {
      result[order[k]] += value;
    });
    return result;
  },
};

/** The picture that the network reads: drawings and strokes become pictures like MNIST's. Null if it is blank. */
function pictureFor(
  input: RecognizerInput,
  { width, height, channels }: ImagePreprocessing,
): Required<InputPicture> | null {
  const size = { width, height, channels };
  if (input.kind === 'picture') {
    const picture = checkedPicture(input);
    if (picture.width === width && picture.height === height && picture.channels === channels) {
      return isBlank(picture) ? null : picture;
    }
    refuseUnlessDigitSized(`a picture of ${picture.width} × ${picture.height}`, size);
    return fittedPicture(picture);
  }
  refuseUnlessDigitSized(input.kind === 'drawing' ? 'a drawing' : 'strokes', size);
  const drawing = input.kind === 'drawing' ? input : drawingOf(input.moves);
  return isDot(drawing) ? null : digitPicture(drawingToImage(drawing));
}

function isBlank({ pixels }: InputPicture): boolean {
  return pixels.every((value) => value === pixels[0]);
}
