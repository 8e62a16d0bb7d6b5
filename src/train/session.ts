/** What a training and an evaluation have in common: data, model, backend and team, opened together. */
import { availableParallelism } from 'node:os';
import type { Backend } from '../backends/backend.js';
import { openBackend } from '../backends/open-node.js';
import { type Augmentation, NO_AUGMENTATION } from '../data/augmentation.js';
import type { Dataset, Preprocessing } from '../data/input-kind.js';
import { partsOf } from '../data/sources.js';
import type { ResolvedClassifierConfig } from '../model/classifier-config.js';
import type { Precision } from '../model/workspace.js';
import type { TrainConfig } from './config/options.js';
import type { ResolvedOptimizer } from './optimizer.js';
import { Team } from './team/team.js';
import { startNodeThread } from './team/threads-node.js';

export interface SessionOptions {
  backend: TrainConfig['backend'];
  /** Null: one a core. */
  threads: number | null;
  dataset: Dataset;
  preprocessing: Preprocessing;
  augmentation?: Augmentation;
  model: ResolvedClassifierConfig;
  /** Default float32. */
  precision?: Precision;
  /** Sequences that make one update. */
  batchSize: number;
  seed: number;
  optimizer: ResolvedOptimizer;
  maxNorm: number | null;
  labelSmoothing: number;
}

export interface Session {
  backend: Backend;
  team: Team;
  /** Backends that were passed over, and why. */
  notices: string[];
  close(): Promise<void>;
}

/** @throws UserError when the backend cannot be opened */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { dataset, preprocessing, model, batchSize, seed, optimizer, maxNorm, labelSmoothing } = options;
  const notices: string[] = [];
  const backend = await openBackend(options.backend, (line) => notices.push(line));
  const team = new Team({
    backend,
    model,
    precision: options.precision,
    batchSize,
    seed,
    optimizer,
    maxNorm,
    labelSmoothing,
    augmentation: options.augmentation ?? NO_AUGMENTATION,
    threads: options.threads ?? availableParallelism(),
    startThread: startNodeThread,
    data: partsOf(dataset, preprocessing),
  });
  const close = async () => {
    await team.close();
    backend.close();
  };
  return { backend, team, notices, close };
}
