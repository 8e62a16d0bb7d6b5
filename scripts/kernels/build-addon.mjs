/**
 * Compiles the kernels into kernels/build if the sources, the compiler or its flags have changed. In a clone this addon
 * is loaded first. A failure does not fail the installation: one line reports it, and the WASM kernels are used.
 * `--arch=arm64` compiles for another processor; CXX names another compiler.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileAddon, findCompiler } from '../../dist/backends/cpu/compile-addon.js';
import { KERNELS, sourcesHash } from '../../dist/backends/cpu/load-addon.js';
import { compileCode, removeStalePrebuilds } from './prebuilds.mjs';

const build = join(KERNELS, 'build');
const output = join(build, 'scanstroke.node');
const stampFile = join(build, 'stamp');
const arch = /^--arch=(\w+)$/.exec(process.argv[2] ?? '')?.[1] ?? process.arch;

try {
  const stamp = [sourcesHash(), arch, findCompiler().join(' '), compileCode].join('\n');
  const current = existsSync(output) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp;
  if (!current) {
    rmSync(build, { recursive: true, force: true }); // a failed build must not leave an addon of older sources
    await compileAddon({ output, objects: join(build, 'objects'), arch });
    writeFileSync(stampFile, stamp);
  }
} catch (error) {
  rmSync(build, { recursive: true, force: true });
  mkdirSync(build);
  writeFileSync(join(build, 'build.log'), `${error.message}\n`);
  console.error(
    `scanstroke: no native kernels (${error.message}); the WASM kernels are used, about three times slower. ` +
      'For full speed install a C++ compiler, then: npm run build',
  );
}
removeStalePrebuilds();
