/**
 * Compiles the kernels into kernels/build, when sources or compiler have changed; in a clone that addon comes first.
 * Never fails an installation: without a compiler one line says so, and the WASM kernels take over.
 * With --arch=arm64 for another processor, with CXX by another compiler.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileAddon, findCompiler } from '../dist/backends/cpu/compile-addon.js';
import { KERNELS, sourcesHash } from '../dist/backends/cpu/load-addon.js';
import { compileCode, removeStalePrebuilds } from './prebuilds.mjs';

const build = join(KERNELS, 'build');
const output = join(build, 'scanstroke.node');
const stampFile = join(build, 'stamp');
const arch = /^--arch=(\w+)$/.exec(process.argv[2] ?? '')?.[1] ?? process.arch;

try {
  const stamp = [sourcesHash(), arch, findCompiler().join(' '), compileCode].join('\n');
  const current = existsSync(output) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp;
  if (!current) {
    rmSync(build, { recursive: true, force: true }); // an addon of older sources must not be taken for this one
    await compileAddon({ output, objects: join(build, 'objects'), arch });
    writeFileSync(stampFile, stamp);
  }
} catch (error) {
  rmSync(build, { recursive: true, force: true });
  mkdirSync(build);
  writeFileSync(join(build, 'build.log'), `${error.message}\n`);
  console.error(
    `scanstroke: no native kernels (${error.message}); the WASM kernels take over, about three times slower. ` +
      'For full speed install a C++ compiler, then: npm run build',
  );
}
removeStalePrebuilds();
