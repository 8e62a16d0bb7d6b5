/**
 * A GPU for tests: SwiftShader, or the machine's own (software-driver.ts). One device a process: tests share it.
 * scripts/run-tests.mjs runs all files that import this one in one process. If no GPU opens, it sets
 * SCANSTROKE_NO_GPU to the reason.
 */
import type { TestContext } from 'node:test';
import { BackendUnavailable } from '#src/backends/registry.js';
import type { GpuBackend } from '#src/backends/webgpu/webgpu.js';
import { useSoftwareDriver } from './software-driver.js';

let opened: Promise<GpuBackend | string> | null = null;

/** The GPU, or why there is none. */
export function testGpu(): Promise<GpuBackend | string> {
  opened ??= open();
  return opened;
}

async function open(): Promise<GpuBackend | string> {
  if (process.env.SCANSTROKE_NO_GPU) return process.env.SCANSTROKE_NO_GPU;
  useSoftwareDriver();
  try {
    const { openDawn } = await import('#src/backends/webgpu/dawn/open-dawn.js');
    return await openDawn();
  } catch (error) {
    if (error instanceof BackendUnavailable && !process.env.SCANSTROKE_NO_SKIPS) return error.message;
    throw error;
  }
}

/** The GPU; skips the test if there is none. */
export async function gpuOrSkip(t: TestContext): Promise<GpuBackend | null> {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') return gpu;
  t.skip('no GPU');
  return null;
}
