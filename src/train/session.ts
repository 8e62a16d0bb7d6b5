/** What a training and an evaluation have in common: data, model, backend and team, opened together. */
import { availableParallelism } from 'node:os';
import type { Backend } from '../backends/backend.js';
import { openBackend } from '../backends/open-node.js';
import type { ImageDataset } from '../data/datasets.js';
import type { Preprocessing } from '../data/sequence.js';
import type { ResolvedClassifierConfig } from '../model/config.js';
import type { ResolvedOptimizer } from './optimizer.js';
import type { TrainConfig } from './options.js';
import { Team } from './team.js';

export interface SessionOptions {
  backend: TrainConfig['backend'];
  /** Null: one a core. */
  threads: number | null;
  dataset: ImageDataset;
  preprocessing: Preprocessing;
  model: ResolvedClassifierConfig;
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
    ...{ backend, model, batchSize, seed, optimizer, maxNorm, labelSmoothing },
    threads: options.threads ?? availableParallelism(),
    data: {
      train: { name: dataset.name, examples: dataset.train, preprocessing },
      test: { name: dataset.name, examples: dataset.test, preprocessing },
    },
  });
  const close = async () => {
    await team.close();
    backend.close();
  };
  return { backend, team, notices, close };
}
