/** The kill harness: trials at random, two at a time, until so many kills are done. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeSmallMnist } from '../../train/small-mnist.js';
import { settingsText } from './recipes.js';
import { Tally } from './tally.js';
import { runTrial, type TrialEnd } from './trial.js';
import { ALL, CLASSES, drawTrial, FEW, type PlanLimits, type Trial } from './trial-plan.js';
import { UndisturbedRuns } from './undisturbed.js';

const IMAGES = { train: 240, test: 40 };
const AT_A_TIME = 2;

export interface HarnessOptions {
  seed: number;
  /** Trials begin until this many processes were killed or interrupted; without such trials: disturbed. */
  kills: number;
  /** Empty. The files of trials with findings stay. */
  folder: string;
  limits?: PlanLimits;
  /** Called after every trial. */
  onTrial?: (trial: Trial, end: TrialEnd, tally: Tally) => void;
}

/** @returns the counts, and a text for each trial with findings */
export async function runHarness(options: HarnessOptions): Promise<{ tally: Tally; findings: string[] }> {
  const { seed, kills, limits = ALL, onTrial } = options;
  const tally = new Tally();
  const findings: string[] = [];
  const trialOf = trialRunner(options);
  let next = 0;
  const kill = limits.classes.some((each) => each === 'kills' || each === 'signals');
  const worker = async () => {
    while ((kill ? tally.kills : tally.disturbed) < kills) {
      const trial = drawTrial(seed, next++, limits);
      const { folder, end } = await trialOf(trial);
      tally.add(trial, end);
      if (end.findings.length > 0) findings.push(findingText(trial, end, folder, limits));
      else rmSync(folder, { recursive: true });
      onTrial?.(trial, end, tally);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return { tally, findings };
}

/** Prepares the data, and returns what runs a trial. */
export function trialRunner({ folder }: Pick<HarnessOptions, 'folder'>) {
  const mnist = writeSmallMnist(folder, IMAGES.train, IMAGES.test);
  const undisturbed = new UndisturbedRuns(folder, mnist);
  return async (trial: Trial): Promise<{ folder: string; end: TrialEnd }> => {
    const place = join(folder, `trial-${trial.number}`);
    return { folder: place, end: await runTrial(trial, await undisturbed.of(trial.settings), place, mnist) };
  };
}

/** What was found in a trial, and how to repeat it. */
export function findingText(trial: Trial, end: TrialEnd, folder: string, limits: PlanLimits = ALL): string {
  const only = limits.classes === CLASSES ? '' : ` --only ${limits.classes.join(',')}`;
  const few = limits.settings === FEW.settings ? ' --few' : '';
  return [
    `trial ${trial.seed}:${trial.number} (${settingsText(trial.settings)})`,
    ...end.findings.map((finding) => `  finding: ${finding}`),
    commandsText(end),
    `  files: ${folder}`,
    `  repeat: npm run kill -- --replay ${trial.seed}:${trial.number}${only}${few}`,
  ].join('\n');
}

/** The commands of a trial: how each was disturbed, and how it ended. */
export function commandsText({ commands }: TrialEnd): string {
  return commands
    .map(({ ran, result }) => {
      const { code, signal, stderr } = ran.outcome;
      const hit = ran.operations.find((operation) => operation.hit);
      const where = hit ? ` (${hit.operation} ${hit.path})` : '';
      const last = stderr.trimEnd().split('\n').at(-1) ?? '';
      const words = ran.arguments.join(' ');
      return `  scanstroke ${words}\n    ${ran.order}${where}: ${result}, ${signal ?? code}; last line: ${last}`;
    })
    .join('\n');
}
