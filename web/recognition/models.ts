/** Where the page's models come from: files beside the page, or the page itself (single/). */
import type { ModelEntry, ModelList } from '#src/serve/api.js';

/** Gives the list of models and their checkpoints. */
export interface ModelSource {
  /** @throws Error if the list cannot be fetched */
  list(): Promise<ModelList>;
  /** The URL of a checkpoint, or its bytes. */
  checkpointOf(entry: ModelEntry): string | Uint8Array;
}

/** The files in `models/`, which both static pages and servers provide. The list's `api` says whether a server runs. */
export const MODEL_FILES: ModelSource = {
  list: fetchModels,
  checkpointOf({ file, version }) {
    const address = new URL(`models/${file}`, document.baseURI);
    address.searchParams.set('v', version);
    return address.href;
  },
};

async function fetchModels(): Promise<ModelList> {
  const response = await fetch('models/index.json');
  if (!response.ok) throw new Error(`models/index.json: the server answered ${response.status}`);
  return (await response.json()) as ModelList;
}
