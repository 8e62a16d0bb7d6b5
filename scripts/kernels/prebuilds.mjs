/**
 * The folder prebuilds/, with a stamp of what its addons were compiled from. Addons without that stamp are removed:
 * they may be older than the sources or the compiler's flags, and load-addon.ts prefers them to compiling.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sourcesHash } from '../../dist/backends/cpu/load-addon.js';

export const PREBUILDS = fileURLToPath(new URL('../../prebuilds/', import.meta.url));
const stampFile = `${PREBUILDS}stamp`;

/** The code that calls the compiler; it contains the flags. */
export const compileCode = readFileSync(new URL('../../dist/backends/cpu/compile-addon.js', import.meta.url));

/** A hash of the kernels' sources and of the compiler's flags. */
const stamp = () => createHash('sha256').update(sourcesHash()).update(compileCode).digest('hex');

/** Removes prebuilds/ unless all in it was compiled from the present sources, with the present flags. */
export function removeStalePrebuilds() {
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp()) return;
  rmSync(PREBUILDS, { recursive: true, force: true });
}

/** Marks prebuilds/ as complete. Call this after all addons are compiled and checked. */
export function stampPrebuilds() {
  writeFileSync(stampFile, stamp());
}
