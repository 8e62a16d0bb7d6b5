/**
 * A GPU for tests: the machine's own or, where there is none, SwiftShader, which computes on the processor. Debian has
 * it in chromium-common, as Chromium's files elsewhere. One device a process: tests share it.
 */
import { existsSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { BackendUnavailable } from '#src/backends/registry.js';
import type { DeviceBackend } from '#src/backends/webgpu/webgpu.js';

/** Where systems keep the Vulkan driver of SwiftShader. */
const SWIFTSHADER = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/usr/lib/chromium-browser/vk_swiftshader_icd.json',
];

let opened: Promise<DeviceBackend | string> | null = null;

/** The GPU, or why there is none. */
export function testGpu(): Promise<DeviceBackend | string> {
  opened ??= open();
  return opened;
}

async function open(): Promise<DeviceBackend | string> {
  const software = SWIFTSHADER.find((path) => existsSync(path));
  if (software && !process.env.SCANSTROKE_TEST_GPU) process.env.VK_ICD_FILENAMES = software;
  try {
    const { openDawn } = await import('#src/backends/webgpu/open-dawn.js');
    return await openDawn();
  } catch (error) {
    if (error instanceof BackendUnavailable && !process.env.SCANSTROKE_NO_SKIPS) return error.message;
    throw error;
  }
}

/** The GPU; skips the test if there is none. */
export async function gpuOrSkip(t: TestContext): Promise<DeviceBackend | null> {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') return gpu;
  t.skip(gpu);
  return null;
}
