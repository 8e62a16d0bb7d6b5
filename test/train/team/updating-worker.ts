/** Worker thread for control.test.ts: runs the synchronisation of updates without arithmetic. */
import { parentPort, workerData } from 'node:worker_threads';
import { Control } from '#src/train/team/control.js';

export interface UpdatingStart {
  control: Int32Array;
  threads: number;
  shards: number;
  /** Ends after this many updates. */
  updates: number;
  /** Output: [updates · shards] the shards in the order in which they were added, and their number. */
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
