/**
 * Takes and releases the lock of a run folder for run-lock.test.ts, as another process. A line `lock FOLDER` on standard
 * input is answered by `got` or by the error's message, a line `release` by `released`.
 */
import { createInterface } from 'node:readline';
import { lockRun } from '../../dist/runs/run-lock.js';

let lock;
for await (const line of createInterface({ input: process.stdin })) {
  const [command, folder] = line.split(/ (.*)/);
  if (command === 'release') {
    await lock?.release();
    console.log('released');
    continue;
  }
  lock = undefined;
  try {
    lock = await lockRun(folder);
    console.log('got');
  } catch (error) {
    console.log(error.message);
  }
}
