/** Finishes a build: copies the WASM kernels, which tsc leaves out, and makes the command executable. */
import { chmodSync, copyFileSync, existsSync } from 'node:fs';

const at = (path) => new URL(`../${path}`, import.meta.url);
for (const name of ['kernels.wasm', 'kernels-relaxed.wasm'])
  copyFileSync(at(`kernels/${name}`), at(`dist/backends/wasm/${name}`));
if (existsSync(at('dist/cli/main.js'))) chmodSync(at('dist/cli/main.js'), 0o755);
