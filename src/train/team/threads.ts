/**
 * How a team starts its threads: worker threads in Node.js (threads-node.ts), Web Workers in a page that is cross-origin
 * isolated and, in any other, none but the one that calls (threads-page.ts).
 */
import type { Backend } from '../../backends/backend.js';
import type { Command, TeamMember } from './team-protocol.js';

/** A thread of the team, as the main thread sees it. */
export interface Thread {
  /** Resolves when the command has been carried out; rejects with what went wrong. */
  run(command: Command): Promise<void>;
  end(): Promise<unknown>;
}

/** @param backend the main thread's, in whose memory all buffers of the member lie */
export type StartThread = (member: TeamMember, backend: Backend) => Thread;
