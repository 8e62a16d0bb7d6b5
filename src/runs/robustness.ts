/**
 * robustness.json: the accuracy of a network under changes of its inputs. Keys are snake_case on disk and camelCase
 * here. Node.js only.
 */
import { join } from 'node:path';
import { writeFileAtomically } from '../formats/files.js';
import { formatJson } from '../formats/json.js';
import { snakeCaseKeys } from '../formats/key-case.js';
import { RUN_FILES } from './run-folder.js';

/** Answers to the samples changed in one way. */
export interface RobustnessVariant {
  name: string;
  correct: number;
  /** Inputs in which there was nothing to recognise. They count as wrong. */
  unread: number;
}

/** Answers to the samples under a change. */
export interface RobustnessRow {
  change: string;
  /** In which form the inputs were given: `data` as the data set has them, `drawing` or `picture`. */
  form: 'data' | 'drawing' | 'picture';
  /** Share of correct answers, 0 to 1; with several variants their mean. */
  accuracy: number;
  /** accuracy − that of the unchanged samples, in percentage points. */
  difference: number;
  /** 95 % interval of the accuracy: shares, 0 to 1. */
  interval: [low: number, high: number];
  /** Inputs: samples × variants. */
  count: number;
  correct: number;
  unread: number;
  /** One or more. */
  variants: RobustnessVariant[];
  /** The class with the lowest recall. */
  worstClass: { class: string; recall: number };
}

/** The content of robustness.json, which `evaluate --robustness --json` prints. */
export interface Robustness {
  /** Name of the checkpoint's file. */
  checkpoint: string;
  /** As for `--data`, and the part of that data set. */
  data: string;
  part: 'train' | 'validation' | 'test';
  /** Number of samples, each of which was changed in every way. */
  samples: number;
  /** Of the random changes. */
  seed: number;
  /** `unchanged` first. */
  rows: RobustnessRow[];
}

/** Keys in snake_case. */
export function robustnessToDisk(result: Robustness): Record<string, unknown> {
  return snakeCaseKeys(result, RUN_FILES.robustness) as Record<string, unknown>;
}

/** Replaces robustness.json. @throws UserError when it cannot be written */
export async function writeRobustness(folder: string, result: Robustness): Promise<void> {
  const text = formatJson(robustnessToDisk(result), RUN_FILES.robustness, 2);
  await writeFileAtomically(join(folder, RUN_FILES.robustness), `${text}\n`);
}
