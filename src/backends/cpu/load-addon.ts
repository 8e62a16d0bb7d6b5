/**
 * Loads the Node-API addon from the first of three places that has one for this machine:
 *
 * 1. `kernels/build`, in a clone: what `npm run build` compiled of the sources as they are; never in the package;
 * 2. `prebuilds`, in the package: made before publishing, for the machines that most people have;
 * 3. the cache folder: what `scanstroke build` compiled. Its place is named by a hash of the sources; without the
 *    sources (in a server's bundle, say) this place is left out.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from '../../cache-folder.js';
import type { Verbs } from '../kernel-backend.js';

export interface Addon {
  /** The instruction sets that this processor has, best first. */
  available: string[];
  open(isa: string): Verbs<Float32Array | null, Int32Array>;
}

/** The addon and its path; or why there is none, in a clause, and whether a file is there that cannot be loaded. */
export type LoadedAddon =
  | { addon: Addon; path: string; reason?: undefined; failed?: undefined }
  | { addon?: undefined; path?: undefined; reason: string; failed: boolean };

const root = fileURLToPath(new URL('../../../', import.meta.url));
const require = createRequire(import.meta.url);

/** The folder of the C++ sources. */
export const KERNELS = join(root, 'kernels');

/** `linux-x64` and the like: what an addon is compiled for. */
export function machineName(arch: string = process.arch): string {
  return `${process.platform}-${arch}`;
}

/** A hash of the kernels' sources. */
export function sourcesHash(): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(KERNELS).sort()) {
    if (/\.(cc|h)$/.test(name)) hash.update(`\n${name}\n`).update(readFileSync(join(KERNELS, name)));
  }
  return hash.digest('hex').slice(0, 16);
}

/** Where `scanstroke build` puts the addon. */
export function cachedAddon(): string {
  return join(cacheFolder(), `kernels-${sourcesHash()}`, `${machineName()}.node`);
}

let loaded: LoadedAddon | undefined;

/** Loads the addon, once in a thread. */
export function loadAddon(): LoadedAddon {
  loaded ??= searchAddon();
  return loaded;
}

/** Looks again, after something was compiled. */
export function searchAddon(): LoadedAddon {
  let failed = false;
  let reason = `there are no native kernels for ${machineName()}`;
  const places = [
    () => join(KERNELS, 'build/scanstroke.node'),
    () => join(root, 'prebuilds', `${machineName()}.node`),
    ...(existsSync(KERNELS) ? [cachedAddon] : []),
  ];
  for (const place of places) {
    const path = place();
    if (!existsSync(path)) continue;
    try {
      return { addon: require(path) as Addon, path };
    } catch (error) {
      // For another C library, say. The dynamic linker's message names the file; the path may be long.
      const [message] = (error as Error).message.replaceAll(path, 'they').split('\n');
      reason = `the native kernels for ${machineName()} do not load here (${message})`;
      failed = true;
    }
  }
  return { reason, failed };
}
