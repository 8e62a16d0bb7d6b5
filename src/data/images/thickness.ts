/**
 * Thicker and thinner lines: a picture blended with its dilation or erosion by a cross of 3 × 3 pixels (grey-level
 * morphology: the largest or smallest of the five values). Outside of the picture is 0, paper.
 */
export class Thickness {
  readonly #width: number;
  readonly #height: number;
  readonly #channels: number;
  /** [height + 2, channels, width + 2] the picture with a border of 0. */
  readonly #bordered: Uint8Array;

  constructor({ width, height, channels }: { width: number; height: number; channels: number }) {
    this.#width = width;
    this.#height = height;
    this.#channels = channels;
    this.#bordered = new Uint8Array((height + 2) * channels * (width + 2));
  }

  /**
   * Changes a picture in place.
   * @param pixels holds it from `at` on: [height, channels, width]
   * @param amount −1: eroded; 0: unchanged; 1: dilated
   */
  apply(pixels: Uint8Array, at: number, amount: number): void {
    const width = this.#width;
    const lines = this.#height * this.#channels;
    const stride = width + 2;
    // The lines of the same channel above and below.
    const row = this.#channels * stride;
    const bordered = this.#bordered;
    for (let line = 0; line < lines; line++) {
      const to = row + line * stride + 1;
      for (let x = 0; x < width; x++) bordered[to + x] = pixels[at + line * width + x];
    }
    const share = Math.abs(amount);
    const most = amount > 0;
    for (let line = 0; line < lines; line++) {
      const from = row + line * stride + 1;
      for (let x = 0; x < width; x++) {
        const i = from + x;
        const value = bordered[i];
        const beside = most
          ? Math.max(bordered[i - 1], bordered[i + 1], bordered[i - row], bordered[i + row])
          : Math.min(bordered[i - 1], bordered[i + 1], bordered[i - row], bordered[i + row]);
        const extreme = most ? Math.max(value, beside) : Math.min(value, beside);
        pixels[at + line * width + x] = value + share * (extreme - value) + 0.5;
      }
    }
  }
}
