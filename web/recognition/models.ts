/** The models that lie beside the page, and whether a server stands behind it. */
import type { ModelList } from '#src/serve/api.js';

/** Reads `models/index.json`, which a static page has as well as a server. @throws Error saying what went wrong */
export async function fetchModels(): Promise<ModelList> {
  const response = await fetch('models/index.json');
  if (!response.ok) throw new Error(`models/index.json: the server answered ${response.status}`);
  return (await response.json()) as ModelList;
}
