/**
 * Buffers of a test on the GPU, each between guard words. Outputs begin as NaN; inputs must be bit-identical afterwards.
 */
import assert from 'node:assert/strict';
import type { GpuDevice } from '#src/backends/webgpu/device.js';
import type { Slice } from '#src/backends/webgpu/kernel.js';

/** Words before and after a buffer; offsets of slices are multiples of 64 words. */
const GUARD = 64;
/** A quiet NaN with a payload that no arithmetic produces. */
export const PATTERN = 0x7fc0dead;

type Words = Float32Array | Int32Array | Uint32Array;

interface Region {
  whole: Slice;
  length: number;
  /** Content that must not change. */ frozen: Uint32Array | null;
}

export class DeviceMemory {
  readonly #device: GpuDevice;
  readonly #regions = new Map<Slice, Region>();

  constructor(device: GpuDevice) {
    this.#device = device;
  }

  /** Words that verbs may only read. */
  input(values: Words): Slice {
    const slice = this.changed(values);
    this.#regions.get(slice)!.frozen = new Uint32Array(
      values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength),
    );
    return slice;
  }

  /** Words that verbs change. */
  changed(values: Words): Slice {
    const slice = this.output(values.length);
    this.#device.write(slice, values);
    return slice;
  }

  /** Words that verbs overwrite. */
  output(length: number): Slice {
    const whole = this.#device.allocate(length + 2 * GUARD);
    this.#device.write(whole, new Uint32Array(length + 2 * GUARD).fill(PATTERN));
    const slice = { buffer: whole.buffer, offset: 4 * GUARD, size: 4 * length };
    this.#regions.set(slice, { whole, length, frozen: null });
    return slice;
  }

  async floats(slice: Slice): Promise<Float32Array> {
    return this.#device.readFloats(slice);
  }

  async words(slice: Slice): Promise<Uint32Array> {
    const [bytes] = await this.#device.read(slice);
    return new Uint32Array(bytes);
  }

  /** Frees all buffers, and fails if guard words or inputs have changed. */
  async close(): Promise<void> {
    const regions = [...this.#regions.values()];
    const contents = await this.#device.read(...regions.map(({ whole }) => whole));
    contents.forEach((bytes, n) => {
      const { length, frozen } = regions[n];
      const words = new Uint32Array(bytes);
      for (let guard = 0; guard < GUARD; guard++) {
        assert.equal(words[guard], PATTERN, `buffer ${n}: word ${guard - GUARD} was written`);
        assert.equal(
          words[GUARD + length + guard],
          PATTERN,
          `buffer ${n}: word ${length + guard} was written`,
        );
      }
      if (frozen) assert.deepEqual(words.subarray(GUARD, GUARD + length), frozen, `input ${n} was changed`);
    });
    for (const { whole } of regions) this.#device.release(whole);
    this.#regions.clear();
  }
}
