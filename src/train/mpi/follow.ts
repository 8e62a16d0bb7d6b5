/**
 * Ranks 1 … of an MPI job: they load the data, open a team, and carry out what rank 0 commands (lead-engine.ts). They
 * print nothing and write no files.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Dataset } from '../../data/input-kind.js';
import { sharedBytes } from '../../shared-memory.js';
import { UserError } from '../../user-error.js';
import { flagName } from '../config/option.js';
import type { OptionKey } from '../config/options.js';
import { Diverged, type EpochPlan } from '../engine.js';
import { openHostEngine } from '../run/engines/host-engine.js';
import type { RunRanks } from '../run/engines/opened-engine.js';
import { hostBackend } from '../run/engines/run-engine.js';
import { loadRunData, planRun, type RunPlan } from '../run/run-plan.js';
import type { PlacedConfig } from '../run/run-writer.js';
import { rangeOf } from '../team/shares.js';
import type { Team } from '../team/team.js';
import { answeredBy, type OpenReport, type RankCommand } from './commands.js';
import { groupOf, threadsBeside } from './lead.js';
import { reportLoading } from './load-in-turn.js';
import type { Ranks } from './ranks.js';

/** Rank 0 has ended the job. */
class JobEnd extends Error {
  override readonly name = 'JobEnd';
  constructor(readonly code: number) {
    super(`the job ends with code ${code}`);
  }
}

/** What a rank needs to open its engine; or why it cannot. */
type Prepared = { dataset: Dataset; plan: RunPlan<PlacedConfig>; error?: undefined } | { error: Error };

/**
 * Follows rank 0 to the end of the job.
 * @param flags of the command line: those of rank 0 must be the same
 * @returns the exit code
 * @throws what keeps this rank from going on while the others expect it to: the job must be aborted
 */
export async function follow(ranks: Ranks, flags: Record<string, unknown>): Promise<number> {
  try {
    for (;;) {
      const command = await receive(ranks);
      if (command.type !== 'run') throw unexpected(command);
      await followRun(ranks, await reportLoading(ranks, prepare(command, flags)));
    }
  } catch (error) {
    if (!(error instanceof JobEnd)) throw error;
    await ranks.finalize(error.code);
    return error.code;
  }
}

/** The next command that is something to do. @throws JobEnd */
async function receive(ranks: Ranks): Promise<RankCommand> {
  for (;;) {
    const command = (await ranks.receive(0)) as RankCommand;
    if (command.type === 'end') throw new JobEnd(command.code);
    if (command.type !== 'wait') return command;
  }
}

function unexpected({ type }: RankCommand): Error {
  return new Error(`train: rank 0 sent the command ${type} out of order`);
}

async function prepare(
  { config, flags }: RankCommand & { type: 'run' },
  own: Record<string, unknown>,
): Promise<Prepared> {
  try {
    refuseOtherFlags(own, flags);
    const dataset = await loadRunData(config);
    return { dataset, plan: planRun(config, dataset) };
  } catch (error) {
    return { error: error as Error };
  }
}

/** @throws UserError naming an option that was given to this rank otherwise than to rank 0 */
function refuseOtherFlags(own: Record<string, unknown>, lead: Record<string, unknown>): void {
  const sent = JSON.parse(JSON.stringify(own));
  const key = Object.keys({ ...sent, ...lead }).find((each) => !isDeepStrictEqual(sent[each], lead[each]));
  if (key === undefined) return;
  const shown = (value: unknown) => (value === undefined ? 'not given' : String(value));
  throw new UserError(
    `train: --${flagName(key as OptionKey)} is ${shown(sent[key])} here and ${shown(lead[key])} on rank 0; give all ranks the same options`,
  );
}

async function followRun(ranks: Ranks, prepared: Prepared): Promise<void> {
  const command = await receive(ranks);
  if (command.type !== 'open') throw unexpected(command);
  let reported = false;
  const report = async (value: OpenReport) => {
    reported = true;
    await ranks.send(value, [0]);
  };
  const follower: RunRanks = {
    defaultThreads: threadsBeside(ranks),
    notices: [],
    agree: async (identity) => {
      await report({ identity });
      const answer = await receive(ranks);
      if (answer.type !== 'go') throw unexpected(answer);
      return groupOf(ranks);
    },
    engineOn: (team) => team,
  };
  const open = async () => {
    if (prepared.error) throw prepared.error;
    const { dataset, plan } = prepared;
    const { config, preprocessing, model, training } = plan;
    const { backend, threads } = config;
    const { precision } = command;
    return openHostEngine(
      { backend, threads, dataset, preprocessing, model, precision, training, ranks: follower },
      hostBackend(backend),
    );
  };
  const opened = await open().catch((error: Error) => error);
  if (opened instanceof Error) {
    if (reported) throw opened;
    await report({ error: opened.message });
    throw unexpected(await receive(ranks)); // rank 0 ends the job
  }
  try {
    await followEngine(ranks, opened.engine as Team);
  } finally {
    await opened.close();
  }
}

/** Carries out the commands of LeadEngine. */
async function followEngine(ranks: Ranks, team: Team): Promise<void> {
  for (;;) {
    const command = await receive(ranks);
    switch (command.type) {
      case 'train':
        await train(ranks, team, command);
        break;
      case 'evaluate':
        await evaluate(ranks, team, command);
        break;
      case 'load':
        await ranks.transfer(team.vectors.map((bytes) => ({ receives: true, peer: 0, bytes })));
        break;
      case 'save': {
        const [, ...optimizer] = team.vectors;
        const own = optimizer.map((vector) => {
          const { begin, end } = rangeOf(ranks.rank, ranks.size, vector.length);
          return { receives: false, peer: 0, bytes: vector.subarray(begin, end) };
        });
        await ranks.transfer(own);
        break;
      }
      case 'close':
        return;
      default:
        throw unexpected(command);
    }
  }
}

/** The signal of calls that only rank 0 stops. */
const NEVER = new AbortController().signal;

async function train(ranks: Ranks, team: Team, command: RankCommand & { type: 'train' }): Promise<void> {
  const order = new Int32Array(sharedBytes(4 * command.sequences));
  const learningRates = new Float64Array(sharedBytes(8 * command.batches));
  await ranks.transfer([order, learningRates].map((bytes) => ({ receives: true, peer: 0, bytes })));
  const plan: EpochPlan = { ...command, order, learningRates };
  try {
    for await (const _ of team.train(plan, NEVER));
  } catch (error) {
    if (!(error instanceof Diverged)) throw error; // rank 0 reports it
  }
}

async function evaluate(
  ranks: Ranks,
  team: Team,
  { part, count }: RankCommand & { type: 'evaluate' },
): Promise<void> {
  const indices = new Int32Array(sharedBytes(4 * count));
  await ranks.transfer([{ receives: true, peer: 0, bytes: indices }]);
  const { begin, end } = answeredBy(ranks.rank, ranks.size, count);
  const own = indices.subarray(begin, end);
  if (own.length === 0) return;
  const losses = new Float32Array(sharedBytes(4 * own.length));
  let logits: Float32Array | null = null;
  for await (const answers of team.evaluate(part, own, NEVER)) {
    const classes = answers.logits.length / answers.losses.length;
    logits ??= new Float32Array(sharedBytes(4 * own.length * classes));
    logits.set(answers.logits, answers.first * classes);
    losses.set(answers.losses, answers.first);
  }
  if (!logits) throw new Error('evaluate: the team gave no answers');
  await ranks.transfer([logits, losses].map((bytes) => ({ receives: false, peer: 0, bytes })));
}
