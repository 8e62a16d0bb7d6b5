/**
 * Compiles the kernels to kernels/kernels.wasm and, with relaxed SIMD, to kernels/kernels-relaxed.wasm. Clang and
 * wasm-ld come from the npm package @yowasp/clang. The modules are committed; `--check` fails if they differ from a
 * fresh build.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { runClang } from '@yowasp/clang';

/** A page loads one module before it can recognise anything. */
const MAX_MODULE_BYTES = 65_536;

/** Additional flags of each module. With relaxed SIMD, clang compiles a·b + c to one instruction. */
const MODULES = { 'kernels.wasm': [], 'kernels-relaxed.wasm': ['-mrelaxed-simd'] };

const kernels = new URL('../../kernels/', import.meta.url);
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
  // Without loop strength reduction, the loads of a tile keep constant offsets instead of additions.
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
    (failure) => fail(`build-wasm: clang failed (${failure.message})`), // clang has printed its messages
  );
  const module = built[name];
  const path = `kernels/${name}`;
  if (module.length > MAX_MODULE_BYTES)
    fail(`build-wasm: ${path} has ${module.length} bytes; at most ${MAX_MODULE_BYTES} are allowed`);
  const target = new URL(name, kernels);
  if (!process.argv.includes('--check')) {
    writeFileSync(target, module);
    console.log(`${path}: ${module.length} bytes`);
  } else if (!Buffer.from(module).equals(readFileSync(target))) {
    fail(
      `build-wasm: ${path} differs from a build of the sources; run \`npm run build:wasm\` and commit the file`,
    );
  } else {
    console.log(`${path} is up to date (${module.length} bytes)`);
  }
}
