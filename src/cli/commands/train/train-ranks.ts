/**
 * `scanstroke train` in an MPI job: rank 0 is the command as ever, with the others' help; the other ranks follow it in
 * silence. However a rank ends, all end, with one exit code.
 */
import { follow } from '../../../train/mpi/follow.js';
import { Lead } from '../../../train/mpi/lead.js';
import { joinRanks, type Ranks, SilentEnd } from '../../../train/mpi/ranks.js';
import { explain } from '../../explain.js';
import type { Terminal } from '../../terminal/terminal.js';

/** @param train the command, with the other ranks; null: it computes alone. @returns the exit code */
export async function trainInJob(
  flags: Record<string, unknown>,
  terminal: Terminal,
  train: (ranks: Lead | null) => Promise<number>,
): Promise<number> {
  let ranks: Ranks | null = null;
  try {
    ranks = await joinRanks();
  } catch (error) {
    if (error instanceof SilentEnd) return error.code;
    throw error;
  }
  if (ranks === null) return train(null);
  if (ranks.rank > 0) return followJob(ranks, flags, terminal);
  const lead = ranks.size > 1 ? new Lead(ranks, flags) : null;
  let code: number;
  try {
    code = await train(lead);
  } catch (error) {
    code = explain(error, terminal);
  }
  if (lead) await lead.end(code);
  else await ranks.finalize(code);
  return code;
}

async function followJob(ranks: Ranks, flags: Record<string, unknown>, terminal: Terminal): Promise<number> {
  // Rank 0 gets the same signal, and stops all ranks after the same update.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
  try {
    return await follow(ranks, flags);
  } catch (error) {
    return ranks.abort(explain(error, terminal, `scanstroke: ${ranks.nameOf(ranks.rank)}`));
  }
}
