/**
 * Compiles the kernels into kernels/kernels.wasm with clang and wasm-ld from the npm package @yowasp/clang. The
 * module is committed; with --check, fails if it is not what the sources give.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { runClang } from '@yowasp/clang';

const kernels = new URL('../kernels/', import.meta.url);
const files = {};
for (const name of readdirSync(kernels)) {
  if (name === 'kernels.cc' || name.endsWith('.h'))
    files[name] = readFileSync(new URL(name, kernels), 'utf8');
}
const verbs = [...files['verbs.h'].matchAll(/X\((\w+), \w+\(/g)].map((match) => match[1]);

const flags = [
  ...[
    '--target=wasm32',
    '-std=c++17',
    '-O3',
    '-msimd128',
    '-matomics',
    '-mbulk-memory',
    '-nostdlib',
    '-nostdinc++',
  ],
  ...['-ffp-contract=fast', '-fno-math-errno', '-fno-trapping-math', '-Wall', '-Wextra'],
];
const link = [
  ...[
    '--no-entry',
    '--import-memory',
    '--shared-memory',
    '--max-memory=4294967296',
    '--export=__stack_pointer',
  ],
  ...[
    '--export=__heap_base',
    '-z',
    'stack-size=65536',
    '--strip-all',
    ...verbs.map((verb) => `--export=${verb}`),
  ],
];
const command = [
  'clang++',
  ...flags,
  'kernels.cc',
  '-o',
  'kernels.wasm',
  ...link.map((option) => `-Wl,${option}`),
];
const built = await runClang(command, files, { fetchProgress: () => {} }).catch((failure) => {
  console.error(`build-wasm: clang failed (${failure.message})`); // its own messages stand above
  process.exit(1);
});
const module = built['kernels.wasm'];
const target = new URL('kernels.wasm', kernels);
if (process.argv.includes('--check')) {
  if (!Buffer.from(module).equals(readFileSync(target))) {
    console.error(
      'kernels/kernels.wasm is not what the sources give; run `npm run build:wasm` and commit it',
    );
    process.exit(1);
  }
  console.log(`kernels/kernels.wasm is what the sources give (${module.length} bytes)`);
} else {
  writeFileSync(target, module);
  console.log(`kernels/kernels.wasm: ${module.length} bytes`);
}
