/**
 * Thins ink by the algorithm of Zhang & Suen ("A fast parallel algorithm for thinning digital patterns", CACM 27,
 * 1984), with at most two iterations, as the original stroke data were made. Strokes of MNIST's width become one pixel
 * wide. Wider strokes stay wider than one pixel.
 *
 * Masks are [height, width], 1 for ink and 0 for paper.
 */

/** As in the original. */
const MAX_ITERATIONS = 2;

/**
 * [256] 1 where a pixel is deleted. The index is made of its neighbours p2 … p9, clockwise from north: p2 is bit 0.
 * One table for each sub-iteration.
 */
const [DELETE_A, DELETE_B] = [
  deletionTable((p) => p[2] * p[4] * p[6] === 0 && p[4] * p[6] * p[8] === 0),
  deletionTable((p) => p[2] * p[4] * p[8] === 0 && p[2] * p[6] * p[8] === 0),
];

function deletionTable(halfAllows: (p: readonly number[]) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, bits) => {
    // p[2] … p[9]; p[10] is p2 again.
    const p = [0, 0, ...Array.from({ length: 8 }, (_, k) => (bits >> k) & 1), bits & 1];
    let sum = 0;
    let transitions = 0;
    for (let k = 2; k <= 9; k++) {
      sum += p[k];
      if (p[k] === 0 && p[k + 1] === 1) transitions++;
    }
    return Number(sum >= 2 && sum <= 6 && transitions === 1 && halfAllows(p));
  });
}

/** Thins in place. Pixels in the first and last pixel rows and columns are not changed. */
export function thin(mask: Uint8Array, width: number, height: number): void {
  const doomed = new Int32Array(mask.length);
  for (let iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
    const deleted =
      deleteAtOnce(mask, width, height, DELETE_A, doomed) +
      deleteAtOnce(mask, width, height, DELETE_B, doomed);
    if (deleted === 0) return;
  }
}

/** One sub-iteration: decides about all pixels first, then deletes. Returns the number of deleted pixels. */
function deleteAtOnce(
  mask: Uint8Array,
  width: number,
  height: number,
  table: Uint8Array,
  doomed: Int32Array,
): number {
  let count = 0;
  for (let y = 1; y < height - 1; y++) {
    const end = (y + 1) * width - 1;
    for (let i = y * width + 1; i < end; i++) {
      if (mask[i] === 0) continue;
      const north = i - width;
      const south = i + width;
      const bits =
        mask[north] |
        (mask[north + 1] << 1) |
        (mask[i + 1] << 2) |
        (mask[south + 1] << 3) |
        (mask[south] << 4) |
        (mask[south - 1] << 5) |
        (mask[i - 1] << 6) |
        (mask[north - 1] << 7);
      if (table[bits] === 1) doomed[count++] = i;
    }
  }
  for (let k = 0; k < count; k++) mask[doomed[k]] = 0;
  return count;
}

/** Removes 8-connected components of one or two pixels, in place. */
export function removeSpecks(mask: Uint8Array, width: number, height: number): void {
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      if (mask[i] === 0 || countNeighbours(mask, width, height, x, y) > 1) continue;
      const other = firstNeighbour(mask, width, height, x, y);
      if (other < 0) mask[i] = 0;
      else if (countNeighbours(mask, width, height, other % width, Math.floor(other / width)) === 1) {
        mask[i] = 0;
        mask[other] = 0;
      }
    }
  }
}

/** Number of a pixel's neighbours (up to eight) that are ink. */
export function countNeighbours(
  mask: Uint8Array,
  width: number,
  height: number,
  x: number,
  y: number,
): number {
  let sum = -mask[y * width + x];
  for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
    for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) sum += mask[v * width + u];
  }
  return sum;
}

/** Index of the first neighbour that is ink; −1 if there is none. */
function firstNeighbour(mask: Uint8Array, width: number, height: number, x: number, y: number): number {
  for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
    for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
      if (mask[v * width + u] === 1 && (u !== x || v !== y)) return v * width + u;
    }
  }
  return -1;
}
