/** A worker for the tests of the pool: answers or fails as each job says. */
import { openSync } from 'node:fs';
import { HttpError } from '#src/serve/http-error.js';
import { atRisk, serveBatches, tell } from '#src/serve/workers/worker-side.js';

export type EchoJob =
  | { say: string }
  | { fail: string }
  | { crash: true }
  | { sleep: number }
  /** Opens a file, with what happens meanwhile: nothing, too much memory, an endless loop. */
  | { opens: string; doing: 'nothing' | 'hog' | 'spin' }
  /** Allocates memory without end. */
  | { hog: true }
  /** Opens a pipe, and is stuck. */
  | { pipe: string }
  /** Sends a message now and then, for this time. */
  | { chat: number };

/** Openings of each file in this worker. */
let opened = 0;

serveBatches<EchoJob, { said: string; batch: number; context: unknown }, unknown>(async (jobs, context) => {
  tell(jobs.length);
  return Promise.allSettled(
    jobs.map(async (job) => {
      if ('crash' in job) process.exit(1);
      if ('fail' in job)
        throw job.fail === 'defect' ? new TypeError('a defect') : new HttpError(418, job.fail);
      if ('hog' in job) hog();
      if ('pipe' in job) openSync(job.pipe, 'r');
      if ('chat' in job) {
        for (let time = 0; time < job.chat; time += 50) {
          await new Promise((resolve) => setTimeout(resolve, 50));
          tell('still here');
        }
      }
      if ('opens' in job) {
        await atRisk({ key: job.opens, problem: `${job.opens} cannot be opened` }, async () => {
          opened++;
          await new Promise((resolve) => setTimeout(resolve, 20));
          if (job.doing === 'hog') hog();
          while (job.doing === 'spin');
        });
        return { said: `${opened}`, batch: jobs.length, context };
      }
      if ('sleep' in job) await new Promise((resolve) => setTimeout(resolve, job.sleep));
      return { said: 'say' in job ? job.say : '', batch: jobs.length, context };
    }),
  );
});

function hog(): never {
  const kept: unknown[] = [];
  for (;;) kept.push({ n: kept.length });
}
