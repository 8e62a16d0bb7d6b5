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

/**
 * The copies of a head, still without rows.
 * @param buffers will receive the offsets and scales of the rows
 */
export function headCopies(
  config: ResolvedClassifierConfig,
  buffers: Pick<Workspace, 'headOffsets' | 'headScales'>,
): HeadCopy[] {
  const { hiddenSize: H, numLayers, head } = config;
  const wholeRows = head === 'flatten' || head === 'mean';
  const first = head === 'final' ? 0 : numLayers - 1;
  return buffers.headOffsets.map((offsets, copy) => ({
    layer: first + copy,
    rows: 0,
    width: wholeRows ? directionsOf(config) * H : H,
    sourceOffsets: offsets.sourceOffsets,
    targetOffsets: offsets.targetOffsets,
    scales: wholeRows ? buffers.headScales : null,
    accumulate: head === 'mean',
  }));
}

/**
 * Sets the rows of a head's copies for a batch.
 * @param batch B sequences in packed order; batchSizes [T] sequences running at each step
 * @returns whether the copies leave features unwritten, or add: then the features have to be zeroed first
 */
export function placeHeadRows(
  config: ResolvedClassifierConfig,
  batch: { batchSize: number; rows: number; batchSizes: Int32Array },
  copies: readonly HeadCopy[],
): boolean {
  const { hiddenSize: H, head } = config;
  const { batchSize: B, rows: N, batchSizes } = batch;
  const D = directionsOf(config);
  const F = featuresOf(config);

  if (head === 'flatten' || head === 'mean') {
    const [copy] = copies;
    copy.rows = N;
    let row = 0;
    for (let t = 0; t < batchSizes.length; t++) {
      for (let b = 0; b < batchSizes[t]; b++, row++) {
        copy.sourceOffsets[row] = row * D * H;
        copy.targetOffsets[row] = b * F + (head === 'flatten' ? t * D * H : 0);
      }
    }
    if (copy.scales) writeMeanScales(copy.scales, batchSizes, B);
    return head === 'mean' || N < B * (config.sequenceLength as number);
  }

  // The forward direction ends at each sequence's last step, the reverse direction at step 0.
  const lastRows = lastRowOf(batchSizes, B);
  for (const copy of copies) {
    const column = head === 'final' ? copy.layer * D * H : 0;
    copy.rows = D * B;
    for (let direction = 0; direction < D; direction++) {
      for (let b = 0; b < B; b++) {
        const row = direction === 0 ? lastRows[b] : b;
        copy.sourceOffsets[direction * B + b] = row * D * H + direction * H;
        copy.targetOffsets[direction * B + b] = b * F + column + direction * H;
      }
    }
  }
  return false;
}

/** Of every row: one divided by the length of its sequence. */
function writeMeanScales(scales: Float32Array, batchSizes: Int32Array, batchSize: number): void {
  const lengths = sequenceLengths(batchSizes, batchSize);
  let row = 0;
  for (const running of batchSizes) for (let b = 0; b < running; b++) scales[row++] = 1 / lengths[b];
}

/** [B] lengths of the sequences, from how many run at each step. */
export function sequenceLengths(batchSizes: Int32Array, batchSize: number): Int32Array {
  const lengths = new Int32Array(batchSize);
  for (const running of batchSizes) for (let b = 0; b < running; b++) lengths[b]++;
  return lengths;
}

/** [B] the packed row of each sequence's last step. */
function lastRowOf(batchSizes: Int32Array, batchSize: number): Int32Array {
  const last = new Int32Array(batchSize);
  let start = 0;
  for (const running of batchSizes) {
    for (let b = 0; b < running; b++) last[b] = start + b;
    start += running;
  }
  return last;
}
