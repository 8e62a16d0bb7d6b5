/**
 * From what the user typed to the runs that follow: the configuration, the folder, the checkpoint to go on from, and
 * one run for each seed.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder } from '../formats/files.js';
import { readSummary, writeConfig } from '../runs/run-files.js';
import { RUN_FILES, type RunSummary } from '../runs/run-folder.js';
import { findCheckpoint, NEWEST, newRunFolder, refuseOldRun, seedFolder } from '../runs/run-path.js';
import { readConfigFile } from '../train/config/config-file.js';
import { configToDisk, givenOptions, resolveConfig, type TrainConfig } from '../train/config/run-config.js';

/** A configuration whose run has its place: loadCp is null or the path of a checkpoint. */
export type PlacedConfig = TrainConfig & { savingPath: string };

/**
 * The configuration of `scanstroke train`. A resumed run has the configuration that it was started with, unless a
 * preset is named; flags and file go over it.
 *
 * @param configPath `--config`
 * @param flags the options given, as commander has them
 * @throws UserError for what is wrong in them, for a folder that holds a run already, and if there is nothing to
 * go on from
 */
export async function configure(
  configPath: string | undefined,
  flags: Readonly<Record<string, unknown>>,
): Promise<PlacedConfig> {
  const file = configPath === undefined ? undefined : await readConfigFile(configPath);
  const { loadCp = null, savingPath = null } = givenOptions({ file, flags });
  if (loadCp === null) {
    const config = resolveConfig({ file, flags });
    const folder = savingPath ?? newRunFolder(config.preset, new Date());
    refuseOldRun(folder);
    return { ...config, savingPath: folder };
  }
  const given = loadCp === NEWEST ? (savingPath ?? NEWEST) : loadCp;
  const { folder, checkpoint } = findCheckpoint('train: --load-cp', given, 'resume');
  const saved = join(dirname(checkpoint), RUN_FILES.config);
  const base = existsSync(saved) ? resolveConfig({ file: await readConfigFile(saved) }) : undefined;
  return { ...resolveConfig({ base, file, flags }), savingPath: savingPath ?? folder, loadCp: checkpoint };
}

/** One run of several seeds: still to be made, or the summary of one that has ended. */
export type SeedRun = { config: PlacedConfig } | { summary: RunSummary };

/**
 * The runs of a configuration: itself, or one for each seed in a folder of its own. Then the configuration of all is
 * written, so that `--load-cp` finds it; what has ended before an interruption is not trained again.
 */
export async function seedRuns(config: PlacedConfig): Promise<SeedRun[]> {
  if (config.seeds === 1) return [{ config }];
  await makeFolder(config.savingPath);
  await writeConfig(config.savingPath, configToDisk(config));
  return Promise.all(
    Array.from({ length: config.seeds }, (_, index) => seedRun(config, config.seedNumber + index)),
  );
}

async function seedRun(config: PlacedConfig, seed: number): Promise<SeedRun> {
  const folder = seedFolder(config.savingPath, seed);
  const has = (name: string) => existsSync(join(folder, name));
  if (config.loadCp !== null && has(RUN_FILES.summary)) return { summary: await readSummary(folder) };
  const loadCp = config.loadCp !== null && has(RUN_FILES.last) ? join(folder, RUN_FILES.last) : null;
  return { config: { ...config, seedNumber: seed, seeds: 1, savingPath: folder, loadCp } };
}
