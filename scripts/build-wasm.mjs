/**
 * Compiles the kernels into kernels/kernels.wasm and, with relaxed SIMD, kernels/kernels-relaxed.wasm, with clang and
 * wasm-ld from the npm package @yowasp/clang. The modules are committed; with --check, fails if they are not what the
 * sources give.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { runClang } from '@yowasp/clang';

/** A page loads one of them before anything else. */
const MOST_BYTES = 60_000;

/** What else each module is compiled with. With relaxed SIMD, clang makes a·b + c one instruction. */
const MODULES = { 'kernels.wasm': [], 'kernels-relaxed.wasm': ['-mrelaxed-simd'] };

const kernels = new URL('../kernels/', import.meta.url);
const files = {};
for (const name of readdirSync(kernels)) {
  if (name === 'kernels.cc' || name.endsWith('.h'))
    files[name] = readFileSync(new URL(name, kernels), 'utf8');
}
const verbs = [...files['verbs.h'].matchAll(/X\((\w+), \w+\(/g)].map((match) => match[1]);

const flags = [
  ...['--target=wasm32', '-std=c++17', '-O3', '-msimd128', '-matomics', '-mbulk-memory'],
  ...['-nostdlib', '-nostdinc++', '-ffp-contract=fast', '-fno-math-errno', '-fno-trapping-math'],
  ...['-Wall', '-Wextra'],
  // Loop strength reduction would turn the constant offsets of a tile's loads into additions.
  ...['-mllvm', '-disable-lsr'],
];
const link = [
  ...['--no-entry', '--import-memory', '--shared-memory', '--max-memory=4294967296'],
  ...['--export=__stack_pointer', '--export=__heap_base', '-z', 'stack-size=65536', '--strip-all'],
  ...verbs.map((verb) => `--export=${verb}`),
];

function fail(message) {
  console.error(message);
  process.exit(1);
}

for (const [name, more] of Object.entries(MODULES)) {
  const command = ['clang++', ...flags, ...more, 'kernels.cc', '-o', name, ...link.map((o) => `-Wl,${o}`)];
  const built = await runClang(command, files, { fetchProgress: () => {} }).catch(
    (failure) => fail(`build-wasm: clang failed (${failure.message})`), // its own messages stand above
  );
  const module = built[name];
  const path = `kernels/${name}`;
  if (module.length > MOST_BYTES) fail(`${path} has ${module.length} bytes, more than ${MOST_BYTES}`);
  const target = new URL(name, kernels);
  if (!process.argv.includes('--check')) {
    writeFileSync(target, module);
    console.log(`${path}: ${module.length} bytes`);
  } else if (!Buffer.from(module).equals(readFileSync(target))) {
    fail(`${path} is not what the sources give; run \`npm run build:wasm\` and commit it`);
  } else {
    console.log(`${path} is what the sources give (${module.length} bytes)`);
  }
}
