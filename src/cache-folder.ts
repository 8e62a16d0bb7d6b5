/** Where what can be made again is kept, in Node.js. */
import envPaths from 'env-paths';

/**
 * SCANSTROKE_CACHE, or `scanstroke` in the system's place for such things (XDG_CACHE_HOME or ~/.cache;
 * ~/Library/Caches on macOS; %LOCALAPPDATA% on Windows).
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env.SCANSTROKE_CACHE || envPaths('scanstroke', { suffix: '' }).cache;
}
