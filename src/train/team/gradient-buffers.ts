/** How many buffers for gradients a team needs. */
import type { Cut } from './rank-member.js';
import { cutRounds, unitsOf } from './rounds.js';
import { bufferCount, usefulThreads } from './units.js';

export interface GradientBuffers {
  /** Each of P parameters. */
  gradients: number;
  /** In an MPI job, each of this rank's range of the parameters; besides one more for the sum. */
  received: number;
}

/** @param cut null: the process trains alone */
export function gradientBuffers(
  batchSize: number,
  threads: number,
  parameters: number,
  cut: Cut | null,
): GradientBuffers {
  const useful = usefulThreads(batchSize, threads);
  if (!cut) return { gradients: bufferCount(batchSize, useful, parameters), received: 0 };
  const rounds = cutRounds(batchSize, cut);
  const { perShard } = unitsOf(rounds, batchSize, useful);
  return { gradients: rounds.perRank * perShard, received: Math.min(rounds.perRound, rounds.shards.count) };
}
