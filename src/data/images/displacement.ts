/**
 * A smooth random displacement of a picture's pixels, as if it were drawn on rubber (Simard, Steinkraus, Platt: "Best
 * practices for convolutional neural networks applied to visual document analysis", ICDAR 2003). There, noise for every
 * pixel is smoothed; here, the nodes of a coarse grid are moved and a smooth surface is laid through them (bicubic, with
 * the splines of Catmull and Rom 1974): less work, and the amplitude is in pixels.
 */
import { type SampleWords, STREAM, signedOf } from '../sample-words.js';

/**
 * Cells of the grid along a side. In a picture of 28 pixels, places 6 pixels apart then still move half alike; with
 * Simard's σ = 4 these are 7 pixels.
 */
export const CELLS = 3;
/** Nodes along a side: the corners of the cells, and one beyond each end. */
const NODES = CELLS + 3;
const TAPS = 4;

export class Displacement {
  /** [width] what the current row's pixels are moved by, in pixels. */
  readonly dx: Float64Array;
  readonly dy: Float64Array;
  /** [NODES, NODES] */
  readonly #gridX = new Float64Array(NODES * NODES);
  readonly #gridY = new Float64Array(NODES * NODES);
  /** [NODES] the surface along the current row. */
  readonly #lineX = new Float64Array(NODES);
  readonly #lineY = new Float64Array(NODES);
  readonly #across: Taps;
  readonly #down: Taps;
  readonly #buffer = new Int32Array(2 * NODES * NODES);

  constructor(width: number, height: number) {
    this.dx = new Float64Array(width);
    this.dy = new Float64Array(width);
    this.#across = tapsOf(width);
    this.#down = tapsOf(height);
  }

  /**
   * Moves every node by up to `amplitude` pixels in x and in y. Between nodes it can be a little more (never over 1.57
   * times); the root mean square over all places is about half of it.
   */
  draw(words: SampleWords, amplitude: number): void {
    const buffer = this.#buffer;
    words.fill(STREAM.elastic, buffer, buffer.length);
    for (let node = 0; node < NODES * NODES; node++) {
      this.#gridX[node] = amplitude * signedOf(buffer[2 * node]);
      this.#gridY[node] = amplitude * signedOf(buffer[2 * node + 1]);
    }
  }

  /** Computes dx and dy for the pixels of row y. */
  row(y: number): void {
    const { dx, dy } = this;
    const lineX = this.#lineX;
    const lineY = this.#lineY;
    along(this.#down, y, this.#gridX, lineX);
    along(this.#down, y, this.#gridY, lineY);
    const { cells, weights } = this.#across;
    for (let x = 0; x < cells.length; x++) {
      const node = cells[x];
      const w0 = weights[TAPS * x];
      const w1 = weights[TAPS * x + 1];
      const w2 = weights[TAPS * x + 2];
      const w3 = weights[TAPS * x + 3];
      dx[x] = w0 * lineX[node] + w1 * lineX[node + 1] + w2 * lineX[node + 2] + w3 * lineX[node + 3];
      dy[x] = w0 * lineY[node] + w1 * lineY[node + 1] + w2 * lineY[node + 2] + w3 * lineY[node + 3];
    }
  }
}

/** The surface's values at row y, above every column of nodes. */
function along({ cells, weights }: Taps, y: number, grid: Float64Array, line: Float64Array): void {
  const first = cells[y] * NODES;
  for (let node = 0; node < NODES; node++) {
    let sum = 0;
    for (let tap = 0; tap < TAPS; tap++) {
      sum += weights[TAPS * y + tap] * grid[first + tap * NODES + node];
    }
    line[node] = sum;
  }
}

/** Weights with which the displacements of four nodes in a row make that of a pixel. */
interface Taps {
  /** [pixels] the first node */
  cells: Int32Array;
  /** [pixels, TAPS] */
  weights: Float64Array;
}

function tapsOf(pixels: number): Taps {
  const cells = new Int32Array(pixels);
  const weights = new Float64Array(pixels * TAPS);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const place = pixels > 1 ? (CELLS * pixel) / (pixels - 1) : CELLS / 2;
    const cell = Math.min(Math.floor(place), CELLS - 1);
    const t = place - cell;
    cells[pixel] = cell;
    weights[TAPS * pixel] = (t * (t * (2 - t) - 1)) / 2;
    weights[TAPS * pixel + 1] = (t * t * (3 * t - 5) + 2) / 2;
    weights[TAPS * pixel + 2] = (t * (t * (4 - 3 * t) + 1)) / 2;
    weights[TAPS * pixel + 3] = (t * t * (t - 1)) / 2;
  }
  return { cells, weights };
}
