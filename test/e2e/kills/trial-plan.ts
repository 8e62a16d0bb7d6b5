/** Draws the trials of the kill harness: everything about a trial is a function of the seed and its number. */
import { Random } from '#src/random.js';
import { FAULTS, type Fault, SIDES, SIGNALS, type Side, type Signal } from './disturbance.js';
import { ALL_SETTINGS, FEW_SETTINGS, type RunSettings } from './recipes.js';

/** Where in a command it is disturbed: a share of its undisturbed duration, or of its file operations. In [0, 1). */
type Share = number;

export type Disturbance =
  | { how: 'moment'; share: Share; signal: Signal /** Between two presses of Ctrl-C. */; gapMs: number }
  | { how: 'operation'; share: Share; side: Side; signal: Exclude<Signal, 'SIGINT twice'> }
  | { how: 'fault'; share: Share; fault: Fault; forever: boolean }
  | { how: 'rival'; share: Share; command: 'resume' | 'train' };

/** What trials do: `kills` by SIGKILL, other `signals`, `faults` of the disk, `rivals` in the same folder. */
export const CLASSES = ['kills', 'signals', 'faults', 'rivals'] as const;
export type DisturbanceClass = (typeof CLASSES)[number];
const WEIGHTS: Record<DisturbanceClass, number> = { kills: 70, signals: 20, faults: 12, rivals: 6 };

/** One command of a trial. The first begins the run, the others resume it. */
export interface Attempt {
  disturbance: Disturbance;
  /** Resumes into another folder. */
  elsewhere: boolean;
}

export interface Trial {
  seed: number;
  number: number;
  settings: RunSettings;
  attempts: Attempt[];
  /** The last, undisturbed command resumes into another folder. */
  endsElsewhere: boolean;
  /** Afterwards the finished run is taken into another folder. */
  takenElsewhere: boolean;
}

export interface PlanLimits {
  classes: readonly DisturbanceClass[];
  settings: readonly RunSettings[];
}
export const ALL: PlanLimits = { classes: CLASSES, settings: ALL_SETTINGS };
export const FEW: PlanLimits = { classes: CLASSES, settings: FEW_SETTINGS };

const MAX_ATTEMPTS = 4;
const ANOTHER_ATTEMPT = 0.4;
const ELSEWHERE = 0.15;

export function drawTrial(seed: number, number: number, { classes, settings }: PlanLimits = ALL): Trial {
  const random = new Random(seed, number);
  const chance = (probability: number) => random.uniform() < probability;
  const chosen = pick(random, settings);
  const attempts: Attempt[] = [];
  do {
    const disturbance = drawDisturbance(random, classes, attempts.length === 0);
    attempts.push({ disturbance, elsewhere: chance(ELSEWHERE) && attempts.length > 0 });
    if (disturbance.how === 'rival') break;
  } while (attempts.length < MAX_ATTEMPTS && chance(ANOTHER_ATTEMPT));
  return {
    seed,
    number,
    settings: chosen,
    attempts,
    endsElsewhere: chance(ELSEWHERE),
    takenElsewhere: chance(ELSEWHERE / 2),
  };
}

function drawDisturbance(random: Random, classes: readonly DisturbanceClass[], first: boolean): Disturbance {
  const share = random.uniform();
  const chosen = pickByWeight(random, classes);
  if (chosen === 'faults') {
    return { how: 'fault', share, fault: pick(random, FAULTS), forever: random.uniform() < 0.5 };
  }
  if (chosen === 'rivals') {
    // Two resumes begin at almost the same moment; beside a new run, the rival begins at any.
    const [at, twin] = [first ? share : share / 8, random.uniform() < 0.3];
    return { how: 'rival', share: twin ? at / 8 : at, command: first && twin ? 'train' : 'resume' };
  }
  const signal = chosen === 'kills' ? 'SIGKILL' : pick(random, SIGNALS.slice(1));
  if (random.uniform() < 0.5 || signal === 'SIGINT twice') {
    return { how: 'moment', share, signal, gapMs: 160 + random.below(300) };
  }
  // Only a killed process writes half of the bytes and no more.
  const side = pick(random, signal === 'SIGKILL' ? SIDES : (['before', 'after'] as const));
  return { how: 'operation', share, side, signal };
}

function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[random.below(choices.length)];
}

function pickByWeight(random: Random, classes: readonly DisturbanceClass[]): DisturbanceClass {
  let left = random.uniform() * classes.reduce((sum, each) => sum + WEIGHTS[each], 0);
  for (const each of classes) {
    left -= WEIGHTS[each];
    if (left < 0) return each;
  }
  return classes[classes.length - 1];
}

/** How a disturbance is named in the table of results. */
export function disturbanceName(disturbance: Disturbance): string {
  switch (disturbance.how) {
    case 'moment':
      return `${disturbance.signal} at a moment`;
    case 'operation':
      return `${disturbance.signal} ${disturbance.side} a file operation`;
    case 'fault':
      return `${disturbance.fault} ${disturbance.forever ? 'from then on' : 'once'}`;
    case 'rival':
      return disturbance.command === 'train' ? 'a second training in the folder' : 'a second resume at once';
  }
}
