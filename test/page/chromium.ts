/**
 * Finds a Chromium for the tests of the page: the one that CHROMIUM names; else the one in the npm package
 * @sparticuz/chromium (packaged-chromium.ts); else Debian's.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { unpackPackagedChromium } from './packaged-chromium.js';

/** Time limit for the start of a browser: enough for a cold disk. */
const START_MS = 30_000;

/**
 * WebGPU by SwiftShader, which computes on the processor. It compiles the extension for seconds; Dawn has a loop that does
 * the same.
 */
const SOFTWARE_GPU = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension',
];

interface Chromium {
  path: string;
  /** Environment with the libraries and fonts that the system lacks. */
  environment?: Record<string, string>;
}

function packagedChromium(): Chromium | undefined {
  const folder = unpackPackagedChromium();
  if (!folder) return undefined;
  const path = join(folder, 'chromium');
  // The system's libraries are newer and come first; the package's are used if they are missing.
  const runs = spawnSync(path, ['--version']).status === 0;
  const libraries: Record<string, string> = runs ? {} : { LD_LIBRARY_PATH: join(folder, 'lib') };
  return { path, environment: { ...libraries, FONTCONFIG_FILE: join(folder, 'fonts.conf') } };
}

/** The browsers to try, best first. */
function candidates(): Chromium[] {
  if (process.env.CHROMIUM !== undefined) return [{ path: process.env.CHROMIUM }];
  const systems = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  const packaged = packagedChromium();
  return [...(packaged ? [packaged] : []), ...systems.filter(existsSync).map((path) => ({ path }))];
}

/** Starts a browser without a window; null if none runs. */
export async function startChromium(): Promise<Browser | null> {
  for (const { path, environment } of candidates()) {
    try {
      return await chromium.launch({
        executablePath: path,
        args: ['--no-sandbox', '--disable-gpu', ...SOFTWARE_GPU],
        timeout: START_MS,
        env: { ...process.env, ...environment },
      });
    } catch {
      // the next one
    }
  }
  return null;
}

/** Instructions for a machine without a browser, in one line. */
export const NO_CHROMIUM =
  'no Chromium runs here; install it (Debian: apt-get install chromium), or name one: CHROMIUM=/path/to/chromium';
