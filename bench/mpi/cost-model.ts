/**
 * What an update over MPI takes, on paper: the time of a rank's part of the batch, and the bytes that it sends over the
 * time of the network. Both directions of a network count as one: ranks send and receive at the same time.
 */
import { planBatch } from '#src/train/team/batch-plan.js';

/** Two ranks on a network. */
export interface Network {
  name: string;
  /** That a rank sends, while it receives as many. */
  bytesPerSecond: number;
  /** Seconds from the start of an exchange of a few bytes to its end. */
  latency: number;
}

/** One network card a rank. Latencies are those of TCP on a switched network, the order of magnitude, not measured. */
export const NETWORKS: readonly Network[] = [
  { name: '1 GbE', bytesPerSecond: 1.18e8, latency: 100e-6 },
  { name: '10 GbE', bytesPerSecond: 1.18e9, latency: 50e-6 },
  { name: '100 GbE', bytesPerSecond: 1.18e10, latency: 30e-6 },
];

export interface Job {
  ranks: number;
  /** Of a rank. */
  threads: number;
  batch: number;
  parameters: number;
}

/**
 * Bytes that a rank sends in an update, on average: its sums to those who add them, and its part of the new weights to
 * all.
 */
export function bytesSent({ ranks, threads, batch, parameters }: Job): number {
  const { shared } = planBatch(batch, { batchSize: batch, threads, parameters }, { rank: 0, ranks });
  const sums = shared?.sums.length ?? 0;
  return ((ranks - 1) / ranks) * (sums / ranks + 1) * 4 * parameters;
}

/** Exchanges of an update: sums, norms, weights. */
const EXCHANGES = 3;

/**
 * Seconds of an update.
 * @param computing seconds of an update of one rank's part of the batch, without MPI
 */
export function updateSeconds(job: Job, computing: number, { bytesPerSecond, latency }: Network): number {
  return computing + bytesSent(job) / bytesPerSecond + EXCHANGES * latency;
}
