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
const SPLIT_PARAMETERS = 2 ** 24;
/** Large models have at least so many splits: memory for the passes can then be quartered. */
const FEW_SPLITS = 4;

/** Splits of a batch, and the blocks of each. @param blocks of the batch */
function splitsOf(blocks: number, parameters: number): { splits: number; blocksOfSplit: number } {
  const wanted = Math.min(MAX_SPLITS, Math.max(FEW_SPLITS, Math.floor(SPLIT_PARAMETERS / parameters)));
  const blocksOfSplit = Math.ceil(blocks / wanted);
  return { splits: Math.ceil(blocks / blocksOfSplit), blocksOfSplit };
}

/**
 * Ways to cut a batch, from a single pass to passes of a single split.
 * @param longest lengths of the longest sequences that can meet in a batch, longest first
 */
export function* waysToCut(batchSize: number, parameters: number, longest: Int32Array): Generator<Passes> {
  const { lanes, blocks, steps } = capacityFor(batchSize, longest[0]);
  const { splits, blocksOfSplit } = splitsOf(blocks, parameters);
  const whole = { blocks, rows: rowsOf(longest, lanes, blocks), splits };
  for (let own = splits; ; own = Math.ceil(own / 2)) {
    const blocksOfPass = own * blocksOfSplit;
    const rows = rowsOf(longest, lanes, blocksOfPass);
    yield {
      capacity: { lanes, blocks: blocksOfPass, steps, rows, whole },
      count: Math.ceil(splits / own),
      splits: own,
    };
    if (own === 1) return;
  }
}

/** Rows of the blocks of the longest sequences: no pass has more. */
export function rowsOf(longest: Int32Array, lanes: number, blocks: number): number {
  let rows = 0;
  for (let block = 0; block < blocks && block * lanes < longest.length; block++) {
    rows += lanes * longest[block * lanes];
  }
  return rows;
}
