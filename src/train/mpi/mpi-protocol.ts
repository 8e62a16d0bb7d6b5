/** What the main thread and the thread that speaks MPI tell each other. */
import type { Link } from '../team/rank-member.js';
import type { Place } from './mpi-addon.js';

export interface MpiStart {
  /** Of the addon. */
  path: string;
  /** [1] 1: what is under way ends, because the job does. */
  cancel: Int32Array;
  /** After so long without an end of a transfer a rank counts as hanging. */
  seconds: number;
}

/** Bytes on shared memory, from or to another rank. */
export interface WireMessage {
  receives: boolean;
  peer: number;
  bytes: ArrayBufferView;
}

export type MpiRequest =
  | { type: 'transfer'; messages: WireMessage[] }
  | { type: 'serve'; link: Link }
  | { type: 'finalize' }
  | { type: 'abort'; code: number };

/** Requests are answered in their order. */
export interface MpiReply {
  type: 'ready' | 'reply';
  place?: Place;
  /** Ranks that did not answer in time; []: the transfer was cancelled. */
  missing?: number[];
  /** What MPI says. */
  error?: string;
}
