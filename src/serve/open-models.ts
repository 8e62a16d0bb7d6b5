/** Networks that a worker thread has open: the last few that were asked for, each in the version it has on disk. */

import type { BackendName } from '../backends/backend.js';
import { openBackend } from '../backends/open-node.js';
import type { Recognizer } from '../recognize/recognizer.js';
import { recognizerOf } from '../recognize/run-source.js';
import type { ModelSource } from './predict-jobs.js';

const MOST_OPEN = 4;

interface Open {
  version: string;
  recognizer: Recognizer;
  close(): void;
}

export class OpenModels {
  /** The one that was asked for last is the last. */
  readonly #open = new Map<string, Promise<Open>>();
  readonly #backend: BackendName | 'auto';

  constructor(backend: BackendName | 'auto') {
    this.#backend = backend;
  }

  /**
   * The network of a source. It must not be used any more once others have been asked for.
   * @throws UserError if its checkpoint is damaged or gone
   */
  async get(source: ModelSource): Promise<Recognizer> {
    const key = `${source.path} ${source.version}`;
    const open = this.#open.get(key) ?? this.#load(source);
    this.#open.delete(key);
    this.#open.set(key, open);
    try {
      return (await open).recognizer;
    } catch (error) {
      this.#open.delete(key);
      throw error;
    }
  }

  /** Closes those that have not been asked for in a while. */
  async trim(): Promise<void> {
    for (const [key, open] of [...this.#open].slice(0, -MOST_OPEN)) {
      this.#open.delete(key);
      (await open).close();
    }
  }

  async #load({ path, version }: ModelSource): Promise<Open> {
    const backend = await openBackend(this.#backend);
    try {
      return { version, recognizer: await recognizerOf(path, backend), close: () => backend.close() };
    } catch (error) {
      backend.close();
      throw error;
    }
  }
}
