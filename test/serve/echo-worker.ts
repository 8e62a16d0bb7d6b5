/** A worker for the tests of the pool: answers or fails as each job says. */
import { HttpError } from '#src/serve/http-error.js';
import { serveBatches, tell } from '#src/serve/workers/worker-side.js';

export type EchoJob = { say: string } | { fail: string } | { crash: true } | { sleep: number };

serveBatches<EchoJob, { said: string; batch: number; context: unknown }, unknown>(async (jobs, context) => {
  tell(jobs.length);
  return Promise.allSettled(
    jobs.map(async (job) => {
      if ('crash' in job) process.exit(1);
      if ('fail' in job)
        throw job.fail === 'defect' ? new TypeError('a defect') : new HttpError(418, job.fail);
      if ('sleep' in job) await new Promise((resolve) => setTimeout(resolve, job.sleep));
      return { said: 'say' in job ? job.say : '', batch: jobs.length, context };
    }),
  );
});
