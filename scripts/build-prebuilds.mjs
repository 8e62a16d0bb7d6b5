/**
 * Compiles the addons that the package brings, into prebuilds/: for Linux with glibc on x64 and on arm64, each with
 * the C++ library linked in, and stripped. The one for this machine is the one in kernels/build. `npm pack` and
 * `npm publish` run this script. Checks that no addon needs a newer glibc than Node.js itself does.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileAddon, findCompiler, NoCompilerError } from '../dist/backends/cpu/compile-addon.js';
import { KERNELS, machineName } from '../dist/backends/cpu/load-addon.js';
import { PREBUILDS, removeStalePrebuilds, stampPrebuilds } from './prebuilds.mjs';

/** Node.js 20 needs 2.28. */
const NEWEST_GLIBC = 28;
const TARGETS = {
  x64: { compiler: 'x86_64-linux-gnu-g++', debian: 'g++-x86-64-linux-gnu' },
  arm64: { compiler: 'aarch64-linux-gnu-g++', debian: 'g++-aarch64-linux-gnu' },
};
const objects = fileURLToPath(new URL('../build/prebuilds/', import.meta.url));

if (process.platform !== 'linux') {
  console.error('build-prebuilds: prebuilt kernels are made on Linux; the package holds none');
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
      `build-prebuilds: the package holds no kernels for linux-${arch}: ${compiler} is missing; Debian: apt-get install ${debian}`,
    );
    continue;
  }
  // Versions of symbols are stored as text: GLIBC_2.14
  const versions = readFileSync(output, 'latin1').matchAll(/GLIBC_2\.(\d+)/g);
  const newest = Math.max(...[...versions].map(([, minor]) => Number(minor)));
  if (!(newest <= NEWEST_GLIBC))
    throw new Error(`${output} needs glibc 2.${newest}, newer than 2.${NEWEST_GLIBC}`);
  console.error(`prebuilds/linux-${arch}.node: ${statSync(output).size} bytes, glibc 2.${newest} or newer`);
}
stampPrebuilds();
