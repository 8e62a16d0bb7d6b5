/** How what is to be done is shared out over the ranks of an MPI job, or over the threads of a team. */
import { SLICE_LENGTH } from './team-protocol.js';

/** Numbers `from` … `to` - 1. */
export interface Run {
  from: number;
  to: number;
}

/** The run of one rank or thread of `first` … `end` - 1: contiguous, in their order, as even as possible. */
export function shareOf(first: number, end: number, index: number, of: number): Run {
  const at = (number: number) => first + Math.floor(((end - first) * number) / of);
  return { from: at(index), to: at(index + 1) };
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
