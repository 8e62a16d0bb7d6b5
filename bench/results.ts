/** What a run of the benchmarks came to, and how single figures are looked up in it. */
import type { Machine } from './machine.js';
import type { Activity, Measurement, Party } from './measurement.js';
import type { Memory } from './memory.js';
import { median, medianRatio } from './statistics.js';

export interface Results {
  machine: Machine;
  /** `2026-11-22` */
  date: string;
  command: string;
  /** Of the peers that took part. */
  versions: string[];
  /** In a line each, who did not. */
  missing: string[];
  measurements: Measurement[];
  memory: Memory[];
}

/** A measurement's figures, medians of its rounds. */
export interface Figures {
  threads: number;
  batchSize: number;
  seconds: number;
  samplesPerSecond: number;
  gflops: number;
}

export function figures({ threads, batchSize, flops, seconds }: Measurement): Figures {
  const middle = median(seconds);
  return {
    threads,
    batchSize,
    seconds: middle,
    samplesPerSecond: batchSize / middle,
    gflops: flops / middle / 1e9,
  };
}

export function find(
  measurements: readonly Measurement[],
  wanted: { workload: string; activity: Activity; party: Party; threads: number },
): Measurement | null {
  const keys = Object.keys(wanted) as (keyof typeof wanted)[];
  return measurements.find((entry) => keys.every((key) => entry[key] === wanted[key])) ?? null;
}

/** The number of threads with which a party is fastest. */
export function best(
  measurements: readonly Measurement[],
  wanted: { workload: string; activity: Activity; party: Party },
): Figures | null {
  const keys = Object.keys(wanted) as (keyof typeof wanted)[];
  const candidates = measurements
    .filter((entry) => keys.every((key) => entry[key] === wanted[key]))
    .map(figures)
    .sort((a, b) => b.samplesPerSecond - a.samplesPerSecond);
  return candidates[0] ?? null;
}

/**
 * A measurement's share of a yardstick's rate with the same threads in the same rounds; null where either is missing.
 */
export function shareOf(
  measurements: readonly Measurement[],
  measurement: Measurement,
  yardstick: { activity: 'product' | 'limit'; party: Party },
): number | null {
  const { workload, threads, flops, seconds } = measurement;
  const rate = find(measurements, { workload, threads, ...yardstick });
  if (!rate) return null;
  return (medianRatio(rate.seconds, seconds) * flops) / rate.flops;
}
