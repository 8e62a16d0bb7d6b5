/** Shell commands that repeat, continue and evaluate a run. The report shows them to be copied. */

import { RUN_FILES, type RunSummary } from '../runs/run-folder.js';
import { plural } from './text.js';

/** A command and its purpose. */
export interface Command {
  purpose: string;
  line: string;
}

/** Schedules that depend on the number of epochs: a run cannot be continued beyond their end. */
const FINITE_SCHEDULES = ['one-cycle', 'cosine'];

/** Options that end a run before its epochs. */
const EARLY_ENDS = ['patience', 'target-accuracy', 'max-minutes'];

/**
 * The commands for a run.
 * @param folder the run folder, as the commands name it
 * @param config the settings of the run; only `schedule` is read
 */
export function reproductionCommands(
  folder: string,
  summary: RunSummary,
  config: Record<string, unknown>,
): Command[] {
  const run = shellQuote(folder);
  const settings = `--config ${shellQuote(joined(folder, RUN_FILES.config))}`;
  const commands: Command[] = [
    { purpose: 'Repeat this run with the same options:', line: `npx scanstroke train ${settings}` },
    trainLonger(run, settings, summary, config),
    { purpose: 'Evaluate the best weights on the test set again:', line: `npx scanstroke evaluate ${run}` },
    { purpose: 'List the layers and their shapes:', line: `npx scanstroke info ${run}` },
  ];
  const { data = 'mnist' } = config;
  const isBuiltIn = data === 'mnist' || data === 'strokes';
  if (summary.preset === null || !isBuiltIn) return commands;
  const line = `npx scanstroke train --preset ${shellQuote(summary.preset)} --seed-number ${summary.seed}`;
  return [{ purpose: 'Train with the same preset and seed:', line }, ...commands];
}

/** The command that trains on, or for longer. */
function trainLonger(
  run: string,
  settings: string,
  { stoppedBy, epochs }: RunSummary,
  { schedule }: Record<string, unknown>,
): Command {
  if (EARLY_ENDS.includes(stoppedBy)) {
    return {
      purpose: `Continue this run without --${stoppedBy}, which ended it after ${plural(epochs, 'epoch')}:`,
      line: `npx scanstroke train --load-cp ${run} --${stoppedBy} none`,
    };
  }
  const longer = 2 * Math.max(1, epochs);
  if (!FINITE_SCHEDULES.some((name) => name === schedule)) {
    return {
      purpose: `Continue this run to ${plural(longer, 'epoch')}:`,
      line: `npx scanstroke train --load-cp ${run} --num-epochs ${longer}`,
    };
  }
  return {
    purpose: `Train for ${plural(longer, 'epoch')} from the start (its schedule has ended):`,
    line: `npx scanstroke train ${settings} --num-epochs ${longer}`,
  };
}

function shellEscape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `\\U${code.toString(16).padStart(8, '0')}`;
}

function joined(folder: string, file: string): string {
  return `${folder.replace(/\/+$/, '')}/${file}`;
}

/**
 * An argument, quoted for a shell where that is necessary. Control characters are written as escapes in $'…', which
 * bash, zsh and POSIX 2024 know: the quoted argument is also printed on terminals.
 */
export function shellQuote(argument: string): string {
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(argument)) {
    const escaped = argument.replace(/[\\']/g, '\\$&').replace(/[\p{C}\p{Zl}\p{Zp}]/gu, shellEscape);
    return `$'${escaped}'`;
  }
  return /^[\w./:=@%+,-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
