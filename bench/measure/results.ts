/** The results of a benchmark run, and functions that look up single figures. */
import type { Machine } from './machine.js';
import type { Activity, Measurement, Party } from './measurement.js';
import type { Memory } from './memory-measurement.js';
import { median, medianRatio } from './statistics.js';

export interface Results {
  machine: Machine;
  /** `2026-11-22` */
  date: string;
  command: string;
  /** Versions of the peers that took part. */
  versions: string[];
  /** Names of the peers that are not installed. */
  missing: string[];
  measurements: Measurement[];
  memory: Memory[];
}

/** The figures of a measurement: medians over its rounds. */
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

/** The figures of a party with the number of threads that makes it fastest. */
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
 * The rate of a measurement divided by the rate of a yardstick, with the same threads in the same rounds. Null if the
 * yardstick was not measured.
 */
export function shareOf(
  measurements: readonly Measurement[],
  measurement: Measurement,
  yardstick: { activity: 'limit' | 'product'; party: Party },
): number | null {
  const { workload, threads, flops, seconds } = measurement;
  const rate = find(measurements, { workload, threads, ...yardstick });
  if (!rate) return null;
  return (medianRatio(rate.seconds, seconds) * flops) / rate.flops;
}
