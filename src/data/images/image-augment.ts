/**
 * Augmentation of images: rotation, scale, shear and shift about the centre, a smooth displacement, then thickness. Every pixel of
 * the varied image is interpolated (bilinear) from the four pixels around its origin and rounded to a byte; outside of
 * the image is 0, paper. This runs for every batch, so buffers are reused.
 */
import { AFFINE_WORDS, type Affine, drawAffine, isMoving } from '../affine.js';
import type { Augmentation } from '../augmentation.js';
import { pictureSpread, type Spread } from '../deslant.js';
import { SampleWords, STREAM, signedOf } from '../sample-words.js';
import type { AugmentedSource, SequenceSource } from '../sequences/sequence.js';
import { Displacement } from './displacement.js';
import { ImageSequences, type ImageSequencesData } from './image-sequences.js';
import { Thickness } from './thickness.js';

/** The data of AugmentedImages; can be posted to a worker thread. */
export interface AugmentedImagesData {
  data: ImageSequencesData;
  augmentation: Augmentation;
  /** The run's seed. */
  seed: number;
}

/** ImageSequences with variation; identical to it if all amounts are 0. */
export class AugmentedImages implements AugmentedSource {
  readonly maxSteps: number;
  readonly #data: ImageSequencesData;
  readonly #augmentation: Augmentation;
  readonly #words: SampleWords;
  readonly #buffer = new Int32Array(AFFINE_WORDS);
  readonly #map: Affine = { xx: 1, xy: 0, yx: 0, yy: 1, shiftX: 0, shiftY: 0 };
  readonly #displacement: Displacement;
  readonly #thickness: Thickness;
  /** [channels, height + 2, width + 2] an image with a border of 0. */
  readonly #bordered: Uint8Array;
  #drawn: DrawnImages;

  /** @throws UserError if the images are not of the size, or do not fill the sequence, that the preprocessing says */
  constructor({ data, augmentation, seed }: AugmentedImagesData) {
    const { channels, height, width } = data.preprocessing;
    this.maxSteps = new ImageSequences(data).maxSteps;
    this.#data = data;
    this.#augmentation = augmentation;
    this.#words = new SampleWords(seed);
    this.#displacement = new Displacement(width, height);
    this.#thickness = new Thickness(data.preprocessing);
    this.#bordered = new Uint8Array(channels * (height + 2) * (width + 2));
    this.#drawn = new DrawnImages(data, 1);
  }

  mostSteps(): number {
    return this.maxSteps;
  }

  draw(indices: Int32Array, epoch: number): SequenceSource {
    if (indices.length > this.#drawn.capacity) this.#drawn = new DrawnImages(this.#data, indices.length);
    const drawn = this.#drawn;
    const { labels } = this.#data.examples;
    const size = this.#size();
    drawn.count = indices.length;
    for (let n = 0; n < indices.length; n++) {
      this.#vary(indices[n], epoch, drawn.pixels, n * size);
      drawn.labels[n] = labels[indices[n]];
    }
    return drawn;
  }

  /**
   * A sample as it is varied in an epoch, for display.
   * @returns [height, channels, width]
   */
  pictureOf(index: number, epoch: number): Uint8Array {
    const picture = new Uint8Array(this.#size());
    this.#vary(index, epoch, picture, 0);
    return picture;
  }

  #size(): number {
    const { channels, height, width } = this.#data.preprocessing;
    return channels * height * width;
  }

  /** Writes image i, as it is in the epoch, to target[at …]. */
  #vary(i: number, epoch: number, target: Uint8Array, at: number): void {
    const { count, pixels } = this.#data.examples;
    if (!(i >= 0 && i < count)) throw new Error(`augmentation: sample ${i} of ${count}`);
    const size = this.#size();
    this.#words.begin(epoch, i);
    const isBending = this.#augmentation.elastic > 0;
    if (isBending || isMoving(this.#augmentation)) {
      drawAffine(this.#words, this.#buffer, this.#augmentation, this.#map, this.#spreadOf(i));
      if (isBending) this.#displacement.draw(this.#words, this.#augmentation.elastic);
      this.#addBorder(pixels, i * size);
      this.#lookUp(target, at, isBending);
    } else {
      for (let k = 0; k < size; k++) target[at + k] = pixels[i * size + k];
    }
    const { thickness } = this.#augmentation;
    if (thickness === 0) return;
    this.#words.fill(STREAM.thickness, this.#buffer, 1);
    this.#thickness.apply(target, at, thickness * signedOf(this.#buffer[0]));
  }

  /** How the ink of image i lies; null where slant is not removed. */
  #spreadOf(i: number): Spread | null {
    const { width, height, deslant } = this.#data.preprocessing;
    return deslant ? pictureSpread(this.#data.examples.pixels, i * this.#size(), width, height) : null;
  }

  #addBorder(pixels: Uint8Array, at: number): void {
    const { channels, height, width } = this.#data.preprocessing;
    const bordered = this.#bordered;
    let from = at;
    for (let y = 0; y < height; y++) {
      for (let c = 0; c < channels; c++) {
        const to = (c * (height + 2) + y + 1) * (width + 2) + 1;
        for (let x = 0; x < width; x++) bordered[to + x] = pixels[from++];
      }
    }
  }

  #lookUp(target: Uint8Array, at: number, isBending: boolean): void {
    const { channels, height, width } = this.#data.preprocessing;
    const { xx, xy, yx, yy, shiftX, shiftY } = this.#map;
    const { dx, dy } = this.#displacement;
    const bordered = this.#bordered;
    const plane = (height + 2) * (width + 2);
    const stride = width + 2;
    const centreX = (width - 1) / 2;
    const centreY = (height - 1) / 2;
    // The inverse map.
    const area = xx * yy - xy * yx;
    const [backXx, backXy, backYx, backYy] = [yy / area, -xy / area, -yx / area, xx / area];
    let to = at;
    for (let y = 0; y < height; y++, to += channels * width) {
      const v = y - centreY - shiftY;
      // + 1 for the border.
      const rowX = backXy * v + centreX + 1;
      const rowY = backYy * v + centreY + 1;
      if (isBending) this.#displacement.row(y);
      for (let x = 0; x < width; x++) {
        const u = x - centreX - shiftX;
        let fromX = backXx * u + rowX;
        let fromY = backYx * u + rowY;
        if (isBending) {
          fromX += dx[x];
          fromY += dy[x];
        }
        const isInside = fromX > 0 && fromX < width + 1 && fromY > 0 && fromY < height + 1;
        if (!isInside) {
          for (let c = 0; c < channels; c++) target[to + c * width + x] = 0;
          continue;
        }
        const left = fromX | 0;
        const top = fromY | 0;
        const shareX = fromX - left;
        const shareY = fromY - top;
        let corner = top * stride + left;
        for (let c = 0; c < channels; c++, corner += plane) {
          const above = bordered[corner] + shareX * (bordered[corner + 1] - bordered[corner]);
          const below =
            bordered[corner + stride] + shareX * (bordered[corner + stride + 1] - bordered[corner + stride]);
          target[to + c * width + x] = above + shareY * (below - above) + 0.5;
        }
      }
    }
  }
}

/** Varied images as a source of sequences. */
class DrawnImages implements SequenceSource {
  count = 0;
  readonly capacity: number;
  readonly inputSize: number;
  readonly maxSteps: number;
  /** [capacity, height, channels, width] */
  readonly pixels: Uint8Array;
  /** [capacity] */
  readonly labels: Uint8Array;
  readonly #sequences: ImageSequences;

  constructor(data: ImageSequencesData, capacity: number) {
    const { channels, height, width, sequenceLength, inputSize } = data.preprocessing;
    this.capacity = capacity;
    this.pixels = new Uint8Array(capacity * channels * height * width);
    this.labels = new Uint8Array(capacity);
    const { pixels, labels } = this;
    const examples = { count: capacity, channels, height, width, pixels, labels };
    this.#sequences = new ImageSequences({ ...data, examples });
    this.inputSize = inputSize;
    this.maxSteps = sequenceLength;
  }

  lengthOf(): number {
    return this.maxSteps;
  }

  labelOf(n: number): number {
    return this.labels[n];
  }

  read(n: number, target: Float32Array, rowStarts: Int32Array, column: number): void {
    this.#sequences.read(n, target, rowStarts, column);
  }
}
