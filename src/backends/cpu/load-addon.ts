/**
 * Loads the Node-API addon from the first of three places that contains one for this machine:
 *
 * 1. `kernels/build`, in a clone only: `npm run build` compiles it from the current sources;
 * 2. `prebuilds`, in the package: compiled before publishing, for Linux on x64 and arm64;
 * 3. the cache folder: `scanstroke build` compiles it there, in a folder named after a hash of the sources.
 *    Without the sources (in a server's bundle) this place is left out.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from '../../cache-folder.js';
import { UserError } from '../../user-error.js';
import type { Verbs } from '../kernel-backend.js';
import type { Stored } from '../stored.js';

export interface Addon {
  /** The instruction sets that this processor supports, fastest first. */
  available: string[];
  open(isa: string): Verbs<number, number>;
  /** A buffer as the verbs take it. Its memory must not move: that of a SharedArrayBuffer does not. */
  address(array: Int32Array | Stored): number;
}

/** The addon and its path; or the reason why there is none, as a clause. `failed`: a file exists but does not load. */
export type LoadedAddon =
  | { addon: Addon; path: string; reason?: undefined; failed?: undefined }
  | { addon?: undefined; path?: undefined; reason: string; failed: boolean };

const root = fileURLToPath(new URL('../../../', import.meta.url));
const require = createRequire(import.meta.url);

/** The folder of the C++ sources. */
export const KERNELS = join(root, 'kernels');

/** The platform that an addon is compiled for, e.g. `linux-x64`. */
export function machineName(arch: string = process.arch): string {
  return `${process.platform}-${arch}`;
}

/** Hash of the kernels' sources, 16 hex digits. */
export function sourcesHash(): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(KERNELS).sort()) {
    if (/\.(cc|h)$/.test(name)) hash.update(`\n${name}\n`).update(readFileSync(join(KERNELS, name)));
  }
  return hash.digest('hex').slice(0, 16);
}

/** The path to which `scanstroke build` writes the addon. @throws UserError if there is no folder for the cache */
export function cachedAddon(): string {
  return join(cacheFolder(), `kernels-${sourcesHash()}`, `${machineName()}.node`);
}

/** The same; null without a folder for the cache. */
function cachedAddonIfAny(): string | null {
  try {
    return cachedAddon();
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

let loaded: LoadedAddon | undefined;

/** The addon, searched at the first call in each thread. */
export function loadAddon(): LoadedAddon {
  loaded ??= searchAddon();
  return loaded;
}

/** Searches again, after an addon was compiled. */
export function searchAddon(): LoadedAddon {
  let failed = false;
  let reason = `there are no native kernels for ${machineName()}`;
  const places = [
    () => join(KERNELS, 'build/scanstroke.node'),
    () => join(root, 'prebuilds', `${machineName()}.node`),
    ...(existsSync(KERNELS) ? [cachedAddonIfAny] : []),
  ];
  for (const place of places) {
    const path = place();
    if (path === null || !existsSync(path)) continue;
    try {
      return { addon: require(path) as Addon, path };
    } catch (error) {
      // E.g. an addon for another C library. The dynamic linker's message names the file, whose path may be long.
      const [message] = (error as Error).message.replaceAll(path, 'they').split('\n');
      reason = `the native kernels for ${machineName()} do not load here (${message})`;
      failed = true;
    }
  }
  return { reason, failed };
}
