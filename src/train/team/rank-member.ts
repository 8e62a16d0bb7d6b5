/** What the threads of a team know of the ranks of an MPI job. */

/** A process among those of an MPI job. */
export interface Rank {
  rank: number;
  /** How many there are. */
  ranks: number;
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
export interface RankMember extends Rank {
  link: Link;
  /** [sums of other ranks] each [parameters of this rank's range]. */
  received: Float32Array[];
  /** [ranks] 1 where a rank wants to stop. */
  stops: Int32Array;
}
