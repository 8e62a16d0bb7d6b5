/**
 * Finds npm `webgpu` (Dawn). It is not installed with this package, because it is 130 MB, so it may lie in another
 * folder: `npx scanstroke` runs from npm's cache, while the user has installed webgpu in the project or globally.
 */
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Where to look: this file's path, npm's variables, and Node.js. */
export interface Surroundings {
  own: string;
  env: NodeJS.ProcessEnv;
  execPath: string;
  platform: NodeJS.Platform;
}

const HERE: Surroundings = {
  own: fileURLToPath(import.meta.url),
  env: process.env,
  execPath: process.execPath,
  platform: process.platform,
};

/**
 * URL of the package's main module: the one beside this package; else, where npm started this process, the one of its
 * project; else the global one. The working folder itself does not count: a folder of a stranger must not bring code.
 * @returns null if it is not installed
 */
export function findDawn(here: Surroundings = HERE): string | null {
  const { own, env } = here;
  const project = env.npm_config_local_prefix;
  const folders = [dirname(own), ...(project ? [join(project, 'node_modules')] : []), globalModules(here)];
  for (const folder of folders) {
    try {
      return pathToFileURL(createRequire(join(folder, 'any.js')).resolve('webgpu')).href;
    } catch {
      // the next one
    }
  }
  return null;
}

/** What a user types to install the package where this one finds it. */
export function dawnInstallCommand(here: Surroundings = HERE): string {
  const inCache = here.own.includes(`${sep}_npx${sep}`);
  const isGlobal = here.own.startsWith(globalModules(here) + sep);
  return inCache || isGlobal ? 'npm install --global webgpu' : 'npm install webgpu';
}

/** The folder of global packages: npm's, or the one beside Node.js. */
function globalModules({ env, execPath, platform }: Surroundings): string {
  if (platform === 'win32') {
    const prefix =
      env.npm_config_global_prefix ?? (env.APPDATA ? join(env.APPDATA, 'npm') : dirname(execPath));
    return join(prefix, 'node_modules');
  }
  return join(env.npm_config_global_prefix ?? dirname(dirname(execPath)), 'lib/node_modules');
}
