/** A thread that multiplies the largest matrices of the peak, for as long as it is asked to. */
import { parentPort } from 'node:worker_threads';
import { type BackendChoice, openBackend } from '#src/backends/open-node.js';

const SIZE = 1536;

parentPort?.once('message', async (choice: BackendChoice) => {
  const backend = await openBackend(choice);
  const [a, b, c] = [0.5, 0.25, 0].map((value) => backend.allocate(SIZE * SIZE).fill(value));
  const scratch = backend.allocate(backend.linearScratchLength(SIZE, SIZE, SIZE));
  const product = () => backend.matmul({ m: SIZE, n: SIZE, k: SIZE, a, b, c, scratch });
  parentPort?.on('message', (times: number) => {
    for (let i = 0; i < times; i++) product();
    parentPort?.postMessage(times * 2 * SIZE ** 3);
  });
  product();
  parentPort?.postMessage(0);
});
