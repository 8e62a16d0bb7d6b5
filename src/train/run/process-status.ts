/** What Linux says of this process. Some sandboxes have no /proc, or leave out values. */
import { readFileSync } from 'node:fs';

/** A size from /proc/self/status, KiB; null where there is none. @param name such as `VmHWM` */
export function processStatus(name: string): number | null {
  return numberIn('/proc/self/status', new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm'));
}

/** Bytes of address space that this process may have; null without a limit. */
export function addressSpaceLimit(): number | null {
  return numberIn('/proc/self/limits', /^Max address space +(\d+)/m);
}

/** Files that this process may have open at once; null without a limit. */
export function openFilesLimit(): number | null {
  return numberIn('/proc/self/limits', /^Max open files +(\d+)/m);
}

function numberIn(path: string, pattern: RegExp): number | null {
  if (process.platform !== 'linux') return null;
  try {
    const found = pattern.exec(readFileSync(path, 'utf8'));
    return found && Number(found[1]);
  } catch {
    return null;
  }
}
