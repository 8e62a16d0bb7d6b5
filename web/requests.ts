/** Requests to the server's JSON API. */
import type { ErrorJson } from '#src/serve/api.js';
import { connection } from './connection.js';

/** An error response of the server; the message is the server's own. */
export class ApiError extends Error {}

/** A request fails if the server has not answered for this long. */
const ANSWER_MS = 30_000;

/**
 * GET request to the API.
 * @param path relative to `api/`, already URL-encoded
 * @throws ApiError with the server's message; Error if the server cannot be reached, or does not answer in time
 */
export async function getApi<T>(path: string, signal?: AbortSignal): Promise<{ status: number; value: T }> {
  const late = AbortSignal.timeout(ANSWER_MS);
  try {
    const response = await fetch(`api/${path}`, {
      signal: signal ? AbortSignal.any([signal, late]) : late,
      headers: { accept: 'application/json' },
    });
    connection.answered();
    if (!response.ok) {
      const body = (await response.json().catch(() => null)) as Partial<ErrorJson> | null;
      throw new ApiError(body?.error?.message ?? `The server answered ${response.status}.`);
    }
    return { status: response.status, value: (await response.json()) as T };
  } catch (error) {
    if (error instanceof ApiError || signal?.aborted) throw error;
    if (late.aborted) throw new Error(`The server has not answered for ${ANSWER_MS / 1000} seconds.`);
    // A body that is not JSON is an answer; everything else is a connection that failed.
    if (error instanceof SyntaxError) throw new Error('The server answered something that is not JSON.');
    connection.failed();
    throw new Error('The server does not answer.');
  }
}
