/** `scanstroke sweep`: trains one run for each of several settings, and says which is the best. */
import { type Command, Option as Flag, InvalidArgumentError } from 'commander';
import { snakeCaseKeys } from '../../formats/key-case.js';
import { UserError } from '../../user-error.js';
import { addOptionFlags, OUTPUT_GROUP, wholeNumber } from '../arguments/flags.js';
import { stopOnSignal } from '../signals.js';
import type { SweepFlags } from '../sweep/sweep-flags.js';
import { printJson, shellQuote, type Terminal } from '../terminal/terminal.js';

const INTERRUPTED = 130;
const SWEEP_GROUP = 'Sweep:';
const MAX_JOBS = 256;
/** One of three trials goes on: the factor of Li et al. (2018), Hyperband. */
const HALVING_FACTOR = 3;

const HELP = `
An option with several values is swept: --learning-rate 1e-3,3e-3 tries both, a range such as
--learning-rate 1e-4..1e-2 needs --trials. A range whose ends differ by a factor of 10 or more is
logarithmic; add :log or :linear to choose. All other options are as for \`scanstroke train\`.
--saving-path is the folder of the sweep; each trial is a run folder in it. The same command goes on
with a sweep that was interrupted, and so does --load-cp FOLDER without any other option of a training.

Examples:
  scanstroke sweep --learning-rate 1e-3,3e-3 --hidden-size 64,128 --jobs 2
  scanstroke sweep --learning-rate 1e-4..1e-2 --dropout-rate 0..0.5 --trials 20
  scanstroke sweep --load-cp runs/my-sweep         continue after an interruption`;

export function defineSweep(command: Command, terminal: Terminal): void {
  const flags = [
    new Flag('--config <file>', 'YAML or JSON file that sets options of all trials'),
    wholeNumber(
      '--jobs <n>',
      'trials that train at a time, each on its share of the cores (default 1)',
      1,
      MAX_JOBS,
    ).default(1),
    wholeNumber(
      '--trials <n>',
      'number of trials with random settings (default: all combinations of the lists)',
      1,
    ),
    wholeNumber('--sampling-seed <n>', 'seed of the random settings (default 0)', 0),
    new Flag(
      '--early-stop <method>',
      'halving, or halving:N (default N 3): train all trials for some epochs, one of N goes on, and so on (default: every trial trains to its end)',
    ).argParser(halvingFactor),
    new Flag('--engine <name>', 'what chooses settings: own, optuna (default own)')
      .choices(['own', 'optuna'])
      .default('own'),
    new Flag(
      '--storage <url>',
      'optuna: storage of the study, such as sqlite:///sweep.db; machines may share it',
    ),
    new Flag('--study <name>', 'optuna: name of the study (default scanstroke)'),
    new Flag('--list', 'print the trials and train nothing'),
    new Flag('--only <numbers>', 'train these trials alone, such as 3 or 1,4-6').argParser(trialNumbers),
  ];
  for (const flag of flags) command.addOption(flag.helpGroup(SWEEP_GROUP));
  addOptionFlags(command);
  command
    .addOption(new Flag('--json', 'print only the results, or the list, as JSON').helpGroup(OUTPUT_GROUP))
    .addHelpOption(new Flag('-h, --help', 'show this help').helpGroup(OUTPUT_GROUP))
    .addHelpText('after', HELP)
    .action(async (given: SweepFlags & Record<string, unknown>) => {
      process.exitCode = await sweep(given, terminal);
    });
}

function halvingFactor(text: string): number {
  const [, factor = String(HALVING_FACTOR)] = /^halving(?::(\d+))?$/.exec(text) ?? [];
  if (
    text.startsWith('halving') &&
    /^halving(:\d+)?$/.test(text) &&
    Number(factor) >= 2 &&
    Number(factor) <= 100
  ) {
    return Number(factor);
  }
  throw new InvalidArgumentError('expected halving, or halving:N with N from 2 to 100');
}

/** `1,4-6` → 1, 4, 5, 6 */
function trialNumbers(text: string): number[] {
  const numbers = text.split(',').flatMap((part) => {
    const [, from, to = from] = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(part.trim()) ?? [];
    if (from === undefined || Number(from) < 1 || Number(to) < Number(from)) {
      throw new InvalidArgumentError('expected numbers of trials from 1, such as 3 or 1,4-6');
    }
    return Array.from({ length: Number(to) - Number(from) + 1 }, (_, n) => Number(from) + n);
  });
  return [...new Set(numbers)];
}

/** Trains the trials, and returns the exit code. */
export async function sweep(
  given: SweepFlags & Record<string, unknown>,
  terminal: Terminal,
): Promise<number> {
  const { openSweep, runOpened, listTrials, printResults } = await import('../sweep/sweep-parts.js');
  const { json = false, list = false, jobs, only = null } = given;
  const opened = await openSweep(given);
  if (list) {
    listTrials(opened, { only, json }, terminal);
    return 0;
  }
  const signals = stopOnSignal(() =>
    terminal.err.write(
      'stopping after this update, then writing checkpoints; press Ctrl-C again to exit at once\n',
    ),
  );
  try {
    const outcome = await runOpened(opened, { jobs, only, stop: signals.stop }, terminal);
    if (outcome === null) {
      terminal.err.write(`continue with: npx scanstroke sweep --load-cp ${shellQuote(opened.folder)}\n`);
      if (json) printJson(terminal, { stopped_by: 'interrupted', folder: opened.folder });
      return INTERRUPTED;
    }
    if (json) printJson(terminal, snakeCaseKeys(outcome.value, 'the results'));
    else printResults(outcome, terminal);
    if (outcome.best === null) {
      throw new UserError(`sweep: no trial${only === null ? '' : ' of this part'} has succeeded`);
    }
    return 0;
  } finally {
    signals.release();
  }
}
