/** The folder of files that can be created again: converted data sets and compiled kernels. Node.js only. */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { UserError } from './user-error.js';

/**
 * Path of the cache folder: SCANSTROKE_CACHE, or else `scanstroke` in the system's folder for caches (XDG_CACHE_HOME or
 * ~/.cache; ~/Library/Caches on macOS; %LOCALAPPDATA% on Windows).
 * @throws UserError if the user has no home folder (a container's user often has none), and no variable names another
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env.SCANSTROKE_CACHE || systemCache(env);
}

function systemCache({ XDG_CACHE_HOME = '', LOCALAPPDATA = '' }: NodeJS.ProcessEnv): string {
  switch (process.platform) {
    case 'darwin':
      return join(homeFolder(), 'Library/Caches/scanstroke');
    case 'win32':
      return join(LOCALAPPDATA || join(homeFolder(), 'AppData/Local'), 'scanstroke/Cache');
    default:
      // The specification of these variables says to ignore a relative path.
      return join(isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homeFolder(), '.cache'), 'scanstroke');
  }
}

function homeFolder(): string {
  let home = '';
  try {
    home = homedir();
  } catch {
    // HOME is not set, and the user is not in the list of users.
  }
  if (isAbsolute(home)) return home;
  throw new UserError(
    'there is no folder for the cache, because HOME is not set; SCANSTROKE_CACHE names one',
  );
}
