/** What the threads of a team know of the ranks of an MPI job. */

/** What the cut of a batch depends on; the same in all ranks. */
export interface Cut {
  ranks: number;
  /** Of the rank with the most threads. */
  threads: number;
  /** Of the training. */
  batchSize: number;
  /** P */
  parameters: number;
}

/** Shared with the thread that speaks MPI. */
export interface Link {
  words: Int32Array;
  /** [messages, MESSAGE_WIDTH] */
  plan: Float64Array;
  /** The buffers that a plan names by number. */
  buffers: SharedArray[];
}
type SharedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** What ranks share out: handed to every thread of a team. */
export interface RankMember {
  rank: number;
  cut: Cut;
  link: Link;
  /** [shards of a round] each [parameters of this rank's range]: shards of the other ranks. */
  received: Float32Array[];
  /** [parameters of this rank's range] the sum so far. */
  sum: Float32Array;
  /** [ranks] 1 where a rank wants to stop. */
  stops: Int32Array;
}
