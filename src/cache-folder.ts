/** The folder of files that can be created again: converted data sets and compiled kernels. Node.js only. */
import envPaths from 'env-paths';

/**
 * Path of the cache folder: SCANSTROKE_CACHE, or else `scanstroke` in the system's folder for caches (XDG_CACHE_HOME or
 * ~/.cache; ~/Library/Caches on macOS; %LOCALAPPDATA% on Windows).
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env.SCANSTROKE_CACHE || envPaths('scanstroke', { suffix: '' }).cache;
}
