/**
 * The Vulkan driver of SwiftShader, a GPU that computes on the processor. It and a Vulkan loader are in the npm package
 * @sparticuz/chromium (Linux on x64), so tests on a GPU need nothing of the system; else the driver is Debian's, in
 * chromium-common. SCANSTROKE_TEST_GPU=1 leaves it out: tests then run on the machine's GPU.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { unpackPackagedChromium } from '../../page/packaged-chromium.js';

/** Where systems keep the driver. */
const SYSTEM_DRIVERS = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/usr/lib/chromium-browser/vk_swiftshader_icd.json',
];
/** glibc's flags of dlopen: resolve all symbols now; stay loaded after dlclose. */
const RTLD_NOW = 2;
const RTLD_NODELETE = 0x1000;

const SELDOM_POLLING = new URL('../../../../test/backends/webgpu/seldom-polling.mjs', import.meta.url).href;
if (!process.env.SCANSTROKE_TEST_GPU) await import(SELDOM_POLLING);

/** The path of the driver's description, and the folder of a loader where the system's is not used. */
function findDriver(): { icd: string; loaderFolder?: string } | undefined {
  if (process.env.SCANSTROKE_TEST_GPU) return undefined;
  const loaderFolder = unpackPackagedChromium();
  if (loaderFolder) return { icd: join(loaderFolder, 'vk_swiftshader_icd.json'), loaderFolder };
  const icd = SYSTEM_DRIVERS.find((path) => existsSync(path));
  return icd ? { icd } : undefined;
}

/** Environment in which a new process finds the driver. */
export function gpuEnvironment(): Record<string, string> {
  const driver = findDriver();
  if (!driver) return {};
  return {
    VK_ICD_FILENAMES: driver.icd,
    NODE_OPTIONS: `--import=${SELDOM_POLLING}`,
    ...(driver.loaderFolder && { LD_LIBRARY_PATH: driver.loaderFolder }),
  };
}

/** Makes this process find the driver. */
export function useSoftwareDriver(): void {
  const driver = findDriver();
  if (!driver) return;
  process.env.VK_ICD_FILENAMES = driver.icd;
  if (!driver.loaderFolder) return;
  try {
    // Dawn asks for libvulkan.so.1; the one that is loaded is taken.
    process.dlopen({ exports: {} }, join(driver.loaderFolder, 'libvulkan.so.1'), RTLD_NOW | RTLD_NODELETE);
  } catch {
    // Always: the loader is no addon. It stays loaded.
  }
}
