/** A worker for the tests of trainings: ends in the middle of its work, or never ends and hears nothing. */
import { workerData } from 'node:worker_threads';

if (workerData.name === 'dies') process.exit(3);
if (workerData.name === 'throws') throw new TypeError('a defect');
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
