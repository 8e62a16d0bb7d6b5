/**
 * Labelled images in shared memory, in the one layout that everything else reads. Posting them to a worker thread shares
 * the memory.
 */

import { quote } from '../../formats/quotation.js';
import { inSharedMemory, sharedBytes } from '../../shared-memory.js';
import { UserError } from '../../user-error.js';
import type { Collected } from '../own/collected.js';
import type { IdxArray, IdxHeader } from './idx.js';

/** `count` images and their labels. */
export interface ImageExamples {
  count: number;
  channels: number;
  height: number;
  width: number;
  /** [count, height, channels, width] over a SharedArrayBuffer. */
  pixels: Uint8Array;
  /** [count] indices of classes. Over a SharedArrayBuffer. */
  labels: Uint8Array;
}

export interface ImageDataset {
  /** For messages and reports: `MNIST`, or the folder's name. */
  name: string;
  train: ImageExamples;
  test: ImageExamples;
  /** Names of the classes; a label in the examples is an index here. */
  classes: string[];
  /** What was found in people's own pictures; left out for other data. */
  collected?: Collected;
  /** Of drawings: what was left out, a line each. */
  notices?: readonly string[];
}

/** Images and labels from two IDX files. */
export interface ImageFiles {
  /** Names of the files in messages. */
  imagesName: string;
  labelsName: string;
  /** [count, height, width], [count, channels, height, width] or [count, height, width, channels], uint8. */
  images: IdxArray;
  /** [count], uint8. */
  labels: IdxArray;
  /** Channels that the user expects. */
  channelsImg: number;
  /** Whether the files store every image transposed (EMNIST). */
  transposed: boolean;
}

/**
 * Converts images to the common layout.
 *
 * Four dimensions are read as channels first if the second is `channelsImg`, else as channels last.
 * @param classOf class of each label byte, or undefined where there is none
 * @throws UserError stating both values where counts, channels or types do not fit
 */
export function imageExamples(
  files: ImageFiles,
  classOf: (label: number) => number | undefined,
): ImageExamples {
  const { images, labels, imagesName, labelsName } = files;
  checkImageHeader(images, imagesName, labels, labelsName);
  const labelBytes = checkLabels(labels, labelsName);
  const [count] = images.shape;
  const { pixels: arranged, ...size } = arrangedImages(files);
  const pixels = inSharedMemory(arranged);

  const classes = new Uint8Array(sharedBytes(count));
  for (let i = 0; i < count; i++) {
    const index = classOf(labelBytes[i]);
    if (index === undefined) {
      throw new UserError(`${labelsName}: label ${i} is ${labelBytes[i]}, which no training image has`);
    }
    classes[i] = index;
  }
  return { count, ...size, pixels, labels: classes };
}

/**
 * The pixels of a file in the common layout, and the size of an image. Images that lie so in the file are not copied.
 * @param files images of uint8
 * @throws UserError if the images have other channels
 */
export function arrangedImages(
  files: Pick<ImageFiles, 'images' | 'imagesName' | 'channelsImg' | 'transposed'>,
): Pick<ImageExamples, 'channels' | 'height' | 'width' | 'pixels'> {
  const { images, imagesName, transposed } = files;
  if (!(images.data instanceof Uint8Array)) {
    throw new UserError(`${imagesName}: expected images of uint8, found ${images.type}`);
  }
  const [count] = images.shape;
  const stored = storedLayout(files);
  const [height, width] = transposed ? [stored.width, stored.height] : [stored.height, stored.width];
  const { channels } = stored;

  if (channels === 1 && !transposed) return { channels, height, width, pixels: images.data };
  const pixels = new Uint8Array(sharedBytes(images.data.length));
  const [stepX, stepY] = transposed ? [stored.stepY, stored.stepX] : [stored.stepX, stored.stepY];
  const size = channels * height * width;
  let to = 0;
  for (let image = 0; image < count; image++) {
    for (let y = 0; y < height; y++) {
      for (let c = 0; c < channels; c++) {
        let from = image * size + y * stepY + c * stored.stepC;
        for (let x = 0; x < width; x++, from += stepX) pixels[to++] = images.data[from];
      }
    }
  }
  return { channels, height, width, pixels };
}

/** Type and shape, of a header or an array. */
type Layout = Pick<IdxHeader, 'type' | 'shape'>;

/** @throws UserError if a file with this header holds no images, or not one for each label */
export function checkImageHeader(images: Layout, name: string, labels: Layout, labelsName: string): void {
  if (images.type !== 'uint8') {
    throw new UserError(`${name}: expected images of uint8, found ${images.type}`);
  }
  const [[count], [labelCount]] = [images.shape, labels.shape];
  if (labelCount !== count) {
    throw new UserError(
      `${name} has ${count} images, but ${labelsName} has ${labelCount} labels; are they of one set?`,
    );
  }
}

/** 80 times EMNIST's largest set. */
const MAX_LABELS = 2 ** 26;

/** @throws UserError if a file with this header holds no labels, or too many */
export function checkLabelHeader({ type, shape }: Layout, name: string): void {
  if (shape.length !== 1 || type !== 'uint8') {
    throw new UserError(
      `${name}: expected labels, one dimension of uint8; found ${shape.join(' × ')} of ${type}`,
    );
  }
  if (shape[0] > MAX_LABELS)
    throw new UserError(`${name}: ${shape[0]} labels; at most ${MAX_LABELS} are accepted`);
}

/** The labels' bytes. @throws UserError if they are not a list of uint8 */
export function checkLabels(labels: IdxArray, name: string): Uint8Array {
  checkLabelHeader(labels, name);
  return Uint8Array.from(labels.data);
}

/** Sizes, and the strides of x, y and channel in the file. */
function storedLayout({
  images,
  imagesName,
  channelsImg,
}: Pick<ImageFiles, 'images' | 'imagesName' | 'channelsImg'>) {
  const { shape } = images;
  const [, ...sizes] = shape;
  if (sizes.length === 2) {
    if (channelsImg !== 1) {
      throw new UserError(
        `${imagesName}: the images have 1 channel (${shape.join(' × ')}), not ${channelsImg}`,
        { settings: ['channelsImg'] },
      );
    }
    const [height, width] = sizes;
    return { channels: 1, height, width, stepX: 1, stepY: width, stepC: 0 };
  }
  if (sizes.length !== 3) {
    throw new UserError(
      `${imagesName}: expected images with 3 or 4 dimensions, found ${shape.length} (${shape.join(' × ')})`,
    );
  }
  if (sizes[0] === channelsImg) {
    const [channels, height, width] = sizes;
    return { channels, height, width, stepX: 1, stepY: width, stepC: height * width };
  }
  if (sizes[2] === channelsImg) {
    const [height, width, channels] = sizes;
    return { channels, height, width, stepX: channels, stepY: width * channels, stepC: 1 };
  }
  throw new UserError(
    `${imagesName}: the images are ${shape.join(' × ')}, that is ${sizes[0]} channels (or ${sizes[2]}, if channels ` +
      `come last), not ${channelsImg}; use ${Math.min(sizes[0], sizes[2])}`,
    { settings: ['channelsImg'] },
  );
}

/** @throws UserError if two parts of a data set have images of different sizes */
export function checkSameSize(train: ImageExamples, test: ImageExamples, dataset: string): void {
  const [one, other] = [train, test].map(
    ({ channels, height, width }) => `${channels} × ${height} × ${width}`,
  );
  if (one !== other) {
    throw new UserError(
      `data set ${quote(dataset)}: training images are ${one} (channels × height × width), test images ${other}`,
    );
  }
}
