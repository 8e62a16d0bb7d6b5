/**
 * How a batch is cut: into passes that go through the network one after the other, and into splits, whose gradients are
 * added in their order.
 *
 * The splits follow from batch and model alone. A pass has whole splits, so the sums are the same additions with any
 * number of passes. Usually the whole batch is one pass; more passes need less memory.
 */
import { type BatchCapacity, capacityFor } from '../../backends/webgpu/batch-layout.js';

export interface Passes {
  /** Of a pass. */
  capacity: BatchCapacity;
  /** Passes of a batch. */
  count: number;
  /** Splits of a pass. */
  splits: number;
}

/** Most splits. More give small products more work for a large GPU; each costs memory as the parameters do. */
const MAX_SPLITS = 16;
/** Parameters of all splits, unless there are few splits. */
const SPLIT_PARAMETERS = 2 ** 25;
/** Large models have so many splits: they use a large GPU, and memory for the passes can be quartered. */
const FEW_SPLITS = 4;

/** S of a batch: a power of 2. @param blocks of the batch */
export function splitsOf(blocks: number, parameters: number): number {
  const wanted = Math.min(MAX_SPLITS, Math.max(FEW_SPLITS, SPLIT_PARAMETERS / parameters), blocks);
  return 2 ** Math.floor(Math.log2(wanted));
}

/**
 * The fewest passes that fit.
 * @param lengths of all sequences that can be in a batch
 * @param fits whether the device has memory for passes of a capacity
 * @returns null if not even the smallest pass fits
 */
export function planPasses(
  batchSize: number,
  parameters: number,
  lengths: SortedLengths,
  fits: (capacity: BatchCapacity) => boolean,
): Passes | null {
  const { lanes, blocks, steps } = capacityFor(batchSize, lengths.longest);
  const splits = splitsOf(blocks, parameters);
  const blocksOfSplit = Math.ceil(blocks / splits);
  for (let count = 1; count <= splits; count *= 2) {
    const blocksOfPass = (splits / count) * blocksOfSplit;
    const capacity = { lanes, blocks: blocksOfPass, steps, rows: lengths.rowsOf(lanes, blocksOfPass) };
    if (fits(capacity)) return { capacity, count, splits: splits / count };
  }
  return null;
}

/** Lengths of sequences, longest first; from them follows how many rows a batch can have. */
export class SortedLengths {
  readonly #lengths: Int32Array;

  constructor(lengths: Int32Array) {
    this.#lengths = lengths.slice().sort().reverse();
  }

  /** T of the longest sequence. */
  get longest(): number {
    return this.#lengths[0];
  }

  /** Rows of the batch of the longest sequences, which no other batch exceeds. */
  rowsOf(lanes: number, blocks: number): number {
    let rows = 0;
    for (let block = 0; block < blocks; block++) {
      // A source with fewer sequences than the batch: blocks of its shortest ones are empty.
      rows += lanes * (this.#lengths[block * lanes] ?? 0);
    }
    return rows;
  }
}
