/**
 * Puts beside the compiled TypeScript what tsc does not copy: the WASM kernels, the headers that the addon is
 * compiled with; makes the command executable.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const packageFolder = (name) => dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));

for (const name of ['kernels.wasm', 'kernels-relaxed.wasm'])
  copyFileSync(at(`kernels/${name}`), at(`dist/backends/wasm/${name}`));

const headers = at('dist/backends/cpu/node-api-headers');
mkdirSync(headers, { recursive: true });
for (const name of ['node_api.h', 'node_api_types.h', 'js_native_api.h', 'js_native_api_types.h'])
  copyFileSync(join(packageFolder('node-api-headers'), 'include', name), join(headers, name));
copyFileSync(join(packageFolder('node-api-headers'), 'LICENSE'), join(headers, 'LICENSE'));

if (existsSync(at('dist/cli/main.js'))) chmodSync(at('dist/cli/main.js'), 0o755);
