/** Worker thread that reads the bodies of requests to teach. */
import { serveBatches } from '../workers/worker-side.js';
import { type CheckedProject, checkProject, type ProjectBody } from './project-check.js';

serveBatches<ProjectBody, CheckedProject, null>((jobs) =>
  Promise.allSettled(jobs.map(async (job) => checkProject(job))),
);
