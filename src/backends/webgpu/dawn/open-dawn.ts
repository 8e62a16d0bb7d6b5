/** Opens a GPU in Node.js, with Dawn (npm `webgpu`), which users install beside this package. */
import { BackendUnavailable } from '../../registry.js';
import { TILE_FILES } from '../tile-files.js';
import { tilesOf } from '../tuning.js';
import { type GpuBackend, openDeviceBackend } from '../webgpu.js';
import { dawnInstallCommand, findDawn } from './find-dawn.js';

/** The functions of npm `webgpu` that are used. */
interface Dawn {
  create(flags: string[]): GPU;
}

/** SwiftShader compiles that way of zeroing the memory of workgroups word by word, for seconds; a loop does the same. */
const WITHOUT = 'use_vulkan_zero_initialize_workgroup_memory_extension';
const FLAGS = ['enable-dawn-features=allow_unsafe_apis', `disable-dawn-features=${WITHOUT}`];

let dawn: Promise<GPU> | null = null;

/** @throws BackendUnavailable when npm `webgpu` is not installed, or finds no GPU */
export async function openDawn(): Promise<GpuBackend> {
  const backend = await openDeviceBackend(
    await openedDawn(),
    'no GPU was found; install its driver (on Linux with Vulkan: libvulkan1)',
  );
  tilesOf(backend.device, TILE_FILES);
  return backend;
}

/** One for the whole process, kept: its devices do not survive its garbage collection. */
function openedDawn(): Promise<GPU> {
  dawn ??= loadDawn().then(
    ({ create }) => create(FLAGS),
    (error) => {
      // The package may be installed before the next call.
      dawn = null;
      throw error;
    },
  );
  return dawn;
}

async function loadDawn(): Promise<Dawn> {
  const url = findDawn();
  if (!url) {
    throw new BackendUnavailable(
      `backend webgpu: needs the package webgpu; install it with: ${dawnInstallCommand()}`,
    );
  }
  try {
    return (await import(url)) as Dawn;
  } catch (error) {
    const [reason] = (error as Error).message.split('\n');
    throw new BackendUnavailable(`backend webgpu: the package webgpu does not load (${reason})`);
  }
}
