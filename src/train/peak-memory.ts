/** How much memory this process has needed. */
import { readFileSync } from 'node:fs';

/** Peak of the resident set, MiB. On Linux `maxRSS` would not do: a process inherits the peak of what started it. */
export function peakMegabytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS / 1024;
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
}
