/** Opens the engine of a run or an evaluation in Node.js: backend, threads and the sequences of every part. */
import { availableParallelism } from 'node:os';
import { openBackend } from '../../backends/open-node.js';
import type { Augmentation } from '../../data/augmentation.js';
import type { Dataset, Preprocessing } from '../../data/input-kind.js';
import { partsOf } from '../../data/sources.js';
import type { ResolvedClassifierConfig } from '../../model/classifier-config.js';
import type { Precision } from '../../model/workspace.js';
import type { TrainConfig } from '../config/options.js';
import type { Engine, UpdateSettings } from '../engine.js';
import { openTeam } from '../team/team.js';
import { startNodeThread } from '../team/threads-node.js';

export interface RunEngineOptions {
  backend: TrainConfig['backend'];
  /** Null: one a core. */
  threads: number | null;
  dataset: Dataset;
  preprocessing: Preprocessing;
  model: ResolvedClassifierConfig;
  /** Default float32. */
  precision?: Precision;
  /** Null: only evaluate. */
  training: (UpdateSettings & { augmentation: Augmentation }) | null;
}

export interface RunEngine {
  engine: Engine;
  /** For the user, a line for each backend that is not available. */
  notices: string[];
  /** Closes engine and backend. */
  close(): Promise<void>;
}

/** @throws UserError when the backend cannot be opened */
export async function openRunEngine(options: RunEngineOptions): Promise<RunEngine> {
  const { dataset, preprocessing, model, precision, training } = options;
  const notices: string[] = [];
  const backend = await openBackend(options.backend, (line) => notices.push(line));
  try {
    const engine = await openTeam({
      backend,
      threads: options.threads ?? availableParallelism(),
      startThread: startNodeThread,
      model,
      precision,
      parts: partsOf(dataset, preprocessing),
      training,
    });
    const close = async () => {
      await engine.close();
      backend.close();
    };
    return { engine, notices, close };
  } catch (error) {
    backend.close();
    throw error;
  }
}
