/**
 * A network on a GPU: the dispatches of its passes, up to a capacity. Lists of dispatches are prepared once and submitted
 * for every pass. Before a pass, the caller writes the layout's words, inputs and, where they are read, labels and
 * dropout keys.
 */
import { layoutWords } from '../../backends/webgpu/batch-layout.js';
import { GpuDevice } from '../../backends/webgpu/device.js';
import { crossEntropy } from '../../backends/webgpu/head/cross-entropy.js';
import type { Dispatch, Slice } from '../../backends/webgpu/kernel.js';
import { padded, storageWords } from '../../backends/webgpu/verbs.js';
import type { ParameterLayout } from '../parameters.js';
import {
  type Allocate,
  type BatchBuffers,
  type DeviceMemory,
  type DevicePlan,
  storageOf,
} from './device-plan.js';
import { type LayerBuffers, LayeredNetwork } from './layered-network.js';
import type { ForwardOptions, LossOptions, NetworkPasses, TrainingOptions } from './network-passes.js';
import { canStack, StackedNetwork } from './stacked-network.js';

export class DeviceNetwork implements NetworkPasses {
  readonly plan: DevicePlan;
  readonly buffers: BatchBuffers;
  readonly #device: GpuDevice;
  readonly #passes: NetworkPasses;
  readonly #allocated: Slice[] = [];

  /**
   * Allocates all buffers. A lack of memory is reported by the device's next `prepare`.
   * @param parameters [P] flat, in PyTorch's layout; they stay the caller's
   */
  constructor(device: GpuDevice, plan: DevicePlan, layout: ParameterLayout, parameters: Slice) {
    this.plan = plan;
    this.#device = device;
    const laidOut = layOutNetwork(device, plan, layout, parameters, (words, content) => {
      const slice = device.allocate(words);
      this.#allocated.push(slice);
      if (content) device.write(slice, content);
      return slice;
    });
    this.buffers = laidOut.buffers;
    this.#passes = laidOut.passes;
  }

  panels(): Dispatch[] {
    return this.#passes.panels();
  }

  forward(options: ForwardOptions): Dispatch[] {
    return this.#passes.forward(options);
  }

  /** Losses and correct answers of the logits. */
  loss(options: LossOptions): Dispatch[] {
    const { words, logits, labels } = this.buffers;
    const { config, capacity } = this.plan;
    const batch = { capacity, words };
    const classes = config.numClasses;
    return crossEntropy({ batch, classes, logits, labels, ...options, dLogits: null, state: null });
  }

  trainingPass(options: TrainingOptions): Dispatch[] {
    return this.#passes.trainingPass(options);
  }

  /** [L] what the layers computed. @throws Error without `keepsAll` */
  get layers(): readonly LayerBuffers[] {
    return this.#layered().layers;
  }

  /** [N, I'] floats: gradient of the inputs. @throws Error without `keepsAll` and `inputGradient` */
  get dInputs(): Slice {
    const dInputs = this.#layered().gradients?.dInputs;
    if (!dInputs) throw new Error('network: built without the gradient of the inputs');
    return dInputs;
  }

  /** Frees all buffers. */
  close(): void {
    for (const slice of this.#allocated.splice(0)) this.#device.release(slice);
  }

  #layered(): LayeredNetwork {
    if (this.#passes instanceof LayeredNetwork) return this.#passes;
    throw new Error('network: built without keepsAll');
  }
}

/** What a network would allocate. */
export function deviceMemory(device: GpuDevice, plan: DevicePlan, layout: ParameterLayout): DeviceMemory {
  const memory = { bytes: 0, largest: 0 };
  layOutNetwork(device, plan, layout, UNALLOCATED, (words) => {
    const size = GpuDevice.bytesFor(words);
    memory.bytes += size;
    memory.largest = Math.max(memory.largest, size);
    return UNALLOCATED;
  });
  return memory;
}

/** In place of a buffer, where only sizes are added up. */
const UNALLOCATED: Slice = { buffer: Object.freeze({}) as GPUBuffer, offset: 0, size: 0 };

function layOutNetwork(
  device: GpuDevice,
  plan: DevicePlan,
  layout: ParameterLayout,
  parameters: Slice,
  allocate: Allocate,
): { buffers: BatchBuffers; passes: NetworkPasses } {
  const { config, capacity } = plan;
  const B = capacity.blocks * capacity.lanes;
  const buffers = {
    words: allocate(layoutWords(capacity)),
    inputs: allocate(storageWords(storageOf(plan), capacity.rows * padded(config.inputSize))),
    labels: allocate(B),
    dropoutKeys: allocate(2 * B),
    logits: allocate(B * config.numClasses),
  };
  const Passes = canStack(device, plan, layout) ? StackedNetwork : LayeredNetwork;
  return { buffers, passes: new Passes(device, plan, layout, parameters, buffers, allocate) };
}
