/**
 * Writes the text of docs/performance.md around the tables. Do not edit that page by hand. `npm run bench:gpu` writes
 * the section of the GPU.
 */

import type { GpuResults } from '../gpu/gpu-results.js';
import { gpuSection } from '../gpu/gpu-section.js';
import { machineWords } from '../measure/machine.js';
import type { Results } from '../measure/results.js';
import { markdown } from './table.js';
import {
  forwardTable,
  latencyTable,
  memoryTable,
  mixedTable,
  threadTable,
  updateTable,
  wasmTable,
  yardstickTable,
} from './tables.js';

/** The tables for the terminal, each with a heading. Leaves out empty tables. */
export function tables(results: Results): string {
  return [
    ['Limits, GFLOP/s', yardstickTable(results)] as const,
    ['Training update', updateTable(results)] as const,
    ['Training update by threads', threadTable(results)] as const,
    ['Training update on WebAssembly', wasmTable(results)] as const,
    ['Mixed precision', mixedTable(results)] as const,
    ['Forward pass in batches', forwardTable(results)] as const,
    ['One sample', latencyTable(results)] as const,
    ['Memory of a training update', memoryTable(results)] as const,
  ]
    .filter(([, { rows }]) => rows.length > 0)
    .map(([heading, table]) => `${heading}\n\n${markdown(table)}`)
    .join('\n\n');
}

/** The text of docs/performance.md. @param gpu null: no GPU has been measured */
export function page(results: Results, gpu: GpuResults | null): string {
  const { machine, date, command, versions, missing } = results;
  return `# Performance

${machineWords(machine)}; ${date}, \`${command}\`. Peers in the same run: ${versions.join(', ') || 'none'}.${
    missing.length > 0 ? ` Not installed, so not measured: ${missing.join(', ')}.` : ''
  }

All contenders of a model take turns, round by round, so a temporarily slow processor affects all of them. A figure is the median over the rounds; a share is the median of the shares of the rounds. GFLOP/s counts only the matrix products of the LSTM: 8·H·(I + H) operations per step, layer and direction in the forward pass, and three times as many in an update. The linear layer, activations, loss, clipping and the optimiser take time, but their operations are not counted.

## Limits of the processor

GFLOP/s. The limits are what the vector registers allow: independent chains of multiply-adds without any access to memory (\`kernels/limit.h\`), on all threads at once.

- **FMA limit**: float32, compiled for the same instruction set as the kernels, at its full width. No training in float32 on these instructions is faster.
- **bfloat16 limit**: products of bfloat16, added in float32 (\`vdpbf16ps\`, \`bfdot\`), where the kernels' instruction set has them.
- **128-bit SIMD limit**: the same loop in the module of the WASM kernels. Without relaxed SIMD, a multiply-add is two instructions.

The products are the largest float32 matrix product, 2048×2048: by OpenBLAS on all threads together, and by our kernels, one product per thread.

${markdown(yardstickTable(results))}

## Training update

Forward pass, backward pass and update on random data of realistic shapes: images of 28 pixel rows with Adam, and strokes of 40 ± 10 moves (13 to 117) with SGD and momentum, by six layers of 32 as in the preset \`sequential-mnist\`. Shares compare with the FMA limit and with OpenBLAS's matrix product on the same number of threads. PyTorch runs the same update, with its fastest number of threads.

${markdown(updateTable(results))}

### By number of threads

The same updates on 1, 2, 4, 8 and 16 threads, as far as the machine has cores. The share compares with the FMA limit on the same number of threads, which run the limit at once: so a lower clock rate of many busy cores does not count as a loss.

${markdown(threadTable(results))}

## Mixed precision

The same updates with \`--use-amp\`: activations for the backward pass and the panels of the weights are stored in 16 bits. With AVX512-BF16, or BF16 on ARM, they are bfloat16, and so are the factors of the products; elsewhere they are float16, and products are float32. Sums are float32. Memory is the peak of the whole process, as below.

${markdown(mixedTable(results))}

## WebAssembly

The same updates with the WASM kernels, and with TensorFlow.js's WASM backend, which uses one thread in Node.js. Where batch sizes differ, compare GFLOP/s.

${markdown(wasmTable(results))}

${gpuSection(gpu)}
## Forward pass in batches

Compared with ONNX Runtime on the same number of threads. Its graph has the same weights, and its logits are compared with ours before the measurement. ONNX Runtime computes a batch of strokes up to the longest sequence; our kernels compute only the steps that exist.

${markdown(forwardTable(results))}

## One sample

Time from inputs in memory to logits, through the public API on one thread. Each peer has its fastest number of threads.

${markdown(latencyTable(results))}

## Memory

Peak resident set size of a process that only runs training updates, in MB of 2²⁰ bytes. It includes Node.js, or Python and PyTorch. Our memory grows with the number of threads, because each thread has its own activations and gradients. It hardly grows with the batch: a larger batch adds only its images, one byte per pixel.

${markdown(memoryTable(results))}

## How speed grows with size

![GFLOP/s of a training update against the batch size, for hidden sizes 16 to 1024, beneath OpenBLAS's matrix product](images/roofline.svg)

The model \`quick\` with other hidden sizes. With few sequences, the kernels read all weights for little work, and every step of a sequence waits for the one before. With few hidden units, the activations take much of the time, and their operations are not counted.

![Time of a training update against hidden size, layers, sequence length and batch size](images/growth.svg)

The model \`quick\`, with one size changed at a time. The dashed lines are the time of the matrix products alone, at OpenBLAS's rate. The number of operations is proportional to layers, sequence length and batch size, and to the square of a large hidden size.

## Repeat it

\`\`\`sh
npm run bench                       # about five minutes; prints these tables
npm run bench -- --write            # writes this page
npm run bench -- --sweep --write    # measures and draws the charts
npm run bench -- --workloads quick --peers openblas
npm run bench -- --threads 1,2,4,8,16
npm run bench:check                 # fails after a loss of speed
\`\`\`

Installed peers take part; the run prints how to install the others. One thread and the most threads measure everything; the counts in between measure only native training updates. \`bench:check\` measures the share of each training update in the FMA limit of the same run (on WASM, in the 128-bit SIMD limit), on all cores. It fails if a share is more than 15 % below the one in \`bench/baseline.json\`, or is not there; \`npm run bench:check -- --write-baseline\` renews the file. Run both on an idle machine.
`;
}
