/**
 * An error that the user can fix: a wrong option, a damaged file, a full disk. The message names the operation, what was
 * expected, what was found and what to do. The command line prints the message in one line without a stack trace and
 * exits with code 2. Any other error is a bug of scanstroke and keeps its stack trace.
 *
 * @example
 * import { createSchedule, UserError } from 'scanstroke';
 *
 * try {
 *   createSchedule({ name: 'cosine', lr: -1, tMax: 10 });
 * } catch (error) {
 *   if (!(error instanceof UserError)) throw error;
 *   console.error(error.message); // schedule cosine: lr must be a number of at least 0, got -1
 * }
 */
export class UserError extends Error {
  override readonly name = 'UserError';
  /**
   * Settings that the message speaks of, by their names in the API: `['learningRate']`. The command line adds their
   * flags to the message.
   */
  readonly settings: readonly string[];

  /**
   * @param message for the user
   * @param options `cause`, and `settings` that the message speaks of; default: no settings
   */
  constructor(message: string, options: ErrorOptions & { settings?: readonly string[] } = {}) {
    super(message, options);
    this.settings = options.settings ?? [];
  }
}

/** An error on its way from one thread to another: structured cloning would make a UserError a plain Error. */
export interface PostedError {
  name: string;
  message: string;
  stack?: string;
  settings?: readonly string[];
}

/** @param error any thrown value */
export function postableError(error: unknown): PostedError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const { name, message, stack } = error;
  return error instanceof UserError
    ? { name, message, stack, settings: error.settings }
    : { name, message, stack };
}

/** The error that another thread posted: a UserError if that was one. */
export function receivedError({ name, message, stack, settings }: PostedError): Error {
  const error = name === 'UserError' ? new UserError(message, { settings }) : new Error(message);
  if (name !== 'UserError') Object.defineProperty(error, 'name', { value: name });
  if (stack) error.stack = stack;
  return error;
}
