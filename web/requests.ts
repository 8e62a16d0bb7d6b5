/** The server's answers, asked for as JSON. */
import type { ErrorJson } from '#src/serve/api.js';

/** What the server said instead of an answer. */
export class ApiError extends Error {}

/**
 * @param path below `api/`, with what stands in it already encoded
 * @throws ApiError with the server's own words; Error if it does not answer
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
