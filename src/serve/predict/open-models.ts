/** The open networks of a worker thread: an LRU cache, by path and version of the checkpoint. */
import type { BackendName } from '../../backends/backend.js';
import { openBackend } from '../../backends/open-node.js';
import { openCheckpoint } from '../../recognize/open-checkpoint.js';
import type { Recognizer } from '../../recognize/recognizer.js';
import { LruCache } from '../lru-cache.js';
import type { ModelSource } from './predict-jobs.js';

const MAX_OPEN = 4;

export class OpenModels {
  readonly #open = new LruCache<Recognizer>(MAX_OPEN);
  readonly #backend: BackendName | 'auto';

  constructor(backend: BackendName | 'auto') {
    this.#backend = backend;
  }

  /**
   * The network of a source, on a separate backend.
   * @throws UserError if the checkpoint is damaged or missing
   */
  get({ path, version }: ModelSource): Promise<Recognizer> {
    return this.#open.get(`${version} ${path}`, async () =>
      // The command has already reported which backend is not available.
      openCheckpoint(path, await openBackend(this.#backend, () => {})),
    );
  }
}
