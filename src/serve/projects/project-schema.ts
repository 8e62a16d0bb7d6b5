/** Names of projects in addresses, and the schema of a training's state. */
import { z } from 'zod';
import type { ProjectTraining } from '../api.js';

/** A name becomes part of a folder's name. */
export const PROJECT_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

const share = z.number().min(0).max(1);
const when = z.iso.datetime();
export const projectTraining = z.object({
  name: z.string(),
  state: z.enum(['waiting', 'running', 'done', 'failed', 'cancelled']),
  before: z.int().describe('trainings that are done first'),
  classes: z.int(),
  drawings: z.int(),
  asked: when,
  ended: when.nullable(),
  progress: z
    .object({
      epoch: z.number(),
      epochs: z.int(),
      loss: z.number(),
      accuracy: share,
      seconds_left: z.number(),
    })
    .nullable(),
  run: z.string().nullable().describe('id of the run and of the model, when the training is done'),
  summary: z
    .record(z.string(), z.unknown())
    .nullable()
    .describe('what is known about the network, as in a project file (docs/teach.md)'),
  problem: z.string().nullable().describe('why the training failed'),
}) satisfies z.ZodType<ProjectTraining>;
