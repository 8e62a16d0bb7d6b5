/**
 * Edges of a picture, as further values for the network: how strong the edges of each of eight directions are, in cells
 * of 2 × 2 pixels. So a network need not learn from pixels which way a line runs. These are the gradient features of Liu,
 * Nakashima, Sako & Fujisawa 2003 (Handwritten digit recognition: benchmarking of state-of-the-art techniques, Pattern
 * Recognition 36).
 *
 * The gradient of a pixel is Sobel's; outside of the picture is paper. It is split into a vector along an axis and one
 * along a diagonal, which are two of the eight directions. Their lengths are divided among the four nearest cells, by
 * bilinear interpolation. These are whole numbers, so that every program gets the same. The square root of a cell's
 * strength, as a share of the largest, is normalised by constants.
 */

/** East, south-east, south and so on: where there is more ink. */
export const EDGE_DIRECTIONS = 8;
/** Of the part of a gradient along an axis, and of that along a diagonal: 3/2 stands for √2. */
export const AXIS_WEIGHT = 2;
export const DIAGONAL_WEIGHT = 3;
/** Shares of a pixel's own cell, of the nearest beside it, of the nearest above or below, and of that beside the latter. */
const SHARES = [9, 3, 3, 1] as const;
/** The strength of a cell all of whose pixels have the largest gradient along an axis. */
export const FULL_STRENGTH = AXIS_WEIGHT * (4 * 255) * 64;
/** Of the square roots of strengths in MNIST's training pictures, nearly. */
export const EDGE_MEAN = 0.06;
export const EDGE_STD = 0.14;

/** For the users of exported models that take sequences, whose programs have to do the same. */
export const READ_EDGES =
  'A step has pixels, then the edges of these rows or columns. Sobel gives gx and gy of the bytes of a picture, outside of ' +
  `which is 0. With a = |gx| and b = |gy|, a pixel has ${AXIS_WEIGHT} * |a - b| in the direction of the nearest axis, and ` +
  `${DIAGONAL_WEIGHT} * min(a, b) in that of the diagonal. A cell of 2 x 2 pixels gets 9, 3 or 1 times this of its 4 x 4 ` +
  `nearest pixels; the sum s is read as (sqrt(s / ${FULL_STRENGTH}) - ${EDGE_MEAN}) / ${EDGE_STD}. Edges are ` +
  '[height / 2, 8, width / 2], with the directions east, south-east, south and so on.';

/** So many values for each pixel: eight for each cell of four. */
export const EDGES_PER_PIXEL = EDGE_DIRECTIONS / 4;

/** Finds the edges of pictures of one size, whose sides are even. Buffers are reused. */
export class EdgeFinder {
  /** [height/2, 8, width/2] the edges of the last picture. */
  readonly #values: Float32Array;
  readonly #width: number;
  readonly #height: number;
  /** [height + 2, width + 2] the picture with a border of paper. */
  readonly #bordered: Int32Array;
  /** [height/2 + 2, 8, width/2 + 2] strengths of the cells, with a border that nobody reads. */
  readonly #strengths: Int32Array;

  constructor({ width, height }: { width: number; height: number }) {
    this.#width = width;
    this.#height = height;
    this.#bordered = new Int32Array((height + 2) * (width + 2));
    this.#strengths = new Int32Array((height / 2 + 2) * EDGE_DIRECTIONS * (width / 2 + 2));
    this.#values = new Float32Array(EDGES_PER_PIXEL * height * width);
  }

  /**
   * The edges of a picture.
   * @param pixels [height, width] bytes from index `at` on
   * @returns [height/2, 8, width/2] valid until the next call
   */
  find(pixels: ArrayLike<number>, at = 0): Float32Array {
    this.#findStrengths(pixels, at);
    const mean = Math.fround(EDGE_MEAN);
    const std = Math.fround(EDGE_STD);
    const values = this.#values;
    const strengths = this.#strengths;
    const columns = this.#width / 2;
    for (let n = 0, cell = this.#cellOf(0); n < values.length; cell += 2) {
      for (const end = n + columns; n < end; n++, cell++) {
        const root = Math.fround(Math.sqrt(Math.fround(strengths[cell] / FULL_STRENGTH)));
        values[n] = Math.fround(root - mean) / std;
      }
    }
    return this.#values;
  }

  /**
   * The derivative of the edges with respect to the pixels. That of an edge of strength 0 counts as 0.
   *
   * @param pixels [height, width] bytes
   * @param gradient [height/2, 8, width/2] with respect to the edges
   * @returns [height, width] with respect to the bytes
   */
  backward(pixels: ArrayLike<number>, gradient: ArrayLike<number>): Float32Array {
    this.#findStrengths(pixels, 0);
    const slopes = new Float64Array(this.#strengths.length);
    for (let n = 0; n < this.#values.length; n++) {
      const cell = this.#cellOf(n);
      const strength = this.#strengths[cell];
      if (strength > 0) slopes[cell] = gradient[n] / (2 * EDGE_STD * Math.sqrt(strength * FULL_STRENGTH));
    }
    const width = this.#width;
    const stride = width + 2;
    const bordered = new Float64Array(this.#bordered.length);
    for (let y = 0; y < this.#height; y++) {
      for (let x = 0; x < width; x++) {
        const gx = this.#gradientX(x, y);
        const gy = this.#gradientY(x, y);
        const axis = AXIS_WEIGHT * this.#gather(slopes, axisOf(gx, gy), x, y);
        const diagonal = DIAGONAL_WEIGHT * this.#gather(slopes, diagonalOf(gx, gy), x, y);
        const isAcross = Math.abs(gx) >= Math.abs(gy);
        const byX = Math.sign(gx) * (isAcross ? axis : diagonal - axis);
        const byY = Math.sign(gy) * (isAcross ? diagonal - axis : axis);
        const centre = (y + 1) * stride + x + 1;
        for (const step of [-1, 0, 1]) {
          const weight = step === 0 ? 2 : 1;
          bordered[centre + step * stride + 1] += weight * byX;
          bordered[centre + step * stride - 1] -= weight * byX;
          bordered[centre + stride + step] += weight * byY;
          bordered[centre - stride + step] -= weight * byY;
        }
      }
    }
    return Float32Array.from(
      { length: this.#height * width },
      (_, n) => bordered[(Math.floor(n / width) + 1) * stride + (n % width) + 1],
    );
  }

  #findStrengths(pixels: ArrayLike<number>, at: number): void {
    const [width, height] = [this.#width, this.#height];
    let from = at;
    for (let y = 1; y <= height; y++) {
      const row = y * (width + 2);
      for (let x = 1; x <= width; x++) this.#bordered[row + x] = pixels[from++];
    }
    this.#strengths.fill(0);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const gx = this.#gradientX(x, y);
        const gy = this.#gradientY(x, y);
        if (gx === 0 && gy === 0) continue;
        const across = Math.abs(gx);
        const down = Math.abs(gy);
        this.#divide(AXIS_WEIGHT * Math.abs(across - down), axisOf(gx, gy), x, y);
        this.#divide(DIAGONAL_WEIGHT * Math.min(across, down), diagonalOf(gx, gy), x, y);
      }
    }
  }

  /** Sobel's gradient: the pixels to the right less those to the left. */
  #gradientX(x: number, y: number): number {
    const b = this.#bordered;
    const above = y * (this.#width + 2) + x;
    const row = above + this.#width + 2;
    const below = row + this.#width + 2;
    return b[above + 2] - b[above] + 2 * (b[row + 2] - b[row]) + b[below + 2] - b[below];
  }

  /** Sobel's gradient: the pixels below less those above. */
  #gradientY(x: number, y: number): number {
    const b = this.#bordered;
    const above = y * (this.#width + 2) + x;
    const below = above + 2 * (this.#width + 2);
    return b[below] - b[above] + 2 * (b[below + 1] - b[above + 1]) + b[below + 2] - b[above + 2];
  }

  /** Divides a strength among the cells around a pixel. */
  #divide(strength: number, direction: number, x: number, y: number): void {
    const strengths = this.#strengths;
    const own = this.#cellAt(direction, x, y);
    const beside = x & 1 ? 1 : -1;
    const nearer = this.#rowAt(y);
    strengths[own] += SHARES[0] * strength;
    strengths[own + beside] += SHARES[1] * strength;
    strengths[own + nearer] += SHARES[2] * strength;
    strengths[own + beside + nearer] += SHARES[3] * strength;
  }

  /** The weighted sum of what the cells around a pixel hold. */
  #gather(cells: Float64Array, direction: number, x: number, y: number): number {
    const own = this.#cellAt(direction, x, y);
    const beside = x & 1 ? 1 : -1;
    const nearer = this.#rowAt(y);
    return (
      SHARES[0] * cells[own] +
      SHARES[1] * cells[own + beside] +
      SHARES[2] * cells[own + nearer] +
      SHARES[3] * cells[own + beside + nearer]
    );
  }

  /** The index of the cell in which a pixel lies. */
  #cellAt(direction: number, x: number, y: number): number {
    return (((y >> 1) + 1) * EDGE_DIRECTIONS + direction) * (this.#width / 2 + 2) + (x >> 1) + 1;
  }

  /** From a cell to the nearest above or below the pixel. */
  #rowAt(y: number): number {
    return (y & 1 ? EDGE_DIRECTIONS : -EDGE_DIRECTIONS) * (this.#width / 2 + 2);
  }

  /** The index of value n among the bordered cells. */
  #cellOf(n: number): number {
    const columns = this.#width / 2;
    const line = Math.floor(n / columns);
    return (line + EDGE_DIRECTIONS) * (columns + 2) + (n % columns) + 1;
  }
}

/** The direction, 0 to 7, of the part of a gradient along an axis. */
function axisOf(gx: number, gy: number): number {
  if (Math.abs(gx) >= Math.abs(gy)) return gx > 0 ? 0 : 4;
  return gy > 0 ? 2 : 6;
}

/** The direction, 0 to 7, of the part of a gradient along a diagonal. */
function diagonalOf(gx: number, gy: number): number {
  if (gx > 0) return gy > 0 ? 1 : 7;
  return gy > 0 ? 3 : 5;
}
