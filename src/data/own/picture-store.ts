/** Pictures of one size with their labels, in shared memory that grows as they come. */
import { sharedBytes } from '../../shared-memory.js';
import { UserError } from '../../user-error.js';
import type { ImageExamples } from '../images/image-examples.js';
import type { PictureSize } from '../inputs/picture-size.js';

/** Pictures for which memory is reserved at first, if their number is unknown. */
const FIRST_CAPACITY = 1024;
/** Limit for all pictures of a part: larger arrays fail in some places. */
const MAX_BYTES = 2 ** 32 - 1;

/**
 * A growing list of pictures. Memory is reserved for a number of pictures, and the system provides it as it is written;
 * if more come, twice as much is reserved and the pictures are copied.
 */
export class PictureStore {
  readonly size: PictureSize;
  readonly #bytes: number;
  #count = 0;
  #pixels: Uint8Array;
  #labels: Uint8Array;

  /** @param expected number of pictures; null if unknown */
  constructor(size: PictureSize, expected: number | null) {
    this.size = size;
    this.#bytes = size.width * size.height * size.channels;
    const capacity = Math.min(this.#limit, Math.max(1, expected ?? FIRST_CAPACITY));
    [this.#pixels, this.#labels] = [allocated(capacity * this.#bytes), allocated(capacity)];
  }

  get count(): number {
    return this.#count;
  }

  get #limit(): number {
    return Math.floor(MAX_BYTES / this.#bytes);
  }

  /**
   * Adds a picture.
   * @param pixels [height, channels, width]
   * @param label 0 to 255
   * @throws UserError if there are too many pictures, or memory runs out
   */
  push(pixels: Uint8Array, label: number): void {
    if (this.#count === this.#labels.length) this.#grow();
    this.#pixels.set(pixels, this.#count * this.#bytes);
    this.#labels[this.#count++] = label;
  }

  #grow(): void {
    if (this.#count >= this.#limit) {
      const { width, height } = this.size;
      throw new UserError(
        `the pictures: more than ${this.#limit} of ${width} × ${height} × ${this.size.channels} values; take fewer, or make them smaller`,
        { settings: ['imageSize'] },
      );
    }
    const capacity = Math.min(this.#limit, 2 * this.#labels.length);
    const [pixels, labels] = [allocated(capacity * this.#bytes), allocated(capacity)];
    pixels.set(this.#pixels);
    labels.set(this.#labels);
    [this.#pixels, this.#labels] = [pixels, labels];
  }

  /** Appends all pictures of another store of the same size. */
  append(other: PictureStore): void {
    for (let i = 0; i < other.#count; i++) {
      this.push(other.#pixels.subarray(i * this.#bytes, (i + 1) * this.#bytes), other.#labels[i]);
    }
  }

  /**
   * Moves some pictures to a new store. Both keep their order; no second copy of all pictures is made.
   * @param isTaken called once for each picture in order, with its label
   */
  take(isTaken: (label: number) => boolean, expected: number): PictureStore {
    const taken = new PictureStore(this.size, expected);
    let kept = 0;
    for (let i = 0; i < this.#count; i++) {
      const label = this.#labels[i];
      if (isTaken(label)) {
        taken.push(this.#pixels.subarray(i * this.#bytes, (i + 1) * this.#bytes), label);
      } else {
        this.#pixels.copyWithin(kept * this.#bytes, i * this.#bytes, (i + 1) * this.#bytes);
        this.#labels[kept++] = label;
      }
    }
    this.#count = kept;
    return taken;
  }

  /** Number of pictures with each label. @param classes number of labels */
  counts(classes: number): number[] {
    const counts = new Array<number>(classes).fill(0);
    for (let i = 0; i < this.#count; i++) counts[this.#labels[i]]++;
    return counts;
  }

  /** The pictures as examples. The store is not used afterwards. @param classOf [labels] class of each label */
  examples(classOf: Uint8Array): ImageExamples {
    const labels = this.#labels.subarray(0, this.#count);
    for (let i = 0; i < labels.length; i++) labels[i] = classOf[labels[i]];
    const pixels = this.#pixels.subarray(0, this.#count * this.#bytes);
    return { count: this.#count, ...this.size, pixels, labels };
  }
}

function allocated(bytes: number): Uint8Array {
  try {
    return new Uint8Array(sharedBytes(bytes));
  } catch {
    throw new UserError(
      `the pictures: cannot allocate ${bytes} bytes of memory; take fewer pictures, or smaller ones`,
      { settings: ['imageSize'] },
    );
  }
}
