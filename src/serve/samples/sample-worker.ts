/** Worker thread that answers the samples of runs. */
import { workerData } from 'node:worker_threads';
import { OpenModels } from '../predict/open-models.js';
import { serveBatches, tell } from '../workers/worker-side.js';
import { describeSample, listSamples, type SampleFilter } from './sample-answers.js';
import { AnsweredParts, partKey, type SampleSource } from './sample-jobs.js';

/** Computes the answers to a part, lists samples of it, or describes one of them. */
export type SampleJob = { source: SampleSource } & (
  | { type: 'answer' }
  | { type: 'list'; filter: SampleFilter }
  | { type: 'describe'; index: number }
);

/** Progress of answering a part. */
export interface SampleNews {
  key: string;
  done: number;
  total: number;
}

const models = new OpenModels(workerData.backend);
const parts = new AnsweredParts(
  (source) => models.get(source),
  workerData.roots,
  (key, done, total) => tell({ key, done, total } satisfies SampleNews),
);

serveBatches<SampleJob, string, null>((jobs) => Promise.allSettled(jobs.map(answer)));

async function answer(job: SampleJob): Promise<string> {
  const part = await parts.get(job.source);
  if (job.type === 'answer') return partKey(job.source);
  const recognizer = await models.get(job.source.model);
  if (job.type === 'list') return JSON.stringify(listSamples(part, recognizer.info.classes, job.filter));
  return JSON.stringify(await describeSample(part, recognizer, job.index));
}
