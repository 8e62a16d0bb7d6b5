/**
 * The backend on a GPU, by WebGPU. It has memory of its own: its verbs (verbs.ts) are lists of dispatches on slices
 * of that memory, so it offers none of the verbs of a `Backend`, which compute on the host's memory.
 */
import type { DeviceBackend } from '../backend.js';
import { BackendUnavailable } from '../registry.js';
import { DeviceOutOfMemory, GpuDevice } from './device.js';

/** What this package sees of it. */
export interface GpuBackend extends DeviceBackend {
  /** Memory, kernels and commands. */
  readonly device: GpuDevice;
}

export { DeviceOutOfMemory };

/** The GPU of a backend that a program opened. */
export function deviceOf(backend: DeviceBackend): GpuDevice {
  return (backend as GpuBackend).device;
}

/**
 * Opens the first GPU.
 * @throws BackendUnavailable if there is none
 */
export async function openDeviceBackend(gpu: GPU | undefined, missing: string): Promise<GpuBackend> {
  const device = gpu ? await GpuDevice.open(gpu).catch(refused) : null;
  if (!device) throw new BackendUnavailable(`backend webgpu: ${missing}`);
  return {
    name: 'webgpu',
    description: device.description,
    device,
    close: () => device.close(),
  };
}

function refused(error: Error): never {
  const [reason] = error.message.split('\n');
  throw new BackendUnavailable(`backend webgpu: the GPU does not open (${reason}); update its driver`);
}
