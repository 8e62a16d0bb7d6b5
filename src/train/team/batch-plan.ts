/**
 * Who computes and adds what of a batch: waves of units in this process, and in an MPI job what its rank hands to the
 * others. Every thread makes the same plan.
 */
import type { Rank } from './rank-member.js';
import { type Run, shareOf } from './shares.js';
import { type Addition, append, type SumNode } from './sum-tree.js';
import { BUFFER_BYTES, cutBatch, sumsAreFaster, sumsPerPass, type Units, usefulThreads } from './units.js';

/** Units first … end - 1 are computed at once, each into a buffer of its own; then buffers are added. */
export interface Wave {
  first: number;
  end: number;
  /** The buffer of each unit. */
  buffers: number[];
  additions: Addition[];
}

export interface BatchPlan {
  units: Units;
  waves: Wave[];
  /** Gradient buffers that the waves of a whole batch use. */
  buffers: number;
  /** The buffer that the gradients of the batch are in at the end. */
  sum: number;
  /** Null: the process trains alone. */
  shared: SharedBatch | null;
}

/** What the ranks of an MPI job exchange for a batch. */
export interface SharedBatch {
  /** Of each rank: places of its sequences in the batch. */
  places: Run[];
  /**
   * The sums that the ranks have when all waves are done, in the order of the batch: those of other ranks are received
   * in buffers from `buffers` on.
   */
  sums: { rank: number; buffer: number }[];
  /** Of these sums. */
  additions: Addition[];
}

export interface TeamShape {
  /** Of the training; the last batch of an epoch has fewer sequences. */
  batchSize: number;
  threads: number;
  /** P */
  parameters: number;
}

/** @param rank null: the process trains alone */
export function planBatch(
  count: number,
  { batchSize, threads, parameters }: TeamShape,
  rank: Rank | null,
): BatchPlan {
  const useful = usefulThreads(batchSize, threads);
  if (rank) return planRank(count, { batchSize, threads: useful, parameters }, rank);
  const units = cutBatch(count, batchSize, useful);
  const whole = cutBatch(batchSize, batchSize, useful);
  const wholeRun = { from: 0, to: whole.count };
  const atOnce = unitsAtOnce(wholeRun, whole, useful, parameters);
  const { buffers } = planWaves(wholeRun, whole, atOnce);
  const { waves } = planWaves({ from: 0, to: units.count }, units, atOnce);
  return { units, waves, buffers, sum: 0, shared: null };
}

/**
 * A rank has a contiguous run of the batch's shards: of its passes, or of its sums where there are fewer passes than
 * ranks have use for. An incomplete batch is cut where a whole one is, so that it needs no more buffers.
 */
function planRank(
  count: number,
  { batchSize, threads, parameters }: TeamShape,
  { rank, ranks }: Rank,
): BatchPlan {
  const whole = cutBatch(batchSize, batchSize, ranks);
  const shards = cutBatch(count, batchSize, ranks);
  const wholeRuns = Array.from({ length: ranks }, (_, each) => shareOf(0, whole.count, each, ranks));
  const runs = wholeRuns.map((run) => shortened(run, shards.count));

  const wholeUnits = unitsOf(whole, batchSize, { ranks, threads });
  const units = unitsOf(shards, batchSize, { ranks, threads, count });
  const perShard = shards.size / units.size;
  const inUnits = ({ from, to }: Run) => ({ from: from * perShard, to: to * perShard });
  const wholeRun = shortened(inUnits(wholeRuns[rank]), wholeUnits.count);
  const atOnce = unitsAtOnce(wholeRun, wholeUnits, threads, parameters);
  const { buffers } = planWaves(wholeRun, wholeUnits, atOnce);
  const { waves, nodes } = planWaves(shortened(inUnits(runs[rank]), units.count), units, atOnce);

  const { sums, additions, sum } = joinSums(runs, shards, { rank, own: nodes, buffers });
  const places = runs.map(({ from, to }) =>
    shortened({ from: from * shards.size, to: to * shards.size }, count),
  );
  return { units, waves, buffers, sum, shared: { places, sums, additions } };
}

/**
 * The rest of the tree, from the sums of all ranks.
 * @param own sums of this rank; those of the others are received in buffers from `buffers` on
 */
function joinSums(
  runs: readonly Run[],
  shards: Units,
  { rank, own, buffers }: { rank: number; own: readonly SumNode[]; buffers: number },
): Pick<SharedBatch, 'sums' | 'additions'> & { sum: number } {
  const nodes: SumNode[] = [];
  const sums: SharedBatch['sums'] = [];
  const additions: Addition[] = [];
  let [next, received] = [0, buffers];
  for (const [each, run] of runs.entries()) {
    for (const { begin, end } of sumsOf(run, shards)) {
      const buffer = each === rank ? own[next++].buffer : received++;
      sums.push({ rank: each, buffer });
      additions.push(...append(nodes, { begin, end, buffer }, shards));
    }
  }
  return { sums, additions, sum: nodes[0].buffer };
}

function shortened({ from, to }: Run, end: number): Run {
  return { from: Math.min(end, from), to: Math.min(end, to) };
}

/** Sums that a rank receives. */
export function sumsOfOthers({ sums }: SharedBatch, rank: number): number {
  return sums.filter((sum) => sum.rank !== rank).length;
}

/** What a rank has when it has added all it can of its shards. */
function sumsOf({ from, to }: Run, shards: Units): SumNode[] {
  const nodes: SumNode[] = [];
  for (let shard = from; shard < to; shard++)
    append(nodes, { begin: shard, end: shard + 1, buffer: 0 }, shards);
  return nodes;
}

/** Units that the threads of a rank take: shards, or, with many threads, the sums of a shard that is a pass. */
function unitsOf(
  shards: Units,
  batchSize: number,
  { ranks, threads, count = batchSize }: { ranks: number; threads: number; count?: number },
): Units {
  const { sumSize, perPass } = shards;
  const perShard = sumsPerPass(sumSize);
  const sequences = Math.ceil(batchSize / ranks);
  if (perPass > 1 || perShard === 1 || !sumsAreFaster(sequences, sumSize, threads)) return shards;
  return { count: Math.ceil(count / sumSize), size: sumSize, perPass: perShard, sumSize };
}

/** As many for each thread as memory has buffers for, besides those of sums that wait for their neighbours. */
function unitsAtOnce(run: Run, units: Units, threads: number, parameters: number): number {
  const affordable = Math.floor(BUFFER_BYTES / (4 * parameters));
  if (run.to - run.from <= affordable) return run.to - run.from;
  let perThread = Math.max(1, Math.floor(affordable / threads));
  while (perThread > 1 && planWaves(run, units, perThread * threads).buffers > affordable) perThread--;
  return perThread * threads;
}

/** @returns waves of `atOnce` units, and the sums at the end, with the number of their buffer */
function planWaves(
  { from, to }: Run,
  units: Units,
  atOnce: number,
): { waves: Wave[]; nodes: SumNode[]; buffers: number } {
  const nodes: SumNode[] = [];
  const waves: Wave[] = [];
  const free: number[] = [];
  let buffers = 0;
  for (let first = from; first < to; first += atOnce) {
    const wave: Wave = { first, end: Math.min(to, first + atOnce), buffers: [], additions: [] };
    for (let unit = first; unit < wave.end; unit++) wave.buffers.push(free.pop() ?? buffers++);
    for (const [n, buffer] of wave.buffers.entries()) {
      const unit = first + n;
      wave.additions.push(...append(nodes, { begin: unit, end: unit + 1, buffer }, units));
    }
    free.push(...wave.additions.map(([, added]) => added));
    waves.push(wave);
  }
  return { waves, nodes, buffers };
}
