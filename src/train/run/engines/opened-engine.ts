/** What the engine of a run or an evaluation is opened for, and what is opened. */
import type { Augmentation } from '../../../data/augmentation.js';
import type { Dataset, Preprocessing } from '../../../data/input-kind.js';
import type { ResolvedClassifierConfig } from '../../../model/classifier-config.js';
import type { Precision } from '../../../model/workspace.js';
import type { TrainConfig } from '../../config/options.js';
import type { Engine, UpdateSettings } from '../../engine.js';
import type { Identity } from '../../mpi/identity.js';
import type { RankGroup, Team } from '../../team/team.js';
import type { StartThread } from '../../team/threads/threads.js';

export interface RunEngineOptions {
  backend: TrainConfig['backend'];
  /** Null: one a core. */
  threads: number | null;
  dataset: Dataset;
  preprocessing: Preprocessing;
  model: ResolvedClassifierConfig;
  /** Default float32. `mixed`: the 16-bit precision that is faster on the backend. */
  precision?: Precision | 'mixed';
  /** Null: only evaluate. */
  training: (UpdateSettings & { augmentation: Augmentation }) | null;
  /** In an MPI job: the ranks that train together. */
  ranks?: RunRanks | null;
  /** Starts the threads of the processor's engine; default: new ones. */
  startThread?: StartThread;
}

/** The ranks of an MPI job, as one of them opens its engine. */
export interface RunRanks {
  /** Threads of this process where the user names no number. */
  readonly defaultThreads: number;
  /** Lines for the user. */
  readonly notices: string[];
  /**
   * Compares this rank with the others.
   * @throws UserError that names what differs
   */
  agree(own: Identity, precision: Precision | 'mixed'): Promise<RankGroup>;
  /** The engine of the run, on the team of this rank. */
  engineOn(team: Team, classes: number): Engine;
}

export interface OpenedEngine {
  engine: Engine;
  precision: Precision;
  /** For the user: a line for each backend that is not available, or why a backend was chosen. */
  notices: string[];
  /** Closes engine and backend. */
  close(): Promise<void>;
}
