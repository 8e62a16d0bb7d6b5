/** Worker thread for control.test.ts: runs the synchronisation of updates without arithmetic. */
import { parentPort, workerData } from 'node:worker_threads';
import { Control } from '#src/train/team/control.js';

export interface UpdatingStart {
  control: Int32Array;
  threads: number;
  units: number;
  /** Ends after this many updates. */
  updates: number;
  /** Output: [updates, units] how often each unit was taken in each update. */
  taken: Int32Array;
}

parentPort?.on('message', (start: UpdatingStart) => {
  const { threads, units, updates, taken } = start;
  const control = new Control(start.control);
  const first = workerData.index === 0;
  let done = 0;
  while (done < updates) {
    // In two waves, as with more units than buffers.
    for (const end of [Math.ceil(units / 2), units]) {
      for (let unit = control.take(end); unit < end; unit = control.take(end)) {
        Atomics.add(taken, done * units + unit, 1);
      }
      if (end < units) control.barrier(threads);
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
