/**
 * Results on their way back from the device: copied by the device into staging buffers, which are mapped when the device
 * has come so far. Nothing waits for the device but the promise of the result.
 */
import type { GpuDevice } from './device.js';
import type { Slice } from './kernel.js';

/** Usage flags of WebGPU: MAP_READ, COPY_DST. */
const MAP_READ = 0x01;
const COPY_DST = 0x08;
const MAP_MODE_READ = 0x01;

export class Readback {
  readonly #device: GpuDevice;
  readonly #size: number;
  /** Staging buffers that no copy uses. */
  readonly #free: GPUBuffer[] = [];
  #closed = false;

  /** @param size bytes of the largest result */
  constructor(device: GpuDevice, size: number) {
    this.#device = device;
    this.#size = Math.ceil(size / 4) * 4;
  }

  /**
   * Copies slices, one after the other, as they are after the commands submitted so far.
   * @throws what went wrong on the device meanwhile
   */
  async read(...sources: readonly Slice[]): Promise<ArrayBuffer> {
    const { device } = this.#device;
    const staging = this.#free.pop() ?? device.createBuffer({ size: this.#size, usage: MAP_READ | COPY_DST });
    const encoder = device.createCommandEncoder();
    let bytes = 0;
    for (const { buffer, offset, size } of sources) {
      encoder.copyBufferToBuffer(buffer, offset, staging, bytes, size);
      bytes += size;
    }
    device.queue.submit([encoder.finish()]);
    try {
      await staging.mapAsync(MAP_MODE_READ, 0, bytes);
    } catch (error) {
      await this.#device.check(); // Says why, if the device is lost.
      throw error;
    }
    const copy = staging.getMappedRange(0, bytes).slice(0);
    staging.unmap();
    if (this.#closed) staging.destroy();
    else this.#free.push(staging);
    await this.#device.check();
    return copy;
  }

  close(): void {
    this.#closed = true;
    for (const staging of this.#free.splice(0)) staging.destroy();
  }
}
