/**
 * How a batch is shared out over the ranks of an MPI job. A rank is a process with a team of its own.
 *
 * The batch is cut into shards: passes, or sums where there are fewer passes than ranks have use for (units.ts). Which,
 * depends on the batch and the number of ranks alone; the additions are those of one process in any case. Shards are
 * computed in rounds, so that memory is bounded: of each round every rank computes a contiguous run, and when the ranks
 * have exchanged them, each rank adds its slices of all shards in their order.
 */
import type { Cut } from './rank-member.js';
import { SLICE_LENGTH } from './team-protocol.js';
import { BUFFER_BYTES, cutBatch, sumsAreFaster, sumsPerPass, type Units } from './units.js';

export interface Rounds {
  shards: Units;
  /** Shards of a rank in a round, at most. */
  perRank: number;
  /** Shards of a round; whole passes. */
  perRound: number;
}

/** Rounds of a batch of `count` sequences. */
export function cutRounds(count: number, { ranks, threads, batchSize, parameters }: Cut): Rounds {
  const shards = cutBatch(count, batchSize, ranks);
  const whole = cutBatch(batchSize, batchSize, ranks).count;
  // Half of the bytes is for shards received from the other ranks.
  const affordable = Math.floor(BUFFER_BYTES / (8 * parameters));
  const atOnce = threads * Math.max(1, Math.floor(affordable / threads));
  const least = Math.ceil(shards.perPass / ranks);
  const perRank = Math.min(Math.ceil(whole / ranks), Math.max(least, atOnce));
  return {
    shards,
    perRank,
    perRound: Math.max(1, Math.floor((perRank * ranks) / shards.perPass)) * shards.perPass,
  };
}

/** The run of one rank of `first` … `end` - 1: contiguous, in the order of ranks, as even as possible. */
export function shareOf(
  first: number,
  end: number,
  rank: number,
  ranks: number,
): { from: number; to: number } {
  const at = (number: number) => first + Math.floor(((end - first) * number) / ranks);
  return { from: at(rank), to: at(rank + 1) };
}

/** Units that the threads of a rank take: shards, or, with many threads, the sums of a shard that is a pass. */
export function unitsOf(
  { shards, perRank }: Rounds,
  count: number,
  threads: number,
): { units: Units; perShard: number } {
  const { sumSize, perPass, size } = shards;
  const perShard = sumsPerPass(sumSize);
  if (perPass > 1 || perShard === 1 || !sumsAreFaster(perRank * size, sumSize, threads)) {
    return { units: shards, perShard: 1 };
  }
  return {
    units: { count: Math.ceil(count / sumSize), size: sumSize, perPass: perShard, sumSize },
    perShard,
  };
}

/** The parameters that a rank adds and updates, as numbers of slices and of parameters. */
export interface RankRange {
  firstSlice: number;
  endSlice: number;
  begin: number;
  end: number;
}

export function rangeOf(rank: number, ranks: number, parameters: number): RankRange {
  const { from, to } = shareOf(0, Math.ceil(parameters / SLICE_LENGTH), rank, ranks);
  const at = (slice: number) => Math.min(parameters, slice * SLICE_LENGTH);
  return { firstSlice: from, endSlice: to, begin: at(from), end: at(to) };
}
