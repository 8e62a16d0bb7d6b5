/** `scanstroke train` with a training that only emits events, in a folder that is new for each test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach } from 'node:test';
import { configure, seedRuns } from '#src/cli/arguments/configure.js';
import { type TrainFlags, train } from '#src/cli/commands/train/train-command.js';
import type { RunSummary } from '#src/runs/run-folder.js';
import { fakeTerminal, fakeTraining } from './fake-run.js';

/** Holds the folders of all tests of a file. */
export const root = mkdtempSync(join(tmpdir(), 'scanstroke-train-'));
after(() => rmSync(root, { recursive: true }));
/** The folder of the test under way, which does not exist yet. */
export let folder: string;
let count = 0;
beforeEach(() => {
  folder = join(root, `run-${count++}`);
});

/** Runs the command; `stopAfter` and `changes` are those of `fakeTraining`. */
export async function run(flags: TrainFlags, stopAfter?: number, changes?: Partial<RunSummary>) {
  const terminal = fakeTerminal();
  const { trainRun, configs } = fakeTraining(stopAfter, changes);
  const reported: string[] = [];
  const report = async (_: unknown, summary: { seed: number }, end: string) => {
    reported.push(`${end} ${summary.seed}`);
  };
  const code = await train({ savingPath: folder, ...flags }, terminal, {
    configure,
    seedRuns,
    trainRun,
    report,
  });
  return { code, configs, reported, out: terminal.out.text, err: terminal.err.text };
}
