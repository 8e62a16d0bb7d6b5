/** What rank 0 of an MPI job tells the others: JSON values, after some of which vectors follow. */
import type { Part } from '../../data/sources.js';
import type { Precision } from '../../model/workspace.js';
import type { EpochPlan } from '../engine.js';
import type { PlacedConfig } from '../run/run-writer.js';
import { shareOf } from '../team/shares.js';
import { PASS_SIZE, passCount } from '../team/team-protocol.js';
import type { Identity } from './identity.js';

export type RankCommand =
  /** Go on waiting: another rank loads the data, which may take longer than a rank may be silent. */
  | { type: 'wait' }
  /** A run begins: load its data, and send `LoadReport`s. `flags`: those that rank 0 was given. */
  | { type: 'run'; config: PlacedConfig; flags: Record<string, unknown> }
  /** Open a backend, and report. The answer is an `OpenReport`. */
  | { type: 'open'; precision: Precision | 'mixed' }
  /** All reports agree: open the engine. */
  | { type: 'go' }
  /** Train. The order of the epoch and the learning rates follow. */
  | ({ type: 'train'; sequences: number; batches: number } & Omit<EpochPlan, 'order' | 'learningRates'>)
  /** Evaluate a share of the indices that follow. Logits and losses go back. */
  | { type: 'evaluate'; part: Part; count: number }
  /** The parameters and the optimiser's vectors follow. */
  | { type: 'load' }
  /** Send the range of the optimiser's vectors that this rank updates. */
  | { type: 'save' }
  /** Close the engine. */
  | { type: 'close' }
  | { type: 'end'; code: number };

/** From each rank, after `run`: `loading` every while, and at last `loaded`, also if it cannot. */
export type LoadReport = { type: 'loading' | 'loaded' };

/** From each rank, after `open`. */
export type OpenReport = { identity: Identity } | { error: string };

/** The sequences of an evaluation that a rank answers: whole passes. */
export function answeredBy(rank: number, ranks: number, count: number): { begin: number; end: number } {
  const { from, to } = shareOf(0, passCount(count), rank, ranks);
  return { begin: Math.min(count, from * PASS_SIZE), end: Math.min(count, to * PASS_SIZE) };
}
