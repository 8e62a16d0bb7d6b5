/**
 * Protects what is published from stale kernels: an addon in prebuilds/ is kept only if sources and compiler flags are
 * those that it was made from. Simulated compilers count their calls.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../train/small-mnist.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const foreign = process.arch === 'arm64' ? 'x64' : 'arm64';
const crossCompiler = foreign === 'x64' ? 'x86_64-linux-gnu-g++' : 'aarch64-linux-gnu-g++';
const skip = process.platform !== 'linux' && 'prebuilt kernels are made on Linux';

test('an addon of other sources, of other flags or without a stamp is made again', { skip }, () => {
  const folder = temporaryFolder();
  const at = (path: string) => join(folder, path);
  for (const part of [
    'scripts',
    'package.json',
    'dist/backends',
    'dist/vendor',
    'dist/user-error.js',
    'dist/cache-folder.js',
  ])
    cpSync(join(root, part), at(part), { recursive: true });
  for (const name of ['kernels/build', 'bin']) mkdirSync(at(name), { recursive: true });
  writeFileSync(at('kernels/kernels.cc'), 'first');
  const addon = at(`prebuilds/linux-${foreign}.node`);
  const links = () => Number(existsSync(at('links')) && readFileSync(at('links'), 'utf8').length);
  const compiler = `#!/bin/sh
for word; do output=$word; done
if [ "$1" = -shared ]; then printf x >>${at('links')}; fi
if [ "$1" != --version ]; then echo "$GLIBC" >"$output"; fi
`;
  for (const name of [crossCompiler, 'strip', 'g++'])
    writeFileSync(at(`bin/${name}`), name === 'strip' ? '#!/bin/sh\necho GLIBC_2.17 >"$3"\n' : compiler, {
      mode: 0o755,
    });
  const { CXX: _, NODE_OPTIONS: __, ...inherited } = process.env;
  const run = (script: string, GLIBC = 'GLIBC_2.17') =>
    execFileSync(process.execPath, [at(`scripts/kernels/${script}.mjs`)], {
      env: { ...inherited, PATH: `${at('bin')}:/usr/bin:/bin`, GLIBC },
      stdio: 'pipe',
    });
  const made = () => {
    const before = links();
    run('build-prebuilds');
    return links() - before;
  };

  assert.equal(made(), 1);
  assert.equal(made(), 0, 'unchanged');
  appendFileSync(at('kernels/kernels.cc'), 'second');
  assert.equal(made(), 1, 'other sources');
  appendFileSync(at('dist/backends/cpu/compile-addon.js'), '// other flags');
  assert.equal(made(), 1, 'other flags');

  rmSync(at('prebuilds'), { recursive: true });
  assert.throws(() => run('build-prebuilds', 'GLIBC_2.99'), /needs glibc 2\.99/);
  assert.ok(existsSync(addon), 'a run that fails leaves an addon and no stamp');
  assert.equal(made(), 1, 'no stamp');

  rmSync(at('prebuilds/stamp'));
  run('build-addon');
  assert.ok(!existsSync(addon), 'a clone loads no addon without a stamp');
});
