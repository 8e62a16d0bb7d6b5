/** docs/performance.md: the words round the tables. Nothing else writes that page. */
import { machineWords } from './machine.js';
import type { Results } from './results.js';
import { markdown } from './table.js';
import {
  forwardTable,
  latencyTable,
  memoryTable,
  mixedTable,
  stepTable,
  wasmTable,
  yardstickTable,
} from './tables.js';

/** The tables with a heading each, as the terminal shows them. */
export function tables(results: Results): string {
  return [
    ['Matrix product, GFLOP/s', yardstickTable(results)] as const,
    ['Training step', stepTable(results)] as const,
    ['Training step on WebAssembly', wasmTable(results)] as const,
    ['Mixed precision', mixedTable(results)] as const,
    ['Forward pass in batches', forwardTable(results)] as const,
    ['One sample', latencyTable(results)] as const,
    ['Memory of a training step', memoryTable(results)] as const,
  ]
    .filter(([, { rows }]) => rows.length > 0)
    .map(([heading, table]) => `${heading}\n\n${markdown(table)}`)
    .join('\n\n');
}

/** The whole page. */
export function page(results: Results): string {
  const { machine, date, command, versions, missing } = results;
  return `# Performance

${machineWords(machine)}; ${date}, \`${command}\`. Beside it in the same run: ${versions.join(', ') || 'nobody'}.${
    missing.length > 0 ? ` Not installed, so not measured: ${missing.join(', ')}.` : ''
  }

All contenders of a model take turns, round by round, so that a processor that is slower for a while is slower for all of them. A figure is the median of its rounds; a share is the median of the rounds' shares. GFLOP/s counts the LSTM's matrix products alone: 8·H·(I + H) operations a step, layer and direction forward, three times as many with the way back. The linear layer, activations, loss, clipping and the optimiser take time but count nothing.

## What the processor allows

GFLOP/s of the largest float32 matrix product, 2048×2048: OpenBLAS's with so many threads, and ours, one a thread. The last column is what a WASM module can reach that multiplies and adds in 128-bit registers and never touches memory; only relaxed SIMD, where the runtime has it, multiplies and adds in one.

${markdown(yardstickTable(results))}

## Training step

Forward, backward and update on random data of the real shapes: rows of 28 pixels with Adam, and strokes of 40 points give or take 10 (13 to 117) with SGD and momentum. PyTorch makes the same step, with the number of threads that suits it best.

${markdown(stepTable(results))}

## Mixed precision

The same steps with \`--use-amp\`: what the way back needs, and the working copies of the weights, in 16 bits; products and sums stay float32. Memory is the peak of the whole process, as below.

${markdown(mixedTable(results))}

## WebAssembly

The same steps by the WASM kernels, one thread or several, beside TensorFlow.js's WASM backend, which runs on one thread in Node.js. Where batches differ, GFLOP/s is what compares.

${markdown(wasmTable(results))}

## Forward pass in batches

Beside ONNX Runtime with the same threads and the same weights in an equivalent graph, whose logits are compared with ours before the clock starts. It computes a batch of strokes as long as its longest; ours computes the points that there are.

${markdown(forwardTable(results))}

## One sample

From the inputs in memory to the logits, through the public API on one thread. The peers have the number of threads that suits them best.

${markdown(latencyTable(results))}

## Memory

Peak of the resident set of a process that makes training steps and nothing else, in MB of 2²⁰ bytes, with Node.js, or Python and PyTorch, in it. Ours grows with the shards in flight, one a thread, not with the batch: what a larger batch adds is its images, a byte a pixel.

${markdown(memoryTable(results))}

## How speed grows with size

![GFLOP/s of a training step against the batch size, for hidden sizes 16 to 1024, beneath OpenBLAS's matrix product](images/roofline.svg)

The model \`quick\` with other hidden sizes. With few sequences, weights are read for little work, and every step of a sequence waits for the one before; with few hidden units, the products are small beside the activations, which count nothing.

![Time of a training step against hidden size, layers, sequence length and batch size](images/growth.svg)

The model \`quick\`, with one size changed at a time. The dashed lines are the time that the matrix products alone would take at OpenBLAS's rate. Operations grow in proportion to layers, length and batch, and with the square of a large hidden size.

## Repeat it

\`\`\`sh
npm run bench                       # about five minutes; prints these tables
npm run bench -- --write            # and writes this page
npm run bench -- --sweep --write    # measures and draws the charts
npm run bench -- --workloads quick --peers openblas
npm run bench:check                 # fails where speed was lost
\`\`\`

Peers take part where they are installed; the run says how to install those that are not. \`bench:check\` measures each training step's share of the matrix product's rate in the same run (on WASM, of the 128-bit limit) and fails if one has fallen more than 15 % under the one in \`bench/baseline.json\`, which \`npm run bench:check -- --write-baseline\` renews. Both want a machine that does nothing else.
`;
}
