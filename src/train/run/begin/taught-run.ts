/** Writes a network that was taught from a project as a run, with the project beside it. Node.js only. */
import { join } from 'node:path';
import { type TaughtNetwork, type TeachProject, writeProject } from '../../../data/pens/project.js';
import { decodeCheckpoint } from '../../../runs/checkpoint/checkpoint.js';
import { RUN_FILES } from '../../../runs/run-folder.js';
import type { TrainConfig } from '../../config/options.js';
import { configToDisk, defaultConfig, givenOptions } from '../../config/run-config.js';
import { inputSettings, modelSettings } from './network-settings.js';
import { type NewRunPlace, writeNewRun } from './new-run.js';

/** Of a training that goes on from the run. */
const FURTHER = {
  optimizer: 'adam',
  learningRate: 1e-3,
  maxNorm: 1,
  batchSize: 8,
  schedule: 'constant',
} as const;

/**
 * Makes a run folder of a taught network: config.json, best.safetensors, last.safetensors, and project.json, which the
 * configuration names as the data. The run has no metrics and no summary: what is known of the network is in the
 * project. After a failure nothing is left.
 *
 * @param operation what messages begin with
 * @param project the drawings
 * @param network taught from them
 * @returns the folder
 * @throws UserError if the folder cannot be written
 */
export async function writeTaughtRun(
  operation: string,
  project: TeachProject,
  network: TaughtNetwork,
  place: NewRunPlace,
): Promise<string> {
  const best = decodeCheckpoint(network.checkpoint, `${operation}: the taught network`);
  const config = (folder: string) => {
    const flags: Partial<TrainConfig> = {
      ...inputSettings(best.preprocessing),
      ...modelSettings(best.model),
      ...FURTHER,
      data: join(folder, RUN_FILES.project),
      numEpochs: network.summary.epochs,
    };
    // The name of a preset would not say where the network comes from.
    const { preset: _, ...settings } = configToDisk({
      ...defaultConfig(),
      ...givenOptions({ flags }, operation),
    });
    return settings;
  };
  const run = { command: operation, folderSetting: 'runs', config, best, last: best };
  return writeNewRun({ ...run, project: writeProject({ ...project, network }) }, place);
}
