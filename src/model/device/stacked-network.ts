/** A small network on a GPU whose layers all run in one kernel. */
import type { GpuDevice } from '../../backends/webgpu/device.js';
import type { Dispatch, Slice } from '../../backends/webgpu/kernel.js';
import { Stack, stackFits } from '../../backends/webgpu/stack/stack.js';
import type { StackNetwork } from '../../backends/webgpu/stack/stack-network.js';
import type { ParameterLayout } from '../parameters.js';
import {
  type Allocate,
  type BatchBuffers,
  type DevicePlan,
  deviceHead,
  deviceLayers,
  linearTensors,
  storageOf,
} from './device-plan.js';
import type { NetworkPasses, TrainingOptions } from './network-passes.js';

export class StackedNetwork implements NetworkPasses {
  readonly #plan: DevicePlan;
  readonly #stack: Stack;
  readonly #parameters: Slice;
  readonly #buffers: BatchBuffers;
  readonly #panels: Slice;
  /** Of training passes. */
  readonly #scratch: Slice | null;

  /** @param plan one that `canStack` accepts */
  constructor(
    device: GpuDevice,
    plan: DevicePlan,
    layout: ParameterLayout,
    parameters: Slice,
    buffers: BatchBuffers,
    allocate: Allocate,
  ) {
    this.#plan = plan;
    this.#parameters = parameters;
    this.#buffers = buffers;
    this.#stack = new Stack(stackNetwork(plan, layout), device);
    this.#panels = allocate(this.#stack.panelsWords(plan.training));
    this.#scratch = plan.training ? allocate(this.#stack.trainScratchWords(plan.capacity)) : null;
  }

  panels(): Dispatch[] {
    const parameters = this.#parameters;
    return this.#stack.panels({ parameters, panels: this.#panels, backward: this.#plan.training });
  }

  /** Dropout is never asked for: see `canStack`. */
  forward(): Dispatch[] {
    return this.#stack.forward({ ...this.#pass(), logits: this.#buffers.logits });
  }

  trainingPass(options: TrainingOptions): Dispatch[] {
    const { labelSmoothing, classWeights, state, losses, correct, gradients } = options;
    const scratch = this.#scratch;
    if (scratch === null) throw new Error('network: a training pass needs a network for training');
    const { labels } = this.#buffers;
    const loss = { labels, labelSmoothing, classWeights, state, losses, correct };
    return this.#stack.train({ ...this.#pass(), ...loss, scratch, gradients });
  }

  #pass() {
    const { words, inputs } = this.#buffers;
    const batch = { capacity: this.#plan.capacity, words };
    return { batch, panels: this.#panels, inputs, storage: storageOf(this.#plan) };
  }
}

/** Whether the device can run a plan's network as a stack. */
export function canStack(device: GpuDevice, plan: DevicePlan, layout: ParameterLayout): boolean {
  if (plan.keepsAll || plan.inputGradient) return false;
  return stackFits(stackNetwork(plan, layout), device, plan.training);
}

function stackNetwork({ config }: DevicePlan, layout: ParameterLayout): StackNetwork {
  return {
    layers: deviceLayers(config, layout),
    head: deviceHead(config),
    classes: config.numClasses,
    tensors: linearTensors(layout),
    parameters: layout.length,
    dropout: { features: config.dropout, outputs: config.layerDropout },
  };
}
