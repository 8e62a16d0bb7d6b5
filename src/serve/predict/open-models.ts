/** Networks that a worker thread has open: the last few that were asked for, each in the version it has on disk. */
import type { BackendName } from '../../backends/backend.js';
import { openBackend } from '../../backends/open-node.js';
import type { Recognizer } from '../../recognize/recognizer.js';
import { recognizerOf } from '../../recognize/run-source.js';
import { Kept } from '../lru-cache.js';
import type { ModelSource } from './predict-jobs.js';

const MAX_OPEN = 4;

export class OpenModels {
  readonly #open = new Kept<Recognizer>(MAX_OPEN);
  readonly #backend: BackendName | 'auto';

  constructor(backend: BackendName | 'auto') {
    this.#backend = backend;
  }

  /**
   * The network of a source, in memory of its own, which goes with it.
   * @throws UserError if its checkpoint is damaged or gone
   */
  get({ path, version }: ModelSource): Promise<Recognizer> {
    return this.#open.get(
      `${version} ${path}`,
      async () => recognizerOf(path, await openBackend(this.#backend, () => {})), // the command has said it
    );
  }
}
