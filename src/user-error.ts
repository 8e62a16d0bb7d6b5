/**
 * The error for a mistake that the user can mend: a wrong option, a damaged file, a full disk. Its message names
 * the operation, what was expected, what was found and the way out; the command line prints it in one line, with
 * no stack trace, and exits with 2. Any other error is a defect of scanstroke and keeps its stack.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
}
