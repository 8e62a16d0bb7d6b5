/** How the command line explains an error. */
import { explainSystemError } from '../formats/file-errors.js';
import { explainShortage } from '../formats/shortage.js';
import { UserError } from '../user-error.js';
import { messageWithFlags } from './error-message.js';
import type { Terminal } from './terminal/terminal.js';

/**
 * Prints the error and returns the exit code: 2 for a user's mistake, 1 for a bug.
 * @param who what the line begins with: the program, in an MPI job also the rank
 */
export function explain(thrown: unknown, terminal: Terminal, who = 'scanstroke'): 1 | 2 {
  const error = explainSystemError(explainShortage(thrown));
  if (error instanceof UserError) {
    terminal.err.write(`${who}: ${messageWithFlags(error)}\n`);
    return 2;
  }
  const stack = error instanceof Error ? error.stack : String(error);
  terminal.err.write(`${who}: this is a bug in scanstroke, please report it\n${stack}\n`);
  return 1;
}
