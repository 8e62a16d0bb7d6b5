/**
 * Completes package-lock.json after `npm install`. A registry mirror may lack the prebuilt binaries of some platforms.
 * npm then leaves them out of the lock file, and `npm ci` refuses it. The missing entries follow from the package names,
 * which contain the system and the processor; all are optional dependencies of the same version.
 *
 * Removes the marks of install scripts: `npm ci` then runs none. onnxruntime-node's would download CUDA's libraries on
 * Linux; its processor's library is in the package.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const path = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(path, 'utf8'));
const SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'win32'];
const PROCESSORS = { arm64: 'arm64', x64: 'x64', ia32: 'ia32', riscv64: 'riscv64', arm: 'arm' };

for (const owner of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(owner.optionalDependencies ?? {})) {
    const place = `node_modules/${name}`;
    if (lock.packages[place]) continue;
    const system = SYSTEMS.find((word) => name.includes(`-${word}`));
    const processor = Object.entries(PROCESSORS).find(([word]) => name.includes(`-${word}`));
    if (!system || !processor)
      throw new Error(`complete-lockfile: the name ${name} contains no known system and processor`);
    const libc = system !== 'linux' ? undefined : name.endsWith('-musl') ? ['musl'] : ['glibc'];
    lock.packages[place] = {
      version,
      cpu: [processor[1]],
      ...(owner.dev && { dev: true }),
      ...(libc && { libc }),
      license: owner.license,
      optional: true,
      os: [system],
    };
  }
}
const sorted = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1));
lock.packages = Object.fromEntries(sorted);
for (const entry of Object.values(lock.packages)) {
  delete entry.resolved;
  delete entry.hasInstallScript;
}
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
