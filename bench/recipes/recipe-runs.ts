/** Runs of the presets by the built command, one for each seed, and their figures. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readMetrics } from '#src/runs/run-files.js';
import { UserError } from '#src/user-error.js';

const COMMAND = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

/** How to train: a preset, and flags that change it. */
export interface Recipe {
  name: string;
  preset: string;
  flags: readonly string[];
}

/** Besides the presets themselves. */
export const VARIATIONS: readonly Recipe[] = [
  {
    name: 'fast-edges',
    preset: 'fast',
    flags: ['--edges', '--input-size', '168', '--hidden-size', '32', '--use-amp'],
  },
  {
    name: 'fast-99',
    preset: 'fast',
    flags: [
      ...['--edges', '--input-size', '168', '--num-epochs', '3', '--learning-rate', '8e-3', '--use-amp'],
      ...['--augment-rotation', '6', '--augment-shift', '0.7', '--augment-scale', '0.06'],
    ],
  },
];

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
 * @param data `--data`; null for the preset's own
 * @throws UserError if the command fails, with its message
 */
export async function runRecipe(
  { name, preset, flags }: Recipe,
  data: string | null,
  seed: number,
): Promise<RecipeRun> {
  const folder = mkdtempSync(join(tmpdir(), 'scanstroke-recipe-'));
  try {
    const run = join(folder, 'run');
    const given = ['--preset', preset, ...flags, '--seed-number', `${seed}`, '--saving-path', run, '--json'];
    const began = performance.now();
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [COMMAND, 'train', ...given, ...(data === null ? [] : ['--data', data])],
      { encoding: 'utf8' },
    );
    const commandSeconds = (performance.now() - began) / 1000;
    if (status !== 0) throw new UserError(`recipes: ${name}, seed ${seed}: ${stderr.trim()}`);
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
