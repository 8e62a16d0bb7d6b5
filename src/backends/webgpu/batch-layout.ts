/**
 * How a batch lies on the device: in blocks of Q sequences.
 *
 * The sequences are sorted by length, longest first, and cut into blocks of Q. A block has the rows of its longest
 * sequence, time-major: the row of sequence b at step t is `starts[b / Q] + t · Q + b % Q`. The rows past the end of a
 * sequence hold zeros in outputs, cells, gates and gradients. Because of the sorting they are few.
 *
 * A step is Q rows away from the next, so a loop over time needs no table; the rows of some blocks lie together, so
 * gradients of weights can be added block by block.
 *
 * Letters: B sequences, T steps, N rows, Q lanes (sequences of a block).
 */

/** Lanes of the blocks of a large batch. */
export const MAX_LANES = 16;

/** What a layout has room for. Kernels are compiled for it. */
export interface BatchCapacity {
  /** Q: 1, 2, 4, 8 or 16. */
  lanes: number;
  blocks: number;
  /** T of the longest sequence. */
  steps: number;
  /** N */
  rows: number;
  /** The whole batch, if this is one of its passes: the order of sums follows from it. Left out: this is all of it. */
  whole?: { blocks: number; rows: number; splits: number };
}

/** The header of the words on the device, before `starts` [blocks + 1] and `lengths` [blocks · Q]. */
const HEADER_WORDS = 8;

/** The word of the header that holds the batch's weight, as the bits of a float. */
const WEIGHT_WORD = 6;

/** @param batchSize sequences @param steps of the longest sequence @param rows default: all sequences are the longest */
export function capacityFor(batchSize: number, steps: number, rows?: number): BatchCapacity {
  const lanes = Math.min(MAX_LANES, 2 ** Math.ceil(Math.log2(batchSize)));
  const blocks = Math.ceil(batchSize / lanes);
  return { lanes, blocks, steps, rows: rows ?? blocks * lanes * steps };
}

export function layoutWords({ lanes, blocks }: BatchCapacity): number {
  return HEADER_WORDS + blocks + 1 + blocks * lanes;
}

/** A batch on the host. */
export interface LaidOutBatch {
  /** The words for the device. */
  words: Int32Array;
  /** N: rows of all blocks. */
  rows: number;
  /** T of the longest sequence. */
  steps: number;
  /** The row of sequence b at step t. */
  rowOf(b: number, t: number): number;
}

/**
 * @param lengths [B], longest first; B may be 0
 * @param total sequences of the whole batch, if this is a part of it: losses are means over them. Default B.
 * @param first index of the first sequence in the whole batch. Default 0.
 * @param weight sum of the weights of the whole batch's sequences: losses are means by it. Default: 1 for each.
 */
export function layOut(
  capacity: BatchCapacity,
  lengths: ArrayLike<number>,
  total = lengths.length,
  first = 0,
  weight = total,
): LaidOutBatch {
  const { lanes, blocks: room } = capacity;
  const B = lengths.length;
  const blocks = Math.ceil(B / lanes);
  const starts = HEADER_WORDS;
  const words = new Int32Array(layoutWords(capacity));
  const steps = B > 0 ? lengths[0] : 0;
  let rows = 0;
  for (let block = 0; block < room; block++) {
    words[starts + block] = rows;
    if (block < blocks) rows += lanes * lengths[block * lanes];
  }
  words[starts + room] = rows;
  for (let b = 0; b < B; b++) words[starts + room + 1 + b] = lengths[b];
  if (blocks > room || rows > capacity.rows || steps > capacity.steps) {
    throw new Error(`webgpu: a batch of ${B} sequences and ${rows} rows exceeds the capacity`);
  }
  words.set([B, blocks, rows, steps, total, first]);
  new Float32Array(words.buffer)[WEIGHT_WORD] = weight;
  return {
    words,
    rows,
    steps,
    rowOf: (b, t) => words[starts + Math.floor(b / lanes)] + t * lanes + (b % lanes),
  };
}

/**
 * WGSL functions on a buffer `batch: array<u32>` with the words of a layout.
 * @param word the expression of a word of the layout, if it lies elsewhere
 */
export function batchFunctions(
  { lanes, blocks }: BatchCapacity,
  word = (index: string) => `batch[${index}]`,
): string {
  const lengths = HEADER_WORDS + blocks + 1;
  return `
const LANES = ${lanes}u;
// Sequences, blocks, rows and steps of this pass; sequences of the whole batch, and how many of them come before.
fn sequences() -> u32 { return ${word('0')}; }
fn blocks() -> u32 { return ${word('1')}; }
fn rows() -> u32 { return ${word('2')}; }
fn longest() -> u32 { return ${word('3')}; }
fn batchSequences() -> u32 { return ${word('4')}; }
fn firstSequence() -> u32 { return ${word('5')}; }
// Sum of the weights of the whole batch's sequences.
fn batchWeight() -> f32 { return bitcast<f32>(${word(`${WEIGHT_WORD}`)}); }
// First row of a block; of block 'blocks()': the row after the last.
fn blockStart(block: u32) -> u32 { return ${word(`${HEADER_WORDS}u + block`)}; }
// Steps of the longest sequence of a block.
fn blockSteps(block: u32) -> u32 { return (blockStart(block + 1u) - blockStart(block)) / LANES; }
// Steps of a sequence; 0 for the lanes after the last sequence.
fn lengthOf(b: u32) -> u32 { return ${word(`${lengths}u + b`)}; }
fn rowOf(b: u32, t: u32) -> u32 { return blockStart(b / LANES) + t * LANES + b % LANES; }
`;
}
