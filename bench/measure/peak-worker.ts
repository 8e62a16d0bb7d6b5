/** Worker thread of `Peak`: reports the operations of one call, then makes as many calls as requested. */
import { parentPort, workerData } from 'node:worker_threads';
import { openBackend } from '#src/backends/open-node.js';
import { probeOf } from '#src/backends/probe.js';
import { type PeakTask, PRODUCT_SIZE } from './peak.js';

/** Iterations of the register loop per call: a few milliseconds. */
const LIMIT_ROUNDS = 500_000;

/** One call of the task, and its floating-point operations. */
async function open(task: PeakTask): Promise<{ call: () => void; flops: number }> {
  if ('limit' in task) {
    const { exports } = await WebAssembly.instantiate(task.limit);
    const run = exports.run as (rounds: number, factor: number, summand: number) => number;
    // Twelve chains of four lanes, with one multiplication and one addition each.
    return { call: () => run(LIMIT_ROUNDS, 0.5, 0.5), flops: LIMIT_ROUNDS * 12 * 4 * 2 };
  }
  const size = PRODUCT_SIZE;
  const backend = await openBackend(task.product);
  const [a, b, c] = [0.5, 0.25, 0].map((value) => backend.allocate(size * size).fill(value));
  const probe = probeOf(backend);
  const scratch = backend.allocate(backend.linearScratchLength(size, size, size));
  return {
    call: () => probe.matmul({ m: size, n: size, k: size, a, b, c, scratch }),
    flops: 2 * size ** 3,
  };
}

const { call, flops } = await open(workerData as PeakTask);
parentPort?.on('message', (times: number) => {
  for (let i = 0; i < times; i++) call();
  parentPort?.postMessage(null);
});
parentPort?.postMessage(flops);
