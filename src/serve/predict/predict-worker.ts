/** Worker thread that answers recognition requests. */
import { workerData } from 'node:worker_threads';
import { atRisk, serveBatches } from '../workers/worker-side.js';
import { OpenModels } from './open-models.js';
import { answerRequests, type PredictContext, type PredictJob } from './predict-jobs.js';

const models = new OpenModels(workerData.backend, atRisk);

serveBatches<PredictJob, string, PredictContext>((jobs, context) =>
  answerRequests(jobs, context, (source) => models.get(source)),
);
