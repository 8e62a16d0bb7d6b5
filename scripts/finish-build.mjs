/**
 * Finishes a build: removes what tsc compiled from files that are no more, copies what it leaves out (the WASM kernels,
 * the headers for the addon, the decoders of pictures, the charts' fonts and echarts) and makes the command executable.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { listFiles } from './file-names.mjs';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const packageFolder = (name) => dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));

// tsc leaves them: a test that has moved would run twice, and the package would have both.
for (const [output, source] of [
  ['dist', 'src'],
  ['build/test', 'test'],
  ['build/bench', 'bench'],
]) {
  const maps = existsSync(at(output)) ? listFiles(at(output)).filter((name) => name.endsWith('.js.map')) : [];
  for (const stem of maps.map((name) => name.slice(0, -'.js.map'.length))) {
    if (existsSync(at(`${source}/${stem}.ts`))) continue;
    for (const ending of ['.js', '.js.map', '.d.ts'])
      rmSync(at(`${output}/${stem}${ending}`), { force: true });
  }
}

for (const name of ['kernels.wasm', 'kernels-relaxed.wasm'])
  copyFileSync(at(`kernels/${name}`), at(`dist/backends/wasm/${name}`));

/** Copies files of a package into a folder of dist. */
function copyFiles(name, files, folder) {
  mkdirSync(at(folder), { recursive: true });
  for (const file of files) copyFileSync(join(packageFolder(name), file), join(at(folder), basename(file)));
}
const headers = ['node_api', 'node_api_types', 'js_native_api', 'js_native_api_types'];
copyFiles(
  'node-api-headers',
  ['LICENSE', ...headers.map((header) => `include/${header}.h`)],
  'dist/backends/cpu/node-api-headers',
);
copyFiles(
  '@expo-google-fonts/ibm-plex-sans',
  ['LICENSE_FONT', '400Regular/IBMPlexSans_400Regular.ttf', '600SemiBold/IBMPlexSans_600SemiBold.ttf'],
  'dist/report/charts/fonts',
);

// The glue code of these decoders is bundled into dist/vendor.
for (const [name, codec] of [
  ['jpeg', 'mozjpeg_dec'],
  ['webp', 'webp_dec'],
]) {
  copyFiles(
    `@jsquash/${name}`,
    ['LICENSE', 'codec/LICENSE.codec.md', `codec/dec/${codec}.wasm`],
    `dist/data/pictures/codecs/${name}`,
  );
}
copyFiles('echarts', ['LICENSE', 'NOTICE'], 'dist/report/charts/echarts');
copyFileSync(
  join(packageFolder('echarts'), 'dist/echarts.min.js'),
  at('dist/report/charts/echarts/echarts.min.cjs'), // a CommonJS module
);

if (existsSync(at('dist/cli/main.js'))) chmodSync(at('dist/cli/main.js'), 0o755);
