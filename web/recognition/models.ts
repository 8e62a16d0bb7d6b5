/** The models that lie beside the page, and whether a server stands behind it. */
import { camelCaseKeys } from '#src/formats/key-case.js';
import type { ModelEntry } from '../workers/protocol.js';

export interface ModelIndex {
  models: ModelEntry[];
  /** Whether there is an API: runs to look at and test samples to inspect. */
  api: boolean;
}

/** Reads `models/index.json`, which a static page has as well as a server. @throws Error saying what went wrong */
export async function fetchModels(): Promise<ModelIndex> {
  const response = await fetch('models/index.json');
  if (!response.ok) throw new Error(`models/index.json: the server answered ${response.status}`);
  const index = camelCaseKeys(await response.json(), 'models/index.json') as Partial<ModelIndex>;
  return { models: index.models ?? [], api: index.api === true };
}
