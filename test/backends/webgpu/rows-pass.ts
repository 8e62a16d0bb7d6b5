/** The memory of the linear layer and of the loss on a GPU under test. A row is a sequence of one step. */
import { type BatchCapacity, capacityFor, layOut } from '#src/backends/webgpu/batch-layout.js';
import type { GpuDevice } from '#src/backends/webgpu/device.js';
import { type BatchOnDevice, padded } from '#src/backends/webgpu/verbs.js';
import { DeviceMemory } from './device-memory.js';

/** Rows that are sequences of one step: those of the head, the linear layer and the loss. */
export class RowsPass {
  readonly memory: DeviceMemory;
  readonly capacity: BatchCapacity;
  readonly batch: BatchOnDevice;
  /** Lanes of all blocks. */
  readonly sequences: number;

  /** @param total sequences of the whole batch */
  constructor(device: GpuDevice, rows: number, total: number) {
    this.memory = new DeviceMemory(device);
    this.capacity = capacityFor(rows, 1);
    this.sequences = this.capacity.blocks * this.capacity.lanes;
    const { words } = layOut(this.capacity, new Int32Array(rows).fill(1), total);
    this.batch = { capacity: this.capacity, words: this.memory.input(words) };
  }

  /** [rows, width] with rows of zeros for all lanes. */
  filled(values: Float32Array, width: number): Float32Array {
    const matrix = new Float32Array(this.sequences * width);
    matrix.set(values);
    return matrix;
  }

  /** [B, F'] */
  features(values: Float32Array, size: number): Float32Array {
    const matrix = new Float32Array(this.sequences * padded(size));
    for (let b = 0; b * size < values.length; b++) {
      matrix.set(values.subarray(b * size, (b + 1) * size), b * padded(size));
    }
    return matrix;
  }

  linear(size: number, classes: number, weight: Float32Array, bias: Float32Array) {
    const parameters = this.memory.input(Float32Array.of(...weight, ...bias));
    const tensors = { weight: 0, bias: weight.length };
    return { columns: { parts: 1, size }, classes, batch: this.batch, tensors, parameters };
  }
}
