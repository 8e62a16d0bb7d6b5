/** Opens networks on the GPU, where they answer faster than on the processor. */
import type { DeviceBackend } from '#src/backends/backend.js';
import { deviceOf } from '#src/backends/webgpu/webgpu.js';
import { openRecognizer, type Recognizer } from '#src/recognize/recognizer.js';

/** A network that answers within this time on the processor stays there: faster cannot be felt. */
const FAST_ENOUGH_MS = 4;
/** Answers that are timed; the fastest counts, for the worker has other work meanwhile. */
const TIMED_ANSWERS = 5;
/** Steps of a timed sequence, for networks that read any number: those of a drawn digit. */
const STEPS = 48;

export class GpuRecognition {
  readonly #openBackend: () => Promise<DeviceBackend>;
  #backend: Promise<DeviceBackend> | null = null;

  /** @param openBackend is called when the first network needs the GPU */
  constructor(openBackend: () => Promise<DeviceBackend>) {
    this.#openBackend = openBackend;
  }

  /**
   * Opens a network on the GPU.
   * @throws UserError if there is no GPU
   */
  async open(name: string, checkpoint: Uint8Array): Promise<Recognizer> {
    this.#backend ??= this.#openBackend();
    return openRecognizer(checkpoint, await this.#backend, { name });
  }

  /**
   * Opens a network on the GPU if it answers faster there.
   * @param host the same network on the processor
   * @returns null if it does not, or if there is no GPU
   */
  async openFaster(host: Recognizer, checkpoint: Uint8Array): Promise<Recognizer | null> {
    const onHost = await fastestAnswer(host);
    if (onHost < FAST_ENOUGH_MS) return null;
    let recognizer: Recognizer | null = null;
    try {
      recognizer = await this.open(host.info.name, checkpoint);
      const isSoftware = deviceOf((await this.#backend)!).isSoftware;
      if (!isSoftware && (await fastestAnswer(recognizer)) < onHost) return recognizer;
    } catch {
      // A GPU that fails is as one that is missing.
    }
    recognizer?.close();
    return null;
  }
}

/** Milliseconds. */
async function fastestAnswer(recognizer: Recognizer): Promise<number> {
  const { inputSize, sequenceLength } = recognizer.info.model;
  const steps = sequenceLength ?? STEPS;
  const sequence = new Float32Array(steps * inputSize).fill(0.5);
  await recognizer.probabilitiesOf([{ steps, sequence }]); // Compiles kernels, fills caches.
  let fastest = Number.POSITIVE_INFINITY;
  for (let n = 0; n < TIMED_ANSWERS; n++) {
    const began = performance.now();
    await recognizer.probabilitiesOf([{ steps, sequence }]);
    fastest = Math.min(fastest, performance.now() - began);
  }
  return fastest;
}
