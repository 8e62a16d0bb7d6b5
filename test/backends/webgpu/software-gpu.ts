/**
 * A GPU for tests: SwiftShader, which computes on the processor, or the machine's own GPU. One device a process: tests
 * share it.
 *
 * SwiftShader and a Vulkan loader are in the npm package @sparticuz/chromium (Linux on x64), so tests on a GPU need
 * nothing of the system; else SwiftShader is Debian's, in chromium-common. SCANSTROKE_TEST_GPU=1 takes the machine's
 * own GPU. SCANSTROKE_NO_GPU, set by scripts/run-tests.mjs, is the reason why none opens.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { BackendUnavailable } from '#src/backends/registry.js';
import type { DeviceBackend } from '#src/backends/webgpu/webgpu.js';
import { unpackPackagedChromium } from '../../page/packaged-chromium.js';

/** A Vulkan driver, and the folder of a loader where the system's is not used. */
interface SoftwareDriver {
  icd: string;
  loaderFolder?: string;
}

/** Where systems keep the Vulkan driver of SwiftShader. */
const SYSTEM_DRIVERS = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/usr/lib/chromium-browser/vk_swiftshader_icd.json',
];
/** glibc's flags of dlopen: resolve all symbols now; stay loaded after dlclose. */
const RTLD_NOW = 2;
const RTLD_NODELETE = 0x1000;

function findDriver(): SoftwareDriver | undefined {
  if (process.env.SCANSTROKE_TEST_GPU) return undefined;
  const loaderFolder = unpackPackagedChromium();
  if (loaderFolder) return { icd: join(loaderFolder, 'vk_swiftshader_icd.json'), loaderFolder };
  const icd = SYSTEM_DRIVERS.find((path) => existsSync(path));
  return icd ? { icd } : undefined;
}

/** Environment in which another process finds the same GPU. */
export function gpuEnvironment(): Record<string, string> {
  const driver = findDriver();
  if (!driver) return {};
  return {
    VK_ICD_FILENAMES: driver.icd,
    ...(driver.loaderFolder && { LD_LIBRARY_PATH: driver.loaderFolder }),
  };
}

let opened: Promise<DeviceBackend | string> | null = null;

/** The GPU, or why there is none. */
export function testGpu(): Promise<DeviceBackend | string> {
  opened ??= open();
  return opened;
}

async function open(): Promise<DeviceBackend | string> {
  if (process.env.SCANSTROKE_NO_GPU) return process.env.SCANSTROKE_NO_GPU;
  const driver = findDriver();
  if (driver) process.env.VK_ICD_FILENAMES = driver.icd;
  if (driver?.loaderFolder) loadVulkan(join(driver.loaderFolder, 'libvulkan.so.1'));
  try {
    const { openDawn } = await import('#src/backends/webgpu/open-dawn.js');
    return await openDawn();
  } catch (error) {
    if (error instanceof BackendUnavailable && !process.env.SCANSTROKE_NO_SKIPS) return error.message;
    throw error;
  }
}

/** Loads a Vulkan loader, so that Dawn, which asks for libvulkan.so.1, gets this one. */
function loadVulkan(path: string): void {
  try {
    process.dlopen({ exports: {} }, path, RTLD_NOW | RTLD_NODELETE);
  } catch {
    // Always: the loader is no addon. It stays loaded.
  }
}

/** The GPU; skips the test if there is none. */
export async function gpuOrSkip(t: TestContext): Promise<DeviceBackend | null> {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') return gpu;
  t.skip('no GPU');
  return null;
}
