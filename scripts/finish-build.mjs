/** Puts beside the compiled TypeScript what tsc does not copy: the WASM kernels; makes the command executable. */
import { chmodSync, copyFileSync, existsSync } from 'node:fs';

const at = (path) => new URL(`../${path}`, import.meta.url);
copyFileSync(at('kernels/kernels.wasm'), at('dist/backends/wasm/kernels.wasm'));
if (existsSync(at('dist/cli/main.js'))) chmodSync(at('dist/cli/main.js'), 0o755);
