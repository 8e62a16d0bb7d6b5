/** Detects a loss of speed: compares shares of the yardsticks' rates with those in bench/baseline.json. */
import { z } from 'zod';
import { BACKENDS } from './contenders.js';
import type { Measurement } from './measurement.js';
import { shareOf } from './results.js';

/** A share fails below this fraction of the committed one. */
export const TOLERATED = 0.85;

/** Shares by name, such as `quick on cpu, of FMA limit`. */
export type Shares = Record<string, number>;

/** The contents of bench/baseline.json. */
export const baselineSchema = z.strictObject({
  processor: z.string(),
  threads: z.number(),
  date: z.string(),
  shares: z.record(z.string(), z.number()),
});
export type Baseline = z.infer<typeof baselineSchema>;

export interface Verdict {
  name: string;
  share: number;
  /** Null for a share that is not in the baseline. */
  committed: number | null;
  failed: boolean;
}

/** What the registers of each backend allow. */
const LIMITS = { cpu: 'FMA limit', wasm: '128-bit SIMD' } as const;

/** The share of every training update in the limit of its backend, in three decimals. */
export function sharesOf(measurements: readonly Measurement[]): Shares {
  const shares = BACKENDS.flatMap((party) =>
    measurements
      .filter((entry) => entry.party === party && entry.activity === 'update')
      .flatMap((update): [string, number][] => {
        const share = shareOf(measurements, update, { activity: 'limit', party });
        return share === null
          ? []
          : [[`${update.workload} on ${party}, of ${LIMITS[party]}`, Number(share.toFixed(3))]];
      }),
  );
  return Object.fromEntries(shares);
}

/** The larger share of each name: noise in a measurement makes a share smaller. */
export function best(a: Shares, b: Shares): Shares {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...names].map((name) => [name, Math.max(a[name] ?? 0, b[name] ?? 0)]));
}

/** Compares every measured share with the committed one. */
export function judge(measured: Shares, committed: Shares): Verdict[] {
  return Object.entries(measured).map(([name, share]) => {
    const before = committed[name] ?? null;
    return { name, share, committed: before, failed: before !== null && !(share >= TOLERATED * before) };
  });
}
