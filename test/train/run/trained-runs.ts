/** Runs that are watched event by event, and stopped at any of them; and what their checkpoints hold. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Checkpoint } from '#src/runs/checkpoint/checkpoint.js';
import type { TrainEvent } from '#src/train/events.js';
import { trainRun } from '#src/train/run/run.js';
import type { smallConfig } from '../small-mnist.js';
import { smallRuns } from './small-runs.js';

/** Settings with random numbers in every update, and a rate that depends on the number of updates. */
export const dropping = { dropoutRate: 0.3, schedule: 'one-cycle', numEpochs: 3 };

/** A new folder with a small data set, for runs below it. */
export function trainedRuns() {
  const { at, data, checkpointOf } = smallRuns(480, 40); // 360 for training: nine updates of 40 per epoch
  return {
    at,
    /** The folder of the data. */
    data,
    /** The bytes of a checkpoint, as text. */
    checkpoint: (run: string, file: string) => readFileSync(join(at(run), file)).toString('base64'),
    /** The content of a checkpoint that must not depend on interruptions: everything except times. */
    withoutTimes(run: string): Checkpoint {
      const last = checkpointOf(run);
      Object.assign(last.training?.state ?? {}, { epochSeconds: 0, trainSeconds: 0, joules: 0 });
      return last;
    },
  };
}

/** Runs to the end, or until `stopWhen` returns true. */
export async function train(
  config: ReturnType<typeof smallConfig>,
  stopWhen: (event: TrainEvent) => boolean = () => false,
) {
  const stop = new AbortController();
  const events: TrainEvent[] = [];
  const run = trainRun(config, { stop: stop.signal });
  let next = await run.next();
  for (; !next.done; next = await run.next()) {
    events.push(next.value);
    if (stopWhen(next.value)) stop.abort();
  }
  return { events, end: next.value };
}

/** The end of a run that was not interrupted. */
export function lastOf({ events }: Awaited<ReturnType<typeof train>>) {
  const last = events.at(-1);
  assert.ok(last?.type === 'done');
  return last;
}
