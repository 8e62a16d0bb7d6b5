/** Small networks that are stacks, each with a batch. */
import { capacityFor } from '#src/backends/webgpu/batch-layout.js';
import { type NetworkCase, networkCase } from '../oracle-network.js';
import type { RunOptions } from './stack-run.js';

/** Sequences of several lengths. */
export const RAGGED = networkCase(
  { inputSize: 4, hiddenSize: 32, numLayers: 2, numClasses: 10 },
  [13, 12, 9, 9, 4, 1],
);

/** More sequences than lanes in a block. */
export const TWO_BLOCKS = networkCase(
  { inputSize: 5, hiddenSize: 10, numLayers: 3, numClasses: 3, head: 'mean' },
  Array.from({ length: 19 }, (_, b) => 12 - Math.floor(b / 2)),
);

/** [what is special, network, how it runs] */
export const NETWORKS: [string, NetworkCase, RunOptions?][] = [
  ['2 layers of 32 units, head final, ragged', RAGGED],
  [
    '4 layers of 16 units, label smoothing, one sequence',
    networkCase({ inputSize: 3, hiddenSize: 16, numLayers: 4, numClasses: 5 }, [11], 0.1),
  ],
  ['3 layers of 10 units, head mean, 2 blocks, many splits', TWO_BLOCKS, { splits: 7 }],
  [
    '1 layer of 50 units, head last, more classes than threads, part of a batch, less than its capacity',
    networkCase(
      { inputSize: 28, hiddenSize: 50, numLayers: 1, numClasses: 300, head: 'last' },
      [6, 6, 3],
      0.2,
    ),
    { capacity: capacityFor(20, 9), part: { first: 4, total: 12 } },
  ],
];
