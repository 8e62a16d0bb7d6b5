/** The undisturbed runs that killed ones are compared with, one for each settings. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Measured, runDisturbed, sizesIn } from './disturbed-command.js';
import { type RunSettings, settingsText, trainArguments } from './recipes.js';
import { contentsOf, type RunContents } from './run-contents.js';

export type UndisturbedRun = Measured & { contents: RunContents };

export class UndisturbedRuns {
  readonly #runs = new Map<string, Promise<UndisturbedRun>>();

  /** @param folder for the runs; @param mnist the folder of small IDX files */
  constructor(
    readonly folder: string,
    readonly mnist: string,
  ) {}

  /** @throws Error if a run fails that nobody disturbs */
  of(settings: RunSettings): Promise<UndisturbedRun> {
    const key = settingsText(settings);
    const known = this.#runs.get(key);
    if (known) return known;
    const made = this.#make(settings, join(this.folder, `undisturbed-${this.#runs.size}`));
    this.#runs.set(key, made);
    return made;
  }

  async #make(settings: RunSettings, folder: string): Promise<UndisturbedRun> {
    const run = join(folder, 'run');
    const { outcome, durationMs, operations } = await runDisturbed(
      trainArguments(settings, this.mnist, run),
      null,
      { durationMs: 0, operations: [], sizes: null },
      { cache: join(folder, 'cache'), log: `${folder}.log` },
    );
    if (outcome.code !== 0) {
      throw new Error(`an undisturbed run fails (${settingsText(settings)}): ${outcome.stderr}`);
    }
    const contents = contentsOf(run);
    rmSync(folder, { recursive: true });
    return { contents, durationMs, operations, sizes: sizesIn(outcome.stderr) };
  }
}
