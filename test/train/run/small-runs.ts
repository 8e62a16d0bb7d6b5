/** Runs of a few seconds on a small data set, each in a folder of its own name. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import { trainRun } from '#src/train/run/run.js';
import { FASTEST, smallConfig, temporaryFolder, writeSmallMnist } from '../small-mnist.js';

/** @param train number of training samples @param test number of test samples */
export function smallRuns(train: number, test: number) {
  const folder = temporaryFolder();
  const data = writeSmallMnist(folder, train, test);
  const at = (name: string) => join(folder, name);
  return {
    at,
    /** The folder of the data. */
    data,
    /** The last checkpoint of a run. */
    checkpointOf: (name: string) => decodeCheckpoint(readFileSync(join(at(name), 'last.safetensors')), name),
    /** @param updates after which the training is stopped */
    async train(name: string, flags: Record<string, unknown>, updates = Number.POSITIVE_INFINITY) {
      const stop = new AbortController();
      let done = 0;
      for await (const event of trainRun(smallConfig(data, at(name), { backend: FASTEST, ...flags }), {
        stop: stop.signal,
      })) {
        if (event.type === 'progress' && event.phase === 'train' && ++done >= updates) stop.abort();
      }
    },
  };
}
