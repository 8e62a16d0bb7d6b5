/** The open networks of a worker thread: an LRU cache, by path and version of the checkpoint. */

import type { BackendName, DeviceBackend } from '../../backends/backend.js';
import { openBackend } from '../../backends/open-node.js';
import { deviceOf } from '../../backends/webgpu/webgpu.js';
import { quote } from '../../formats/quotation.js';
import { type Recognizer, recognizerOf } from '../../recognize/recognizer.js';
import { readTrainedModel } from '../../runs/checkpoint/checkpoint-file.js';
import { stampOf } from '../../runs/file-stamp.js';
import { UserError } from '../../user-error.js';
import { HttpError } from '../http-error.js';
import { LruCache } from '../lru-cache.js';
import type { Risk } from '../workers/worker-pool.js';
import type { ModelSource } from './predict-jobs.js';

const MAX_OPEN = 4;
/** Damaged checkpoints that are remembered. */
const MAX_BAD = 256;

export class OpenModels {
  #open = new LruCache<Recognizer>(MAX_OPEN);
  /** The errors of damaged checkpoints, by version and path, so that none is read again. */
  readonly #bad = new Map<string, UserError>();
  readonly #backend: BackendName | 'auto';
  #gpu: Promise<DeviceBackend> | null = null;
  readonly #atRisk: <T>(risk: Risk, work: () => Promise<T>) => Promise<T>;

  /** @param atRisk runs work that may cost the thread its life; see workers/worker-side.ts */
  constructor(
    backend: BackendName | 'auto',
    atRisk: <T>(risk: Risk, work: () => Promise<T>) => Promise<T> = (_, work) => work(),
  ) {
    this.#backend = backend;
    this.#atRisk = atRisk;
  }

  /**
   * The network of a source, on a separate backend of the processor or on the one GPU.
   * @throws UserError if the checkpoint is damaged or missing; HttpError if opening it has cost a worker its life
   */
  get(source: ModelSource): Promise<Recognizer> {
    const key = `${source.version} ${source.path}`;
    const known = this.#bad.get(key);
    if (known) return Promise.reject(known);
    const problem = `the network ${quote(source.id)} cannot be opened`;
    return this.#open.get(key, () => this.#atRisk({ key, problem }, () => this.#read(source, key)));
  }

  async #read({ id, path }: ModelSource, key: string): Promise<Recognizer> {
    // A link that has replaced the file since it was listed is not followed.
    if ((await stampOf(path)) === null) {
      throw new HttpError(404, `the checkpoint of ${quote(id)} was removed a moment ago; ask again`);
    }
    const gpu = this.#backend === 'webgpu' ? await this.#openGpu() : null;
    try {
      const checkpoint = await readTrainedModel(path);
      if (gpu) return recognizerOf(checkpoint, gpu, { name: path });
      // The command has already reported which backend is not available.
      const backend = await openBackend(this.#backend, () => {});
      try {
        return recognizerOf(checkpoint, backend, { name: path });
      } catch (error) {
        backend.close();
        throw error;
      }
    } catch (error) {
      if (error instanceof UserError) this.#remember(key, error);
      throw error;
    }
  }

  /** The GPU; after it was lost, the next request opens it again, and its networks. */
  #openGpu(): Promise<DeviceBackend> {
    const forget = () => {
      this.#gpu = null;
      this.#open = new LruCache<Recognizer>(MAX_OPEN);
    };
    this.#gpu ??= openBackend('webgpu').then(
      (gpu) => {
        void deviceOf(gpu).device.lost.then(forget);
        return gpu;
      },
      (error) => {
        this.#gpu = null;
        throw error;
      },
    );
    return this.#gpu;
  }

  #remember(key: string, error: UserError): void {
    const [oldest] = this.#bad.keys();
    if (this.#bad.size === MAX_BAD) this.#bad.delete(oldest);
    this.#bad.set(key, error);
  }
}
