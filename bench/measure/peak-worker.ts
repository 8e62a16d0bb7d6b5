/** Worker thread of `Peak`: reports the operations of one call, then makes as many calls as requested. */
import { parentPort, workerData } from 'node:worker_threads';
import { openBackend } from '#src/backends/open-node.js';
import { limitsOf, probeOf } from '#src/backends/probe.js';
import { type PeakTask, PRODUCT_SIZE } from './peak.js';

/** Rounds of the multiply-adds in registers per call: a few milliseconds. */
const LIMIT_ROUNDS = 500_000;

/** One call of the task, and its floating-point operations. */
async function open(task: PeakTask): Promise<{ call: () => void; flops: number }> {
  const backend = await openBackend(task.backend);
  if (task.activity !== 'product') {
    const limits = limitsOf(backend);
    const numbers = task.activity === 'limit' ? 'float32' : 'bfloat16';
    const call = () => limits.multiplyAdds(LIMIT_ROUNDS, numbers);
    return { call, flops: 2 * call() };
  }
  const size = PRODUCT_SIZE;
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
