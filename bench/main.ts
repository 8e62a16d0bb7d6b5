/**
 * `npm run bench`: training step, forward pass, latency of one image and memory, beside the rate of the largest matrix
 * product, measured alternately in one run. Medians; `--json` prints them as one JSON value.
 *
 *   npm run bench -- [--json] [--rounds N] [--threads N] [--backends cpu,wasm] [--peers]
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SequenceClassifier } from 'scanstroke';
import { type BackendChoice, openBackend } from '#src/backends/open-node.js';
import { torch } from './peers.js';
import { ProductPeak } from './product.js';
import { Bench, median, WORKLOADS, type Workload } from './workload.js';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    peers: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(availableParallelism()) },
    backends: { type: 'string', default: 'cpu,wasm' },
  },
});
const rounds = Number(options.rounds);
const threads = Number(options.threads);

interface Row {
  workload: string;
  backend: string;
  threads: number;
  step_seconds: number;
  samples_per_second: number;
  step_gflops: number;
  forward_gflops: number;
  forward_samples_per_second: number;
  /** The largest product in the same rounds, and the step's share of its rate. */
  product_gflops: number;
  step_share_of_product: number;
  latency_ms: number;
  peak_rss_mb: number;
}

async function measure(workload: Workload, choice: BackendChoice): Promise<Row> {
  const bench = await Bench.open(workload, choice, threads);
  const peak = new ProductPeak(choice, threads);
  const [steps, forwards, products]: number[][] = [[], [], []];
  // Several small steps at a time, as in training: a command to the team takes about a millisecond.
  const together = Math.ceil(1024 / workload.batchSize);
  await bench.step(together);
  for (let round = 0; round < rounds; round++) {
    products.push(await peak.measure(choice === 'cpu' ? 8 : 2));
    steps.push(await bench.step(together));
    forwards.push(await bench.forward());
  }
  await bench.close();
  await peak.close();
  const [step, forward, product] = [steps, forwards, products].map(median);
  const stepGflops = (3 * bench.forwardFlops) / step / 1e9;
  const { description } = await openBackend(choice);
  return {
    workload: workload.name,
    backend: `${choice} (${description})`,
    threads,
    step_seconds: step,
    samples_per_second: workload.batchSize / step,
    step_gflops: stepGflops,
    forward_gflops: bench.forwardFlops / forward / 1e9,
    forward_samples_per_second: workload.batchSize / forward,
    product_gflops: product,
    step_share_of_product: stepGflops / product,
    latency_ms: await latency(workload, choice),
    peak_rss_mb: memory(workload.name, choice),
  };
}

/** Milliseconds for the logits of one image, or one digit of 40 steps, through the public API. */
async function latency({ model, data }: Workload, choice: BackendChoice): Promise<number> {
  const backend = await openBackend(choice);
  const { sequenceLength, ...config } = model;
  const classifier = new SequenceClassifier(
    { ...config, sequenceLength: sequenceLength ?? undefined },
    backend,
  );
  const steps = data === 'rows' ? 28 : 40;
  const sample = { inputs: new Float32Array(steps * model.inputSize).fill(0.1), batchSize: 1, steps };
  const times: number[] = [];
  for (let i = 0; i < 50; i++) {
    const began = performance.now();
    await classifier.forward(sample);
    times.push(performance.now() - began);
  }
  return median(times);
}

function memory(name: string, choice: BackendChoice): number {
  const script = fileURLToPath(new URL('./memory.js', import.meta.url));
  const run = spawnSync(process.execPath, [script, name, choice, String(threads)], { encoding: 'utf8' });
  return Number(run.stdout);
}

function table(rows: Row[]): string {
  const lines = [
    '| model | backend | step | samples/s | GFLOP/s | product, same run | share | forward | one sample | peak memory |',
    '|---|---|---|---|---|---|---|---|---|---|',
  ];
  for (const row of rows) {
    lines.push(
      `| ${row.workload} | ${row.backend} | ${(1000 * row.step_seconds).toFixed(1)} ms ` +
        `| ${row.samples_per_second.toFixed(0)} | ${row.step_gflops.toFixed(1)} | ${row.product_gflops.toFixed(1)} ` +
        `| ${(100 * row.step_share_of_product).toFixed(0)} % | ${row.forward_gflops.toFixed(1)} GFLOP/s ` +
        `| ${row.latency_ms.toFixed(2)} ms | ${row.peak_rss_mb.toFixed(0)} MB |`,
    );
  }
  return lines.join('\n');
}

const rows: Row[] = [];
for (const choice of options.backends.split(',') as BackendChoice[]) {
  for (const workload of Object.values(WORKLOADS)) {
    if (!options.json) process.stderr.write(`measuring ${workload.name} on ${choice} …\n`);
    rows.push(await measure(workload, choice));
  }
}
const blas = torch('product', threads);
const peers = options.peers
  ? Object.values(WORKLOADS).map(({ name, model, batchSize, data }) => ({
      workload: name,
      threads,
      ...torch(data, threads, batchSize, model.hiddenSize, model.numLayers),
    }))
  : [];
const machine = { processor: cpus()[0].model, cores: availableParallelism(), node: process.version };
if (options.json) {
  console.log(JSON.stringify({ machine, rounds, rows, openblas_product: blas, peers }, null, 2));
} else {
  console.log(
    `${machine.processor}, ${machine.cores} cores, Node.js ${machine.node}; medians of ${rounds} rounds\n`,
  );
  console.log(table(rows));
  if (blas)
    console.log(
      `\nOpenBLAS product, ${threads} threads (${blas.version}): ${blas.gflops.toFixed(1)} GFLOP/s`,
    );
  for (const { workload, gflops, samplesPerSecond, version } of peers) {
    const speed = gflops
      ? `${samplesPerSecond?.toFixed(1)} samples/s, ${gflops.toFixed(1)} GFLOP/s`
      : 'not installed';
    console.log(`${version ?? 'PyTorch'}: ${workload}: ${speed}`);
  }
}
