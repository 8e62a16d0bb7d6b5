/** The results of `npm run bench:gpu`: bench/gpu-results.json holds those that docs/performance.md shows. */
import type { DeviceLimits } from './device-limits.js';

export interface GpuResults {
  /** The GPU, its driver, Node.js. */
  machine: string;
  /** `2026-11-22` */
  date: string;
  command: string;
  /** PyTorch's version, if it took part. */
  peer: string | null;
  limits: DeviceLimits;
  products: ProductFigures[];
  updates: UpdateFigures[];
}

/** A matrix product of the LSTM. */
export interface ProductFigures {
  name: string;
  rows: number;
  columns: number;
  depth: number;
  /** Products of this shape that are computed together. */
  count: number;
  /** Floating-point operations a second. */
  flops: number;
}

/** A training update of a workload. */
export interface UpdateFigures {
  workload: string;
  /** In words: `3×256, both directions`. */
  model: string;
  batchSize: number;
  /** Floating-point operations of the LSTM's products. */
  flops: number;
  /** Seconds of an update; null: not measured, for a reason in `failures`. */
  float32: number | null;
  mixed: number | null;
  failures: string[];
  /** Dispatches of an update. */
  dispatches: number | null;
  /** Bytes of device memory in float32. */
  bytes: number | null;
  /** Seconds of an update of the peer. */
  peer: { float32: number | null; tf32: number | null; float16: number | null };
}
