/**
 * Compiles the kernels into the Node-API addon, when sources are newer than what is there. Never fails an
 * installation: without a compiler it says so in one line, and the WASM kernels take over.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const kernels = fileURLToPath(new URL('../kernels/', import.meta.url));
const addon = join(kernels, 'build/Release/scanstroke.node');
const log = join(kernels, 'build/build.log');

const sources = readdirSync(kernels).filter((name) => /\.(cc|h|gyp)$/.test(name));
const newest = Math.max(...sources.map((name) => statSync(join(kernels, name)).mtimeMs));
if (existsSync(addon) && statSync(addon).mtimeMs >= newest) process.exit(0);

// npm brings node-gyp along and says where; Node's own headers, where they are installed, spare it a download.
const nodeGyp = process.env.npm_config_node_gyp;
const prefix = join(dirname(process.execPath), '..');
const headers = existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];

mkdirSync(join(kernels, 'build'), { recursive: true });
const run = nodeGyp
  ? spawnSync(process.execPath, [nodeGyp, 'rebuild', '--jobs=max', ...headers], {
      cwd: kernels,
      encoding: 'utf8',
    })
  : { status: 1, stdout: '', stderr: 'node-gyp not found: run this through npm (npm run build)' };
if (run.status !== 0) {
  const output = `${run.stdout}${run.stderr}${run.error ?? ''}`;
  const reason =
    /(not found|No such file|could not find|Could not find|error:)[^\n]*/.exec(output)?.[0] ?? 'build failed';
  mkdirSync(join(kernels, 'build'), { recursive: true });
  writeFileSync(log, output);
  console.error(
    `scanstroke: no native kernels (${reason.trim()}); the WASM kernels take over, about five times slower. ` +
      'For full speed install g++, make and python3, then: npm rebuild scanstroke || npm run build ' +
      '(log: kernels/build/build.log)',
  );
}
