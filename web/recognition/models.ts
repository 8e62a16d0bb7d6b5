/** The list of models that the page offers. */
import type { ModelList } from '#src/serve/api.js';

/**
 * Fetches `models/index.json`, which both static pages and servers provide. Its `api` says whether a server runs.
 * @throws Error if the list cannot be fetched
 */
export async function fetchModels(): Promise<ModelList> {
  const response = await fetch('models/index.json');
  if (!response.ok) throw new Error(`models/index.json: the server answered ${response.status}`);
  return (await response.json()) as ModelList;
}
