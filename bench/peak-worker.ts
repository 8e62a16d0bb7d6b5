/** A thread of a peak: says how many operations one go takes, then goes as often as it is told. */
import { parentPort, workerData } from 'node:worker_threads';
import { openBackend } from '#src/backends/open-node.js';
import { type PeakTask, PRODUCT_SIZE } from './peak.js';

/** Goes of the register loop at a time, a few milliseconds. */
const LIMIT_ROUNDS = 500_000;

/** What to do, and its floating-point operations. */
async function open(task: PeakTask): Promise<{ go: () => void; flops: number }> {
  if ('limit' in task) {
    const { exports } = await WebAssembly.instantiate(task.limit);
    const run = exports.run as (rounds: number, factor: number, summand: number) => number;
    // Twelve chains of four lanes, a multiplication and an addition each.
    return { go: () => run(LIMIT_ROUNDS, 0.5, 0.5), flops: LIMIT_ROUNDS * 12 * 4 * 2 };
  }
  const size = PRODUCT_SIZE;
  const backend = await openBackend(task.product);
  const [a, b, c] = [0.5, 0.25, 0].map((value) => backend.allocate(size * size).fill(value));
  const scratch = backend.allocate(backend.linearScratchLength(size, size, size));
  return { go: () => backend.matmul({ m: size, n: size, k: size, a, b, c, scratch }), flops: 2 * size ** 3 };
}

const { go, flops } = await open(workerData as PeakTask);
parentPort?.on('message', (times: number) => {
  for (let i = 0; i < times; i++) go();
  parentPort?.postMessage(null);
});
parentPort?.postMessage(flops);
