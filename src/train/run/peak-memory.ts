/** Peak memory of this process. */
import { readFileSync } from 'node:fs';

/** Peak of the resident set, MiB. Linux: read from /proc, because `maxRSS` includes the peak of the parent process. */
export function peakMegabytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS / 1024;
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
}
