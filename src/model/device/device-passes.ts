/**
 * Passes of a classifier on a GPU, of any size: a network that is opened again when a batch is too large for it, and its
 * compiled dispatches.
 */
import { capacityFor } from '../../backends/webgpu/batch-layout.js';
import type { GpuDevice, Prepared } from '../../backends/webgpu/device.js';
import type { Dispatch, Slice } from '../../backends/webgpu/kernel.js';
import { UserError } from '../../user-error.js';
import type { ParameterLayout } from '../parameters.js';
import { DeviceNetwork, deviceMemory } from './device-network.js';
import type { DevicePlan } from './device-plan.js';

/** A network and buffers for its results. */
export interface OpenNetwork {
  network: DeviceNetwork;
  /** [B] */ losses: Slice;
  /** [B] */ correct: Slice;
}

export class DevicePasses {
  readonly #device: GpuDevice;
  readonly #layout: ParameterLayout;
  readonly #parameters: Slice;
  readonly #plan: Omit<DevicePlan, 'capacity'>;
  #open: OpenNetwork | null = null;
  /** The largest batch of the open network. */
  #room = { batchSize: 0, steps: 0 };
  /** Lists of dispatches of the network, by their purpose. */
  readonly #prepared = new Map<string, Prepared>();
  #panelsAreStale = true;

  /** @param parameters [P] the caller's */
  constructor(
    device: GpuDevice,
    layout: ParameterLayout,
    parameters: Slice,
    plan: Omit<DevicePlan, 'capacity'>,
  ) {
    this.#device = device;
    this.#layout = layout;
    this.#parameters = parameters;
    this.#plan = plan;
  }

  /** Must be called after the parameters have changed. */
  parametersChanged(): void {
    this.#panelsAreStale = true;
  }

  /**
   * A network that has room for a batch: the one at hand, or another.
   * @throws UserError if a buffer would be larger than the device's largest
   */
  reserve(batchSize: number, steps: number): OpenNetwork {
    const have = this.#room;
    if (this.#open && have.batchSize >= batchSize && have.steps >= steps) return this.#open;
    const room = {
      batchSize: roomFor(Math.max(batchSize, have.batchSize)),
      steps: roomFor(Math.max(steps, have.steps)),
    };
    // Many short sequences and then one long one must not reserve many long ones.
    if (room.batchSize * room.steps > 4 * Math.max(batchSize * steps, have.batchSize * have.steps)) {
      room.batchSize = roomFor(batchSize);
      room.steps = roomFor(steps);
    }
    room.steps = Math.min(room.steps, this.#plan.config.sequenceLength ?? room.steps);
    const plan = { ...this.#plan, capacity: capacityFor(room.batchSize, room.steps) };
    this.#requireFit(plan, batchSize, steps);
    this.close();
    this.#open = {
      network: new DeviceNetwork(this.#device, plan, this.#layout, this.#parameters),
      losses: this.#device.allocate(room.batchSize),
      correct: this.#device.allocate(room.batchSize),
    };
    this.#room = room;
    return this.#open;
  }

  /** Submits dispatches of the open network. @param purpose of the same dispatches in every call */
  async submit({ network }: OpenNetwork, purpose: string, dispatches: () => Dispatch[]): Promise<void> {
    const panels = this.#panelsAreStale ? [await this.#prepare('panels', () => network.panels())] : [];
    const pass = await this.#prepare(purpose, dispatches);
    this.#device.submit(...panels, pass);
    this.#panelsAreStale = false;
  }

  /** Frees the open network. */
  close(): void {
    const open = this.#open;
    this.#open = null;
    this.#room = { batchSize: 0, steps: 0 };
    this.#prepared.clear();
    this.#panelsAreStale = true;
    if (!open) return;
    open.network.close();
    this.#device.release(open.losses);
    this.#device.release(open.correct);
  }

  async #prepare(purpose: string, dispatches: () => Dispatch[]): Promise<Prepared> {
    try {
      const prepared = this.#prepared.get(purpose) ?? (await this.#device.prepare(dispatches()));
      this.#prepared.set(purpose, prepared);
      return prepared;
    } catch (error) {
      // A smaller batch must not find a network that is too large for the device.
      this.close();
      throw error;
    }
  }

  #requireFit(plan: DevicePlan, batchSize: number, steps: number): void {
    const { largest } = deviceMemory(this.#device, plan, this.#layout);
    const most = Math.min(this.#device.limits.maxStorageBufferBindingSize, this.#device.limits.maxBufferSize);
    if (largest <= most) return;
    const megabytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MB`;
    throw new UserError(
      `model: ${batchSize} sequences of ${steps} steps need a buffer of ${megabytes(largest)}, but this GPU's ` +
        `buffers have at most ${megabytes(most)}; give the sequences in smaller batches`,
    );
  }
}

/** Sizes that buffers are made for, few of them: kernels are compiled for each. */
function roomFor(count: number): number {
  return count <= 64 ? 2 ** Math.ceil(Math.log2(count)) : Math.ceil(count / 64) * 64;
}
