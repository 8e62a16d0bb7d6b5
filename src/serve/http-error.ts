/** Errors as HTTP answers: a status and a message. */
import { UserError } from '../user-error.js';
import type { ErrorJson } from './api.js';

export class HttpError extends Error {
  override readonly name = 'HttpError';
  /** @param retryAfter of a 503: seconds after which a client may try again */
  constructor(
    readonly status: number,
    message: string,
    readonly retryAfter = 1,
  ) {
    super(message);
  }
}

/** Status and message of an error: 400 for a mistake in the request, 500 for a defect, whose stack is not sent. */
export function errorStatus(error: unknown): { status: number; message: string } {
  if (error instanceof HttpError) return { status: error.status, message: error.message };
  if (error instanceof UserError) return { status: 400, message: error.message };
  return { status: 500, message: 'a defect of the server; its standard error says more' };
}

export function errorJson(status: number, message: string): ErrorJson {
  return { error: { status, message } };
}
