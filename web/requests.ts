/** Requests to the server's JSON API. */
import type { ErrorJson } from '#src/serve/api.js';

/** An error response of the server; the message is the server's own. */
export class ApiError extends Error {}

/**
 * GET request to the API.
 * @param path relative to `api/`, already URL-encoded
 * @throws ApiError with the server's message; Error if the server cannot be reached
 */
export async function getApi<T>(path: string, signal?: AbortSignal): Promise<{ status: number; value: T }> {
  const response = await fetch(`api/${path}`, { signal, headers: { accept: 'application/json' } }).catch(
    (error: unknown) => {
      if (signal?.aborted) throw error;
      throw new Error('The server does not answer.');
    },
  );
  if (!response.ok) {
    const body = (await response.json().catch(() => null)) as ErrorJson | null;
    throw new ApiError(body?.error?.message ?? `The server answered ${response.status}.`);
  }
  return { status: response.status, value: (await response.json()) as T };
}
