/** How numbers in tables become pixels: 0 to 255 as they are, 0 to 1 times 255. */
import { UserError } from '../../../user-error.js';

/** Pictures by which the scale is decided. */
export const SAMPLE_PICTURES = 1000;

/** Share of the first pictures that may contradict the others; they are left out. */
const MOST_OTHERS = 0.1;

/** Numbers of the first pictures, to decide their scale. */
export class PixelRange {
  #least = Number.POSITIVE_INFINITY;
  #most = Number.NEGATIVE_INFINITY;
  /** Number of pictures whose numbers are from 0 to 1, of those up to 255, and of all. */
  #units = 0;
  #bytes = 0;
  #all = 0;

  /** Numbers of a picture. */
  add(values: ArrayLike<number>): void {
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    let allFinite = true;
    for (let i = 0; i < values.length; i++) {
      if (values[i] < least) least = values[i];
      if (values[i] > most) most = values[i];
      allFinite &&= Number.isFinite(values[i]);
    }
    this.#all++;
    if (allFinite && least >= 0 && most <= 1) this.#units++;
    else if (allFinite && least >= 0 && most <= 255) this.#bytes++;
    this.#least = Math.min(this.#least, least);
    this.#most = Math.max(this.#most, most);
  }

  /**
   * The factor of the numbers: 255 if none is above 1, else 1.
   * @param where for the message
   * @throws UserError for numbers that are neither 0 to 1 nor 0 to 255
   */
  factor(where: string): number {
    const few = MOST_OTHERS * this.#all;
    const fits = Math.max(1, this.#all - few);
    // Pictures that are all black are of both scales.
    if (this.#units >= fits) return 255;
    if (this.#units + this.#bytes >= fits) return 1;
    throw new UserError(
      `${where}: expected pixels from 0 to 255, or from 0 to 1; the first pictures have numbers from ${this.#least} to ${this.#most}; ` +
        'rescale them first, as (x - x.min()) / (x.max() - x.min()) does',
    );
  }
}

/**
 * Writes the pixels of a picture.
 * @returns null, or what is wrong: the end of a sentence
 */
export function toPixels(values: ArrayLike<number>, factor: number, pixels: Uint8Array): string | null {
  for (let i = 0; i < values.length; i++) {
    const pixel = values[i] * factor;
    // Half a step lies in the rounding of float32.
    if (!(pixel > -0.5 && pixel < 255.5)) {
      return `pixel ${i + 1} is ${values[i]}, outside 0 to ${factor === 1 ? 255 : 1}`;
    }
    pixels[i] = Math.round(pixel);
  }
  return null;
}

/** The label of a number: 3 for 3.0. */
export function labelOfNumber(value: number): string {
  return Number.isFinite(value) ? String(value) : '';
}
