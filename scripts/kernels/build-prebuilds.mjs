/**
 * Compiles the addons of the package into prebuilds/: for Linux with glibc on x64 and arm64, stripped, with the C++
 * library linked statically. The addon for this machine is copied from kernels/build. Checks that no addon needs a
 * newer glibc than Node.js does. `npm pack` and `npm publish` run this script.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileAddon, findCompiler, NoCompilerError } from '../../dist/backends/cpu/compile-addon.js';
import { KERNELS, machineName } from '../../dist/backends/cpu/load-addon.js';
import { PREBUILDS, removeStalePrebuilds, stampPrebuilds } from './prebuilds.mjs';

/** Minor version: Node.js 20 needs glibc 2.28. */
const NEWEST_GLIBC = 28;
const TARGETS = {
  x64: { compiler: 'x86_64-linux-gnu-g++', debian: 'g++-x86-64-linux-gnu' },
  arm64: { compiler: 'aarch64-linux-gnu-g++', debian: 'g++-aarch64-linux-gnu' },
};
const objects = fileURLToPath(new URL('../../build/prebuilds/', import.meta.url));

if (process.platform !== 'linux') {
  console.error('build-prebuilds: prebuilt kernels are compiled on Linux only; the package contains none');
  process.exit(0);
}
removeStalePrebuilds();
mkdirSync(PREBUILDS, { recursive: true });
for (const [arch, { compiler, debian }] of Object.entries(TARGETS)) {
  const output = join(PREBUILDS, `${machineName(arch)}.node`);
  try {
    if (arch === process.arch) {
      findCompiler();
      execFileSync('strip', ['--strip-unneeded', '-o', output, join(KERNELS, 'build/scanstroke.node')]);
    } else if (!existsSync(output)) {
      await compileAddon({ output, objects: join(objects, arch), arch, compiler, strip: true });
    }
  } catch (error) {
    if (!(error instanceof NoCompilerError)) throw error;
    console.error(
      `build-prebuilds: the package contains no kernels for linux-${arch}: ${compiler} is missing; Debian: apt-get install ${debian}`,
    );
    continue;
  }
  // The addon names the versions of its symbols as text: GLIBC_2.14
  const versions = readFileSync(output, 'latin1').matchAll(/GLIBC_2\.(\d+)/g);
  const newest = Math.max(...[...versions].map(([, minor]) => Number(minor)));
  if (!(newest <= NEWEST_GLIBC))
    throw new Error(`${output} needs glibc 2.${newest}, newer than 2.${NEWEST_GLIBC}`);
  console.error(`prebuilds/linux-${arch}.node: ${statSync(output).size} bytes, glibc 2.${newest} or newer`);
}
stampPrebuilds();
