/** Peak memory of this process. */
import { processStatus } from './process-status.js';

/** Peak of the resident set, MiB. Linux: read from /proc, because `maxRSS` includes the peak of the parent process. */
export function peakMegabytes(): number {
  return (processStatus('VmHWM') ?? process.resourceUsage().maxRSS) / 1024;
}
