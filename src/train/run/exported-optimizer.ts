/** What an export for PyTorch needs of a run besides its checkpoint, which has the optimiser's vectors but not its settings. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { list, readAs, record, whole } from '../../formats/shape.js';
import { MAX_EPOCH_UPDATES } from '../../runs/limits.js';
import { readMetrics } from '../../runs/run-files.js';
import { RUN_FILES } from '../../runs/run-folder.js';
import { UserError } from '../../user-error.js';
import { readConfigFile } from '../config/config-file.js';
import type { TrainConfig } from '../config/options.js';
import { optimizerOf, rateOf } from '../config/plan.js';
import { recordedConfig } from '../config/run-config.js';
import { learningRates } from '../learning-rates.js';
import type { ResolvedOptimizer } from '../optimizer.js';

/** Where a training is: the members of its state that the learning rate depends on. */
interface Position {
  /** From 1. */
  epoch: number;
  /** Of the updates of this epoch so far. */
  losses: unknown[];
  batchSize: number;
  trainCount: number;
}
/** An epoch has at most trainCount updates, and each of them a rate. */
const position = record<Position>({
  epoch: whole(1),
  losses: list((value) => value, MAX_EPOCH_UPDATES),
  batchSize: whole(1),
  trainCount: whole(1, MAX_EPOCH_UPDATES),
});

/**
 * @param folder of the run
 * @param state of the training, in the checkpoint
 * @param checkpoint its path, for messages
 * @returns the optimiser's settings, with the learning rate of the next update; mean training loss of each complete epoch
 * @throws UserError if the folder has no configuration, or a file is damaged
 */
export async function optimizerToExport(
  folder: string,
  state: Record<string, unknown>,
  checkpoint: string,
): Promise<{ optimizer: ResolvedOptimizer; losses: number[] }> {
  const path = join(folder, RUN_FILES.config);
  if (!existsSync(path)) {
    throw new UserError(
      `export: the settings of the optimiser are in ${RUN_FILES.config}, which is not beside ${checkpoint}; give the run folder`,
    );
  }
  const config = recordedConfig(await readConfigFile(path));
  const metrics = existsSync(join(folder, RUN_FILES.metrics)) ? await readMetrics(folder) : [];
  const at = readAs(position, state, `${checkpoint}: the training state is damaged`);
  return {
    optimizer: { ...optimizerOf(config), lr: nextRate(config, at) },
    losses: metrics.filter(({ epoch }) => epoch < at.epoch).map(({ trainLoss }) => trainLoss),
  };
}

/** The learning rate of the next update; after the end of the training that of its last update. */
function nextRate(config: TrainConfig, { epoch, losses, batchSize, trainCount }: Position): number {
  const batches = Math.ceil(trainCount / batchSize);
  const isOver = epoch > config.numEpochs;
  const rates = learningRates(rateOf(config), config.numEpochs, batches, isOver ? config.numEpochs : epoch);
  return rates[isOver ? batches - 1 : Math.min(losses.length, batches - 1)];
}
