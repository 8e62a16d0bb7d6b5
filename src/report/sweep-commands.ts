/** Shell commands for the best trial of a sweep. Loads no chart library. */
import { join } from 'node:path';
import { RUN_FILES } from '../runs/run-folder.js';
import { trialFolder } from '../runs/sweep/sweep-folder.js';
import type { TrialResult } from '../runs/sweep/sweep-results.js';
import { type Command, shellQuote } from './commands.js';

/** The commands for the best trial. */
export function bestCommands(folder: string, best: TrialResult): Command[] {
  const run = trialFolder(folder, best.trial);
  return [
    {
      purpose: 'Evaluate the best trial on the test set:',
      line: `npx scanstroke evaluate ${shellQuote(run)}`,
    },
    {
      purpose: 'Train with its settings and other seeds:',
      line: `npx scanstroke train --config ${shellQuote(join(run, RUN_FILES.config))} --seeds 3`,
    },
  ];
}
