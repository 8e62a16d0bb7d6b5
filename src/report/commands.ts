/** The commands that make a run again and go on from it, for a person to copy into a shell. */

import { RUN_FILES, type RunSummary } from '../runs/run-folder.js';
import { plural } from './text.js';

/** What a command is for, and the command. */
export interface Command {
  purpose: string;
  line: string;
}

/** Schedules that are laid out for the whole training: after its end there is no going on. */
const PLANNED = ['one-cycle', 'cosine'];

/**
 * @param folder the run folder, as the person will write it
 * @param config the settings of the run, of which only the schedule matters here
 */
export function reproductionCommands(
  folder: string,
  summary: RunSummary,
  config: Record<string, unknown>,
): Command[] {
  const run = shellQuote(folder);
  const settings = `--config ${shellQuote(joined(folder, RUN_FILES.config))}`;
  const longer = 2 * Math.max(1, summary.epochs);
  const planned = PLANNED.includes(String(config.schedule));
  const commands: Command[] = [
    { purpose: 'Repeat this run with every option as it was:', line: `npx scanstroke train ${settings}` },
    planned
      ? {
          purpose: `Train for ${plural(longer, 'epoch')}, from the start (its schedule ends with its last epoch):`,
          line: `npx scanstroke train ${settings} --num-epochs ${longer}`,
        }
      : {
          purpose: `Go on from here to ${plural(longer, 'epoch')}:`,
          line: `npx scanstroke train --load-cp ${run} --num-epochs ${longer}`,
        },
    { purpose: 'Measure its best weights on the test set again:', line: `npx scanstroke evaluate ${run}` },
    { purpose: 'List its layers and their shapes:', line: `npx scanstroke info ${run}` },
  ];
  if (summary.preset === null) return commands;
  const line = `npx scanstroke train --preset ${shellQuote(summary.preset)} --seed-number ${summary.seed}`;
  return [{ purpose: 'Train with the same preset and seed:', line }, ...commands];
}

function joined(folder: string, file: string): string {
  return `${folder.replace(/\/+$/, '')}/${file}`;
}

/** An argument as one has to type it in a POSIX shell. */
export function shellQuote(argument: string): string {
  return /^[\w./:=@%+,-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
