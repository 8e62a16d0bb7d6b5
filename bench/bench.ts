/**
 * `npm run bench`: measures training update, forward pass, latency and memory, in turns with the installed peers and with
 * the limits of the processor. Prints tables; progress goes to standard error.
 *
 *   npm run bench -- [--json] [--write] [--sweep] [--threads 1,2,4,…] [--rounds N]
 *                    [--backends cpu,wasm] [--workloads mnist-lstm,…] [--peers openblas,pytorch,onnxruntime,tfjs]
 *
 * One thread and the most threads measure everything; counts in between only native training updates. `--write` writes docs/performance.md. `--sweep` measures speed over sizes instead; with `--write` it draws the charts.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { count, failForUsers, names, threadCounts } from './bench-flags.js';
import { GPU_RESULTS, readGpuResults } from './gpu/gpu-section.js';
import { BACKENDS, type Scope } from './measure/contenders.js';
import { describeMachine, machineWords } from './measure/machine.js';
import type { Results } from './measure/results.js';
import { sweep } from './measure/sweep.js';
import { run } from './measure/whole-run.js';
import { WORKLOADS } from './measure/workload.js';
import { PEERS, Peers } from './peers/peers.js';
import { page, tables } from './report/performance-page.js';
import { growthChart, rooflineChart, sweepTables } from './report/size-charts.js';

const docs = (name: string) => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));
const progress = (line: string) => process.stderr.write(`${line}\n`);

function readOptions() {
  const text = (standard: string) => ({ type: 'string', default: standard }) as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    options: {
      json: flag,
      write: flag,
      sweep: flag,
      threads: { type: 'string' },
      rounds: { type: 'string' },
      backends: text(BACKENDS.join(',')),
      workloads: text(WORKLOADS.map(({ name }) => name).join(',')),
      peers: text(PEERS.join(',')),
    },
  });
  return values;
}

async function main(): Promise<void> {
  const options = readOptions();
  const rounds = options.rounds === undefined ? null : count('bench --rounds', options.rounds);
  const known = WORKLOADS.map(({ name }) => name);
  const wanted = names('bench --workloads', options.workloads, known);
  const scope: Scope = {
    backends: names('bench --backends', options.backends, BACKENDS),
    ...threadCounts('bench --threads', options.threads, availableParallelism()),
    peers: new Peers(names('bench --peers', options.peers, PEERS)),
  };
  const machine = await describeMachine(scope.backends);
  const date = new Date().toISOString().slice(0, 10);
  const print = (value: object, text: string) =>
    console.log(options.json ? JSON.stringify(value, null, 2) : `${machineWords(machine)}\n\n${text}`);
  try {
    if (options.sweep) {
      const results = await sweep(scope, { machine, date }, progress);
      if (options.write) {
        writeFileSync(docs('images/roofline.svg'), rooflineChart(results));
        writeFileSync(docs('images/growth.svg'), growthChart(results));
      }
      print(results, sweepTables(results));
      return;
    }
    const workloads = WORKLOADS.filter(({ name }) => wanted.includes(name));
    const measured = await run(workloads, scope, rounds, progress);
    const command = ['npm run bench --', ...process.argv.slice(2)].join(' ').replace(/ --$/, '');
    const { versions, missing } = scope.peers;
    const peers = { versions: [...versions.values()], missing: [...missing.keys()] };
    const results: Results = { machine, date, command, ...peers, ...measured };
    if (options.write) writeFileSync(docs('performance.md'), page(results, readGpuResults(GPU_RESULTS)));
    print(results, tables(results));
  } finally {
    scope.peers.close();
    for (const line of scope.peers.missing.values()) progress(line);
  }
}

await failForUsers(main);
