/**
 * Counts the connected components of an image's ink, with 4 neighbours and with 8, in one scan. The threshold compares
 * both numbers: a threshold that is too high opens loops and breaks strokes.
 *
 * Every pixel row is read as runs of ink (Rosenfeld & Pfaltz 1966). A run that touches runs of the pixel row above
 * joins their components in a union–find forest. Every join reduces the number of components by one.
 */

/** Counts of the pixels above a threshold. */
export interface InkMeasure {
  /** Number of pixels. */
  count: number;
  /** Number of components if only horizontal and vertical neighbours are connected. */
  four: number;
  /** Number of components if diagonal neighbours are connected too. */
  eight: number;
}

/** Counts components in images of one size. Its memory is allocated once and reused for every image. */
export class ComponentCounter {
  readonly #width: number;
  readonly #height: number;
  /** [2 · runs] first column and column past the last of each run, in reading order. */
  readonly #runs: Int32Array;
  /** [runs] parent of each run in two union–find forests; a root is its own parent. */
  readonly #four: Int32Array;
  readonly #eight: Int32Array;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
    const most = height * Math.ceil(width / 2);
    this.#runs = new Int32Array(2 * most);
    this.#four = new Int32Array(most);
    this.#eight = new Int32Array(most);
  }

  /** Measures the pixels [height, width] that are greater than `threshold`. */
  measure(pixels: Uint8Array | Uint8ClampedArray, threshold: number): InkMeasure {
    const runs = this.#runs;
    const four = this.#four;
    const eight = this.#eight;
    const width = this.#width;
    let count = 0;
    let found = 0;
    let fourJoins = 0;
    let eightJoins = 0;
    // The pixel row above has the runs aboveBegin … aboveEnd − 1.
    let aboveBegin = 0;
    let aboveEnd = 0;
    for (let y = 0; y < this.#height; y++) {
      const row = y * width;
      let above = aboveBegin;
      for (let x = 0; x < width; x++) {
        if (pixels[row + x] <= threshold) continue;
        const first = x;
        do x++;
        while (x < width && pixels[row + x] > threshold);
        const run = found++;
        count += x - first;
        runs[2 * run] = first;
        runs[2 * run + 1] = x;
        four[run] = run;
        eight[run] = run;
        while (above < aboveEnd && runs[2 * above + 1] < first) above++;
        // These runs end at column first − 1 or later. They touch this run if they begin at column x or earlier.
        for (let other = above; other < aboveEnd && runs[2 * other] <= x; other++) {
          eightJoins += join(eight, run, other);
          if (runs[2 * other] < x && runs[2 * other + 1] > first) fourJoins += join(four, run, other);
        }
      }
      aboveBegin = aboveEnd;
      aboveEnd = found;
    }
    return { count, four: found - fourJoins, eight: found - eightJoins };
  }
}

/** Joins two components. Returns 1, or 0 if they were one component already. */
function join(parents: Int32Array, a: number, b: number): number {
  const rootA = root(parents, a);
  const rootB = root(parents, b);
  if (rootA === rootB) return 0;
  parents[Math.max(rootA, rootB)] = Math.min(rootA, rootB);
  return 1;
}

function root(parents: Int32Array, node: number): number {
  let at = node;
  while (parents[at] !== at) {
    parents[at] = parents[parents[at]];
    at = parents[at];
  }
  return at;
}
