/**
 * Connected components of an image's ink, counted twice in one pass: with 4 neighbours and with 8. The threshold
 * watches both, because raising it too far opens loops and tears strokes apart.
 *
 * Ink is taken row by row as runs of pixels (Rosenfeld & Pfaltz 1966). A run that touches runs of the row above joins
 * their components in a union–find forest; every join makes one component fewer.
 */

/** What there is of pixels above a threshold. */
export interface InkMeasure {
  /** Pixels. */
  count: number;
  /** Components, where only neighbours above, below and beside are connected. */
  four: number;
  /** Components, where diagonal neighbours are connected too. */
  eight: number;
}

/** Counts in images of one size; its memory is used again from image to image. */
export class ComponentCounter {
  readonly #width: number;
  readonly #height: number;
  /** Columns of the runs, in reading order: [first, past the last] of each. */
  readonly #runs: Int32Array;
  /** [runs] each a forest: a root is its own parent. */
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
    // Runs aboveBegin … aboveEnd − 1 are those of the row above.
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
        // From here on runs reach at least to the column left of this one: they touch it if they begin early enough.
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

/** 1 if two components became one. */
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
