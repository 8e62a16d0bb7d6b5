/** The script of a worker thread that goes through updates without arithmetic, for control.test.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { Control } from '#src/train/team/control.js';

export interface UpdatingStart {
  control: Int32Array;
  threads: number;
  shards: number;
  /** Ends after this many updates. */
  updates: number;
  /** [updates · shards] out: the shards in the order in which they were added, and how many. */
  order: Int32Array;
  added: Int32Array;
}

parentPort?.on('message', (start: UpdatingStart) => {
  const { threads, shards, updates, order, added } = start;
  const control = new Control(start.control);
  const first = workerData.index === 0;
  let done = 0;
  while (done < updates) {
    for (let shard = control.takeShard(); shard < shards; shard = control.takeShard()) {
      control.inTurn(shard, () => {
        order[Atomics.add(added, 0, 1)] = shard;
      });
    }
    control.barrier(threads);
    if (first) control.nextUpdate();
    control.barrier(threads);
    done++;
    if (first) control.advance();
    if (control.stopping) break;
  }
  control.end();
  parentPort?.postMessage(done);
});
