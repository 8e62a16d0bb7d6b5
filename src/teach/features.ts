/**
 * Features of drawings: what a trained network for strokes holds in its hidden states. Drawings that look alike have
 * features that are near each other, also of symbols that the network never saw, so a few examples of each are enough to
 * tell them apart (nearest.ts).
 */
import type { Backend } from '../backends/backend.js';
import type { Drawing } from '../ink/drawing.js';

/** Computes features of drawings; `openFeatures` opens it. */
export interface Features extends Disposable {
  /** Number of values of a feature. */
  readonly size: number;
  /**
   * The feature of a drawing.
   * @returns [size] of length 1; null for a drawing without ink, or of only a dot
   */
  of(drawing: Drawing): Promise<Float32Array | null>;
  /** The features of many drawings, in batches: faster than one by one. */
  ofAll(drawings: readonly Drawing[]): Promise<(Float32Array | null)[]>;
  /** Frees the network's memory; the backend stays open. */
  close(): void;
}

/**
 * Opens a network for its features.
 *
 * @param checkpoint content of a checkpoint for strokes or images: the shipped network `digit-strokes`
 * @param backend computes; stays the caller's, and must stay open
 * @throws UserError for a checkpoint that cannot be read
 */
export function openFeatures(_checkpoint: Uint8Array, _backend: Backend): Features {
  throw new Error('not yet');
}
