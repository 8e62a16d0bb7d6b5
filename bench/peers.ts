/** What PyTorch does on the same machine, where it is installed (Debian: python3-torch, libopenblas0-openmp). */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../../bench/peers/torch_lstm.py', import.meta.url));
const PYTHONS = ['/usr/bin/python3', 'python3'];

export interface Peer {
  /** Of PyTorch and of the BLAS beneath it. */
  version: string;
  gflops: number;
  samplesPerSecond?: number;
}

/** Runs the script; null where there is no PyTorch. */
export function torch(
  mode: 'product' | 'rows' | 'strokes',
  threads: number,
  ...sizes: number[]
): Peer | null {
  for (const python of PYTHONS) {
    const run = spawnSync(python, [SCRIPT, mode, ...[threads, ...sizes].map(String)], {
      encoding: 'utf8',
      env: { ...process.env, OMP_NUM_THREADS: String(threads) },
    });
    if (run.status === 0) return JSON.parse(run.stdout) as Peer;
  }
  return null;
}
