/** Opens the engine of a run or an evaluation on threads of the processor. */

import { availableParallelism } from 'node:os';
import type { HostChoice } from '../../../backends/backend-names.js';
import { openBackend } from '../../../backends/open-node.js';
import { mixedPrecisionOn } from '../../../backends/stored.js';
import { partsOf } from '../../../data/sources.js';
import { shortageOf } from '../../../formats/shortage.js';
import { UserError } from '../../../user-error.js';
import { identityOf } from '../../mpi/identity.js';
import { openTeam, type TeamOptions } from '../../team/team.js';
import { teamBytes } from '../../team/team-memory.js';
import { startNodeThread, WaitingThreads } from '../../team/threads/threads-node.js';
import { addressSpaceLimit, openFilesLimit, processStatus } from '../process-status.js';
import type { OpenedEngine, RunEngineOptions } from './opened-engine.js';

/** @throws UserError when the backend or its threads cannot be opened */
export async function openHostEngine(options: RunEngineOptions, choice: HostChoice): Promise<OpenedEngine> {
  const { dataset, preprocessing, model, precision: wanted = 'float32', training, ranks = null } = options;
  const notices: string[] = [];
  const threads = options.threads ?? ranks?.defaultThreads ?? availableParallelism();
  const backend = await openBackend(choice, (line) => notices.push(line));
  const precision = wanted === 'mixed' ? mixedPrecisionOn(backend) : wanted;
  const team: Omit<TeamOptions, 'startThread'> = {
    backend,
    threads,
    model,
    precision,
    training,
    parts: partsOf(dataset, preprocessing),
  };
  try {
    checkAddressSpace(team);
    if (ranks) {
      const own = identityOf(dataset, `${backend.name} (${backend.description})`);
      team.ranks = await ranks.agree(own, wanted);
      notices.push(...ranks.notices);
    }
    const opened = await openTeam({ ...team, startThread: options.startThread ?? startNodeThread });
    const engine = ranks ? ranks.engineOn(opened, model.numClasses) : opened;
    const close = async () => {
      await engine.close();
      backend.close();
    };
    return { engine, precision, notices, close };
  } catch (error) {
    const explained = explainShortage(error, team);
    backend.close();
    throw explained;
  }
}

/** Open files that the process needs, and each thread while it starts. Measured on Linux with 1 to 16 threads. */
const PROCESS_FILES = 100;
const THREAD_FILES = 28;
/** Address space that V8 reserves for a thread. Measured on Linux: 540 to 670 MB. */
const THREAD_ADDRESS_BYTES = 640 * 2 ** 20;

/**
 * Starts the threads of an engine that is opened after the data are loaded. Under a limit that they could reach, none:
 * opening the engine explains it.
 * @param threads null: one a core
 */
export function startThreadsAhead(threads: number | null): WaitingThreads {
  const count = threads ?? availableParallelism();
  const files = openFilesLimit();
  const isLimited =
    addressSpaceLimit() !== null || (files !== null && files < PROCESS_FILES + THREAD_FILES * count);
  return new WaitingThreads(isLimited ? 0 : count);
}

/**
 * Refuses more threads than a limit of the address space (ulimit -v) allows: V8 ends the whole process when it cannot
 * reserve the space for a thread. Linux only.
 */
function checkAddressSpace(team: Omit<TeamOptions, 'startThread'>): void {
  const limit = addressSpaceLimit();
  const used = processStatus('VmSize');
  if (limit === null || used === null) return;
  const needed = 1024 * used + team.threads * THREAD_ADDRESS_BYTES + teamBytes(team);
  if (needed <= limit) return;
  const megabytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MB`;
  throw new UserError(
    `train: ${countThreads(team.threads)} and Node.js need about ${megabytes(needed)} of address space; the limit is ` +
      `${megabytes(limit)}; raise it (ulimit -v), or use fewer threads`,
    { settings: ['threads'] },
  );
}

function countThreads(threads: number): string {
  return threads === 1 ? 'a thread' : `${threads} threads`;
}

/** Turns a lack of open files or of memory into a UserError that says how much is needed; returns any other error. */
function explainShortage(error: unknown, team: Omit<TeamOptions, 'startThread'>): unknown {
  const { threads } = team;
  const what = `train: cannot start ${countThreads(threads)}`;
  switch (shortageOf(error)) {
    case null:
      return error;
    case 'files':
      return new UserError(
        `${what}: too many files are open; about ${PROCESS_FILES + THREAD_FILES * threads} are needed: ` +
          'raise the limit (ulimit -n), or use fewer threads',
        { settings: ['threads'] },
      );
    case 'memory':
      return new UserError(
        `${what}: there is not enough memory; the network needs ${Math.ceil(teamBytes(team) / 2 ** 20)} MB besides ` +
          'Node.js and the data: close other programs, raise the limit (ulimit -v), use fewer threads, or a smaller network',
        { settings: ['threads', 'hiddenSize'] },
      );
  }
}
