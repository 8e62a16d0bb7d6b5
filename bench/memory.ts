/** Peak memory of a training step, in a process that does nothing else: node build/bench/memory.js NAME BACKEND THREADS */
import type { BackendChoice } from '#src/backends/open-node.js';
import { Bench, WORKLOADS } from './workload.js';

const [name, backend, threads] = process.argv.slice(2);
const bench = await Bench.open(
  WORKLOADS[name as keyof typeof WORKLOADS],
  backend as BackendChoice,
  Number(threads),
);
await bench.step();
await bench.close();
console.log(process.resourceUsage().maxRSS / 1024);
