/** An answer that is not 2xx: its status, and what was expected, in words. */
import { UserError } from '../user-error.js';
import type { ErrorJson } from './api.js';

export class HttpError extends Error {
  override readonly name = 'HttpError';
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** What an error is to whoever asked: a mistake in what was given, or a defect of the server's, without its stack. */
export function errorStatus(error: unknown): { status: number; message: string } {
  if (error instanceof HttpError) return { status: error.status, message: error.message };
  if (error instanceof UserError) return { status: 400, message: error.message };
  return { status: 500, message: 'a defect of the server; its standard error says more' };
}

export function errorJson(status: number, message: string): ErrorJson {
  return { error: { status, message } };
}
