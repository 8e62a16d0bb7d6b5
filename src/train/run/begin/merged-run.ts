/** Makes one run of several: a network whose logits are the mean of theirs (model/merge.ts). Node.js only. */
import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { kindOf } from '../../../data/kinds.js';
import { lookAt } from '../../../formats/file-errors.js';
import { readFileBounded } from '../../../formats/read-files.js';
import type { Checkpoint } from '../../../runs/checkpoint/checkpoint.js';
import { type Member, memberOf, mergedCheckpoint } from '../../../runs/checkpoint/merge-checkpoints.js';
import { networkInProject } from '../../../runs/checkpoint/project-network.js';
import { MAX_CHECKPOINT_BYTES } from '../../../runs/limits.js';
import { factsBeside } from '../../../runs/run-files.js';
import { RUN_FILES } from '../../../runs/run-folder.js';
import { findCheckpoint, isSeedFolder, seedFolders } from '../../../runs/run-path.js';
import { holdsSweep, isTrialFolder, trialFolders } from '../../../runs/sweep/sweep-folder.js';
import { readConfigFile } from '../../config/config-file.js';
import type { TrainConfig } from '../../config/options.js';
import { configToDisk, defaultConfig, givenOptions, recordedConfig } from '../../config/run-config.js';
import { inputSettings, modelSettings } from './network-settings.js';
import { type NewRunPlace, writeNewRun } from './new-run.js';

/** A run to merge. */
export interface MemberRun extends Member {
  path: string;
  /** Null for a checkpoint outside of a run folder. */
  config: TrainConfig | null;
  /** Share of correct answers on the test set, 0 to 1; null if the run has no summary. */
  testAccuracy: number | null;
}

/** The run that was made. */
export interface MergedRun {
  folder: string;
  checkpoint: Checkpoint;
  /** Lines for the user. */
  notices: string[];
}

/**
 * Reads the networks that paths mean: of a run its best checkpoint, of a folder of several seeds or of a sweep those of
 * all seeds or trials.
 * @throws UserError if one of them is none of these
 */
export async function readMembers(paths: readonly string[]): Promise<MemberRun[]> {
  const members: MemberRun[] = [];
  for (const given of paths) {
    for (const path of runsIn(given)) {
      const { folder, checkpoint } = findCheckpoint('merge', path, 'use');
      const bytes =
        networkInProject(checkpoint)?.checkpoint ??
        (await readFileBounded(checkpoint, 'the checkpoint', MAX_CHECKPOINT_BYTES));
      const member = await memberOf(memberName(checkpoint), bytes, checkpoint);
      const config = join(folder, RUN_FILES.config);
      members.push({
        ...member,
        path: checkpoint,
        config: existsSync(config) ? recordedConfig(await readConfigFile(config)) : null,
        testAccuracy: (await factsBeside(checkpoint)).testAccuracy,
      });
    }
  }
  return members;
}

/** The folders of the seeds or trials in a folder; of anything else, itself. */
function runsIn(path: string): string[] {
  if (lookAt(path) !== 'folder' || lookAt(join(path, RUN_FILES.best)) !== 'nothing') return [path];
  const runs = holdsSweep(path) ? trialFolders(path) : seedFolders(path);
  return runs.length > 0 ? runs : [path];
}

/**
 * `my-run`, `my-run/seed-1`, `my-sweep/trial-001`, `my-run/last.safetensors`: not the whole path, because others may get
 * the checkpoint.
 */
function memberName(checkpoint: string): string {
  const folder = dirname(resolve(checkpoint));
  const name = basename(folder);
  const run = isSeedFolder(name) || isTrialFolder(name) ? `${basename(dirname(folder))}/${name}` : name;
  const file = basename(checkpoint);
  return file === RUN_FILES.best ? run : `${run}/${file}`;
}

/**
 * Writes the merged network as a run, with the settings of its first member. After a failure nothing is left.
 * @param place where; without a folder it is runs/NAME-TIME
 * @throws UserError for members that cannot become one network (runs/checkpoint/merge-checkpoints.ts), and if the
 * folder holds a run or cannot be written
 */
export async function writeMergedRun(members: readonly MemberRun[], place: NewRunPlace): Promise<MergedRun> {
  const checkpoint = mergedCheckpoint(members);
  const config = configOf(members[0], checkpoint);
  const folder = await writeNewRun(
    { command: 'merge', folderSetting: 'savingPath', config, best: checkpoint, last: checkpoint },
    place,
  );
  return { folder, checkpoint, notices: otherData(members) };
}

/** config.json: that of the first member, with the sizes of the merged network. */
function configOf(first: MemberRun, { model, preprocessing }: Checkpoint): Record<string, unknown> {
  const flags = { ...inputSettings(preprocessing), ...modelSettings(model) };
  const sizes = givenOptions({ flags }, 'merge'); // A checkpoint of the library may have other sizes than a run.
  if (first.config !== null) return configToDisk({ ...first.config, ...sizes, seeds: 1 });
  const { preset: _, ...settings } = configToDisk({
    ...defaultConfig(),
    ...sizes,
    data: kindOf(preprocessing).defaultData,
  });
  return settings;
}

/** A line if the members were trained on different data: the test set is that of the first. */
function otherData(members: readonly MemberRun[]): string[] {
  const data = new Set(members.flatMap(({ config }) => (config === null ? [] : [config.data])));
  if (data.size <= 1) return [];
  return [
    `the networks were trained on different data: ${[...data].join(', ')}; the merged run has the data of the first`,
  ];
}
