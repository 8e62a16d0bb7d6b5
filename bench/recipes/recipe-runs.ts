/** Runs of the presets by the built command, one for each seed, and their figures. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readMetrics } from '#src/runs/run-files.js';
import { UserError } from '#src/user-error.js';

const COMMAND = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

/** A preset and the data that it is measured on. */
export interface Recipe {
  preset: string;
  /** `--data`; null for the preset's own. */
  data: string | null;
}

/** A finished run. */
export interface RecipeRun {
  seed: number;
  testAccuracy: number;
  /** Of the training epochs, validation included. */
  trainSeconds: number;
  /** From the command to its end, report included. */
  commandSeconds: number;
  /** After each epoch: seconds of training so far, and validation accuracy. */
  epochs: { seconds: number; accuracy: number }[];
}

/**
 * Trains a recipe with one seed in a folder of its own, which is removed afterwards.
 * @throws UserError if the command fails, with its message
 */
export async function runRecipe({ preset, data }: Recipe, seed: number): Promise<RecipeRun> {
  const folder = mkdtempSync(join(tmpdir(), 'scanstroke-recipe-'));
  try {
    const run = join(folder, 'run');
    const flags = ['--preset', preset, '--seed-number', `${seed}`, '--saving-path', run, '--json'];
    const began = performance.now();
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [COMMAND, 'train', ...flags, ...(data === null ? [] : ['--data', data])],
      { encoding: 'utf8' },
    );
    const commandSeconds = (performance.now() - began) / 1000;
    if (status !== 0) throw new UserError(`recipes: ${preset}, seed ${seed}: ${stderr.trim()}`);
    const summary = JSON.parse(stdout) as { test_accuracy: number; train_seconds: number };
    let seconds = 0;
    const epochs = (await readMetrics(run)).map((epoch) => {
      seconds += epoch.seconds;
      return { seconds, accuracy: epoch.validationAccuracy };
    });
    const { test_accuracy: testAccuracy, train_seconds: trainSeconds } = summary;
    return { seed, testAccuracy, trainSeconds, commandSeconds, epochs };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
