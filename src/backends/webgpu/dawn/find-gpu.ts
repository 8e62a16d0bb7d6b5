/**
 * Whether this machine has a GPU, asked before one is opened. Another process looks (gpu-finder.ts), because drivers
 * write to standard error, and a broken one ends its process.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findDawn } from './find-dawn.js';

/** A driver that needs longer counts as missing. */
const PATIENCE_MS = 10_000;

/** Linux: the files through which drivers reach a GPU. Without them there is none, and no process has to look. */
const DEVICE_FILES = ['/dev/dri', '/dev/nvidiactl', '/dev/dxg', '/dev/kgsl-3d0', '/dev/mali0'];

/** True if npm `webgpu` is installed and finds a GPU that is not emulated by the processor. Never throws. */
export async function findGpu(): Promise<boolean> {
  if (process.platform === 'linux' && !DEVICE_FILES.some((path) => existsSync(path))) return false;
  if (!findDawn()) return false;
  const finder = fileURLToPath(new URL('./gpu-finder.js', import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [finder], { timeout: PATIENCE_MS }, (error, stdout) => {
      resolve(error === null && stdout.startsWith('hardware'));
    });
  });
}
