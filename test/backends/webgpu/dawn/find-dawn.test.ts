/** Protects that npm `webgpu` is found wherever users install it, and nowhere else. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { dawnInstallCommand, findDawn, type Surroundings } from '#src/backends/webgpu/dawn/find-dawn.js';
import { temporaryFolder } from '../../../train/small-mnist.js';

/** Installs an empty package, and returns the URL of its module. */
function install(modules: string): string {
  const folder = join(modules, 'webgpu');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "name": "webgpu", "type": "module", "main": "index.js" }');
  writeFileSync(join(folder, 'index.js'), '');
  return pathToFileURL(join(folder, 'index.js')).href;
}

/** This package as `npx` runs it from npm's cache, in a project. */
function fromCache(root: string): Surroundings {
  return {
    own: join(root, 'cache/_npx/1a2b/node_modules/scanstroke/dist/backends/webgpu/dawn/find-dawn.js'),
    env: { npm_config_local_prefix: join(root, 'project'), npm_config_global_prefix: join(root, 'global') },
    execPath: join(root, 'system/bin/node'),
    platform: 'linux',
  };
}

test('npx finds webgpu beside scanstroke, else in the project, else among the global packages', () => {
  const root = temporaryFolder();
  const here = fromCache(root);
  assert.equal(findDawn(here), null);
  for (const folder of ['global/lib', 'project', 'cache/_npx/1a2b']) {
    const url = install(join(root, folder, 'node_modules'));
    assert.equal(findDawn(here), url);
  }
});

test('without npm the global packages are those beside Node.js, and the working folder does not count', () => {
  const root = temporaryFolder();
  const here = { ...fromCache(root), env: {} };
  install(join(root, 'project/node_modules'));
  const before = process.cwd();
  process.chdir(join(root, 'project'));
  try {
    assert.equal(findDawn(here), null);
  } finally {
    process.chdir(before);
  }
  const url = install(join(root, 'system/lib/node_modules'));
  assert.equal(findDawn(here), url);
});

test('the command installs webgpu where it is found', () => {
  const root = temporaryFolder();
  const here = fromCache(root);
  assert.equal(dawnInstallCommand(here), 'npm install --global webgpu');
  const local = join(root, 'project/node_modules/scanstroke/dist/find-dawn.js');
  assert.equal(dawnInstallCommand({ ...here, own: local }), 'npm install webgpu');
  const global = join(root, 'global/lib/node_modules/scanstroke/dist/find-dawn.js');
  assert.equal(dawnInstallCommand({ ...here, own: global }), 'npm install --global webgpu');
});
