/**
 * How the head reads the LSTM's outputs: as copies of rows from outputs [N, D·H] to features [B, F]. With source and
 * target exchanged, the same copies take gradients back.
 */
import { directionsOf, featuresOf, type ResolvedClassifierConfig } from './classifier-config.js';
import type { Workspace } from './workspace.js';

/** Arguments of the verb copyRows, in one layer's outputs and the features. */
export interface HeadCopy {
  /** The layer whose outputs are read. */
  layer: number;
  rows: number;
  width: number;
  /** [rows] floats into the layer's outputs. */
  sourceOffsets: Int32Array;
  /** [rows] floats into the features. */
  targetOffsets: Int32Array;
  /** [rows], or null for 1. */
  scales: Float32Array | null;
  accumulate: boolean;
}

export interface HeadRows {
  copies: HeadCopy[];
  /** The copies leave features unwritten, or add: the features have to be zeroed first. */
  sparse: boolean;
}

/**
 * @param batch B sequences in packed order; batchSizes [T] sequences running at each step
 * @param buffers receive the offsets and scales of the copies
 */
export function headRows(
  config: ResolvedClassifierConfig,
  batch: { batchSize: number; rows: number; batchSizes: Int32Array },
  buffers: Pick<Workspace, 'headOffsets' | 'headScales'>,
): HeadRows {
  const { hiddenSize: H, numLayers, head } = config;
  const { batchSize: B, rows: N, batchSizes } = batch;
  const T = batchSizes.length;
  const D = directionsOf(config);
  const F = featuresOf(config);

  if (head === 'flatten' || head === 'mean') {
    const [{ sourceOffsets, targetOffsets }] = buffers.headOffsets;
    const scales = buffers.headScales;
    let row = 0;
    for (let t = 0; t < T; t++) {
      for (let b = 0; b < batchSizes[t]; b++, row++) {
        sourceOffsets[row] = row * D * H;
        targetOffsets[row] = b * F + (head === 'flatten' ? t * D * H : 0);
      }
    }
    if (scales) {
      const lengths = sequenceLengths(batchSizes, B);
      for (let n = 0, t = 0, b = 0; n < N; n++) {
        scales[n] = 1 / lengths[b];
        if (++b === batchSizes[t]) {
          b = 0;
          t++;
        }
      }
    }
    const copy = { layer: numLayers - 1, rows: N, width: D * H, sourceOffsets, targetOffsets, scales };
    const sparse = head === 'mean' || N < B * (config.sequenceLength as number);
    return { copies: [{ ...copy, accumulate: head === 'mean' }], sparse };
  }

  // The forward direction ends at each sequence's last step, the reverse direction at step 0.
  const lastRows = lastRowOf(batchSizes, B);
  const copies: HeadCopy[] = [];
  const first = head === 'final' ? 0 : numLayers - 1;
  for (let layer = first; layer < numLayers; layer++) {
    const { sourceOffsets, targetOffsets } = buffers.headOffsets[layer - first];
    const column = head === 'final' ? layer * D * H : 0;
    for (let direction = 0; direction < D; direction++) {
      for (let b = 0; b < B; b++) {
        const row = direction === 0 ? lastRows[b] : b;
        sourceOffsets[direction * B + b] = row * D * H + direction * H;
        targetOffsets[direction * B + b] = b * F + column + direction * H;
      }
    }
    copies.push({
      layer,
      rows: D * B,
      width: H,
      sourceOffsets,
      targetOffsets,
      scales: null,
      accumulate: false,
    });
  }
  return { copies, sparse: false };
}

/** [B] lengths of the sequences, from how many run at each step. */
export function sequenceLengths(batchSizes: Int32Array, batchSize: number): Int32Array {
  const lengths = new Int32Array(batchSize);
  for (const running of batchSizes) for (let b = 0; b < running; b++) lengths[b]++;
  return lengths;
}

/** [B] the packed row of each sequence's last step. */
export function lastRowOf(batchSizes: Int32Array, batchSize: number): Int32Array {
  const last = new Int32Array(batchSize);
  let start = 0;
  for (const running of batchSizes) {
    for (let b = 0; b < running; b++) last[b] = start + b;
    start += running;
  }
  return last;
}
