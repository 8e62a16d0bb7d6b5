/** Rank 0 of an MPI job: begins the runs of all ranks, and ends the job. */
import { availableParallelism, cpus } from 'node:os';
import type { Precision } from '../../model/workspace.js';
import { UserError } from '../../user-error.js';
import type { Engine } from '../engine.js';
import type { LoadingEvent } from '../events.js';
import type { RunRanks } from '../run/engines/opened-engine.js';
import type { PlacedConfig } from '../run/run-writer.js';
import type { RankGroup, Team } from '../team/team.js';
import type { OpenReport, RankCommand } from './commands.js';
import { type Identity, refuseMixture } from './identity.js';
import { LeadEngine } from './lead-engine.js';
import { loadInTurn } from './load-in-turn.js';
import type { Ranks } from './ranks.js';

export class Lead implements RunRanks {
  /** Whether the other ranks wait for a command. */
  #idle = true;

  /** @param flags of the command line, which all ranks must have been given */
  constructor(
    readonly ranks: Ranks,
    readonly flags: Record<string, unknown>,
  ) {}

  get defaultThreads(): number {
    return threadsBeside(this.ranks);
  }

  get notices(): string[] {
    const { size, place } = this.ranks;
    const hosts = [...new Set(place.hosts)];
    const where =
      hosts.length === 1
        ? `on ${hosts[0]}`
        : `on ${hosts.length} hosts (${hosts.slice(0, 4).join(', ')}${hosts.length > 4 ? ', …' : ''})`;
    return [`MPI: ${size} ranks ${where} train together`];
  }

  engineOn(team: Team, classes: number): Engine {
    return new LeadEngine(team, this, classes);
  }

  /** Loads the data of a run on all ranks: first `loading` here, then on the others. */
  async *loadInTurn<R>(
    config: PlacedConfig,
    loading: AsyncGenerator<LoadingEvent, R>,
  ): AsyncGenerator<LoadingEvent, R> {
    let begun = { ended: () => {} };
    const loaded = yield* loadInTurn(this.ranks, { type: 'run', config, flags: this.flags }, loading, () => {
      begun = this.begin();
    });
    begun.ended();
    return loaded;
  }

  /**
   * Compares the ranks, all of which have now loaded the data and opened a backend.
   * @throws UserError that names what differs, or why a rank cannot begin
   */
  async agree(own: Identity, precision: Precision | 'mixed'): Promise<RankGroup> {
    const { ranks } = this;
    const begun = this.begin();
    await ranks.send({ type: 'open', precision } satisfies RankCommand);
    const identities = new Map<number, Identity>();
    const errors: string[] = [];
    for (const rank of ranks.others) {
      const report = (await ranks.receive(rank)) as OpenReport;
      if ('error' in report) errors.push(`${ranks.nameOf(rank)}: ${report.error}`);
      else identities.set(rank, report.identity);
    }
    begun.ended();
    if (errors.length > 0) throw new UserError(errors.join('; '));
    refuseMixture(own, identities, (rank) => ranks.nameOf(rank));
    await this.#send({ type: 'go' });
    return groupOf(ranks);
  }

  /** Marks that the other ranks carry out a command; without `ended` the job must be aborted. */
  begin(): { ended(): void } {
    this.#idle = false;
    return {
      ended: () => {
        this.#idle = true;
      },
    };
  }

  /** Does what all ranks take part in. */
  async together(work: () => Promise<void>): Promise<void> {
    const begun = this.begin();
    await work();
    begun.ended();
  }

  async ifIdle(work: () => Promise<void>): Promise<void> {
    if (this.#idle) await work();
  }

  /** Ends the job with an exit code: in order if the other ranks wait for a command, else at once. */
  async end(code: number): Promise<void> {
    if (!this.#idle) await this.ranks.abort(code);
    await this.#send({ type: 'end', code });
    await this.ranks.finalize(code);
  }

  async #send(command: RankCommand): Promise<void> {
    await this.together(() => this.ranks.send(command));
  }
}

/**
 * Threads of a rank where the user names no number: the cores that the launcher bound it to, and no more than its part
 * of the machine.
 */
export function threadsBeside({ place }: Ranks): number {
  return Math.min(availableParallelism(), Math.max(1, Math.floor(cpus().length / place.localSize)));
}

/** The ranks as a team sees them. */
export function groupOf(ranks: Ranks): RankGroup {
  return { rank: ranks.rank, ranks: ranks.size, serve: (link) => ranks.serve(link) };
}
