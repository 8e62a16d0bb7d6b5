/**
 * Resolves the flags of `scanstroke train`: the configuration, the run folder, the checkpoint to continue from, and one
 * run per seed.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../formats/files.js';
import { checkChartFormats, drawableFormats } from '../../report/charts/chart-packages.js';
import { readCheckpointHeader } from '../../runs/checkpoint/checkpoint-file.js';
import { readWholeSummary, writeConfig } from '../../runs/run-files.js';
import { RUN_FILES, type RunSummary } from '../../runs/run-folder.js';
import { originOf, removeOrigin, writeOrigin } from '../../runs/run-origin.js';
import {
  continuesIn,
  findCheckpoint,
  holdsRun,
  isBest,
  isSameFolder,
  NEWEST,
  newRunFolder,
  prepareRunFolder,
  refuseOldRun,
  seedFolder,
  seedFolders,
} from '../../runs/run-path.js';
import { refuseShipped } from '../../runs/shipped-models.js';
import type { ConfigFile } from '../../train/config/config-file.js';
import { OPTION_GROUPS, type OptionKey } from '../../train/config/options.js';
import {
  configToDisk,
  givenOptions,
  recordedConfig,
  resolveConfig,
  type TrainConfig,
} from '../../train/config/run-config.js';
import { UserError } from '../../user-error.js';

/** A configuration with its run folder; loadCp is null or the path of a checkpoint. */
export type PlacedConfig = TrainConfig & { savingPath: string };

/**
 * The configuration of `scanstroke train`. A resumed run keeps its saved configuration unless a preset is named; flags
 * and file override it.
 *
 * @param configPath `--config`
 * @param flags the given flags, by commander's names
 * @param notice receives a line if charts cannot be drawn in all formats that are the default
 *
 * Makes the folder of a new run in runs/, so that no other process takes it. A new training from the weights of a best
 * checkpoint is a new run.
 *
 * @throws UserError for an invalid option, for charts that cannot be drawn on this machine, for a folder that
 * holds another run, and if there is no checkpoint to continue from
 */
export async function configure(
  configPath: string | undefined,
  flags: Readonly<Record<string, unknown>>,
  notice: (line: string) => void,
): Promise<PlacedConfig> {
  const file = configPath === undefined ? undefined : await readConfigFile(configPath);
  const { loadCp = null, savingPath = null, chartFormat } = givenOptions({ file, flags });
  if (chartFormat) checkChartFormats(chartFormat); // now, not after the training
  if (loadCp === null) {
    const config = withDrawableCharts(resolveConfig({ file, flags }), notice);
    if (savingPath !== null) await prepareRunFolder(savingPath, null);
    return { ...config, savingPath: savingPath ?? newRunFolder(config.preset, new Date()) };
  }
  const given = loadCp === NEWEST ? (savingPath ?? NEWEST) : loadCp;
  const operation =
    given === loadCp ? 'train: --load-cp' : 'train: --load-cp without a path, so --saving-path';
  const found = findCheckpoint(operation, given, 'resume');
  const { folder } = found;
  // A file that is no checkpoint is refused before the data are read.
  if (found.checkpoint === given) await readCheckpointHeader(given);
  const base = await savedConfig(dirname(found.checkpoint));
  const config = withDrawableCharts(resolveConfig({ base, file, flags }), notice);
  const origin = await originOf(folder);
  if (origin !== null) notice(`${folder} was killed as it began; it begins again from ${origin}`);
  const checkpoint = origin ?? found.checkpoint;
  const isNew = isBest(found.checkpoint);
  if (savingPath !== null && (isNew || !isSameFolder(savingPath, folder)))
    await prepareRunFolder(savingPath, checkpoint);
  if (savingPath !== null) refuseShipped('train', savingPath);
  const target = savingPath ?? (isNew ? newRunFolder(config.preset, new Date()) : folder);
  const paths: Pick<PlacedConfig, 'savingPath' | 'loadCp'> = { savingPath: target, loadCp: checkpoint };
  return { ...config, ...paths };
}

/** Reads a configuration file. The parser of YAML is loaded only where there is one. */
async function readConfigFile(path: string): Promise<ConfigFile> {
  return (await import('../../train/config/config-file.js')).readConfigFile(path);
}

/** The configuration of the run in a folder; undefined if there is none. */
async function savedConfig(folder: string): Promise<TrainConfig | undefined> {
  const path = join(folder, RUN_FILES.config);
  return existsSync(path) ? recordedConfig(await readConfigFile(path)) : undefined;
}

/** Leaves out chart formats whose packages are not installed. */
function withDrawableCharts(config: TrainConfig, notice: (line: string) => void): TrainConfig {
  const chartFormat = drawableFormats(config.chartFormat);
  const missing = config.chartFormat.filter((format) => !chartFormat.includes(format));
  if (missing.length > 0) {
    notice(
      `charts as ${missing.join(' and ')} are left out; npm install --include=optional brings what draws them`,
    );
  }
  if (config.log.includes('tensorboard') && drawableFormats(['png']).length === 0) {
    notice('the log for TensorBoard has no pictures; npm install --include=optional brings what draws them');
  }
  return { ...config, chartFormat };
}

/**
 * The run of one seed: a configuration to train, and what to do when the run has begun with it; or the folder and summary
 * of a finished run.
 */
export type SeedRun =
  | { config: PlacedConfig; begun?: () => Promise<void> }
  | { folder: string; summary: RunSummary };

/**
 * The runs of a configuration: itself, or with several seeds one run per seed, each in its own folder. The common
 * configuration is written to the run folder, which must be locked, and where `--load-cp` finds it: of runs that go on
 * when the first of them has begun, for it may refuse the options. Seeds that finished before an interruption are not
 * trained again, unless the configuration now asks for more epochs.
 *
 * @throws UserError where one run would go on as several, or several as one: all would begin anew
 */
export async function seedRuns(config: PlacedConfig): Promise<SeedRun[]> {
  refuseOtherSeeds(config);
  if (config.seeds === 1) return [{ config }];
  const { savingPath, loadCp } = config;
  const keepConfig = () => writeConfig(savingPath, configToDisk(config));
  if (!continuesIn(savingPath, loadCp)) {
    await refuseOldRun(savingPath, null);
    for (const seed of seedsOf(config)) await beginSeed(config, seed);
    await keepConfig();
    return Promise.all(seedsOf(config).map((seed) => seedRun(config, seed)));
  }
  const before = await savedConfig(savingPath);
  const runs = await Promise.all(
    seedsOf(config).map(async (seed) => (await finishedRun(config, seed, before)) ?? seedRun(config, seed)),
  );
  if (runs.every((run) => 'summary' in run)) await keepConfig();
  return runs.map((run) => ('summary' in run ? run : { ...run, begun: keepConfig }));
}

function refuseOtherSeeds({ seeds, loadCp }: PlacedConfig): void {
  if (loadCp === null) return;
  const folder = dirname(loadCp);
  const [seed] = existsSync(folder) ? seedFolders(folder).filter(holdsRun) : [];
  // A folder with a run and with those of seeds was written by an older version: it goes on as it is asked to.
  if (existsSync(loadCp) === (seed !== undefined) || existsSync(loadCp) === (seeds === 1)) return;
  const problem =
    seeds === 1
      ? `${folder} holds the runs of several seeds; go on with all of them, or name one, such as ${seed}`
      : `${loadCp} is of one run, which cannot go on as ${seeds} runs; go on with one seed, or begin new runs`;
  throw new UserError(`train: ${problem}`, { settings: ['seeds', 'loadCp'] });
}

function seedsOf({ seeds, seedNumber }: PlacedConfig): number[] {
  return Array.from({ length: seeds }, (_, index) => seedNumber + index);
}

/** Notes the checkpoint from which a seed's run goes on in another folder: this process may be killed before. */
async function beginSeed({ savingPath, loadCp }: PlacedConfig, seed: number): Promise<void> {
  const folder = seedFolder(savingPath, seed);
  const checkpoint = loadCp === null ? null : await seedCheckpoint(dirname(loadCp), seed);
  if (checkpoint === null) {
    await removeOrigin(folder);
  } else {
    await makeFolder(folder);
    await writeOrigin(folder, checkpoint);
  }
}

/** The checkpoint of a seed's run within a run of several; null if it has not begun. */
async function seedCheckpoint(folder: string, seed: number): Promise<string | null> {
  const source = seedFolder(folder, seed);
  return (await originOf(source)) ?? (holdsRun(source) ? join(source, RUN_FILES.last) : null);
}

async function seedRun(config: PlacedConfig, seed: number): Promise<{ config: PlacedConfig }> {
  const folder = seedFolder(config.savingPath, seed);
  const loadCp = config.loadCp === null ? null : await seedCheckpoint(dirname(config.loadCp), seed);
  const own: Partial<PlacedConfig> = { seedNumber: seed, seeds: 1, savingPath: folder, loadCp };
  return { config: { ...config, ...own } };
}

/**
 * A seed's run that has nothing left to do; null if it trains on, or would be scored anew or refused, as with other data.
 * @param before the common configuration so far
 */
async function finishedRun(
  config: PlacedConfig,
  seed: number,
  before: TrainConfig | undefined,
): Promise<{ folder: string; summary: RunSummary } | null> {
  const folder = seedFolder(config.savingPath, seed);
  const summary = await readWholeSummary(folder);
  if (!summary || !isFinished(summary, config)) return null;
  const own = (await savedConfig(folder)) ?? before;
  const isOther = (key: OptionKey) =>
    own?.[key] !== config[key] && !(FITTED.includes(key) && before?.[key] === config[key]);
  return own && DECISIVE.some(isOther) ? null : { folder, summary };
}

/** Options that decide what a finished run is scored on, and whether it could go on. */
const DECISIVE = OPTION_GROUPS.filter(({ title }) =>
  ['Data', 'Augmentation', 'Model', 'Optimiser'].includes(title),
).flatMap(({ keys }) => keys);
/** Options that a run fits to its data: its own configuration has others than the common one. */
const FITTED: readonly OptionKey[] = ['sequenceLength', 'inputSize'];

/** Whether a run with this summary would train no further: the training loop's reasons to stop. */
function isFinished(
  { epochs, bestEpoch, bestValAccuracy }: RunSummary,
  { numEpochs, patience, targetAccuracy }: TrainConfig,
): boolean {
  return (
    epochs >= numEpochs ||
    (targetAccuracy !== null && bestValAccuracy >= targetAccuracy) ||
    (patience !== null && epochs - bestEpoch >= patience)
  );
}
