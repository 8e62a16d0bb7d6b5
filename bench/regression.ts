/** Whether speed was lost: shares of the yardsticks' rates against those that were committed. */

/** A share may fall to this part of the committed one. */
export const TOLERATED = 0.85;

/** Share by what was measured, `quick on cpu, of OpenBLAS`. */
export type Shares = Record<string, number>;

/** What bench/baseline.json holds. */
export interface Baseline {
  processor: string;
  threads: number;
  date: string;
  shares: Shares;
}

export interface Verdict {
  name: string;
  share: number;
  /** Null where none was committed. */
  committed: number | null;
  failed: boolean;
}

/** Of each share the larger one: a moment's noise only ever makes one smaller, but for noise in its yardstick. */
export function best(a: Shares, b: Shares): Shares {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...names].map((name) => [name, Math.max(a[name] ?? 0, b[name] ?? 0)]));
}

/** Everything measured, beside what was committed. */
export function judge(measured: Shares, committed: Shares): Verdict[] {
  return Object.entries(measured).map(([name, share]) => {
    const before = committed[name] ?? null;
    return { name, share, committed: before, failed: before !== null && !(share >= TOLERATED * before) };
  });
}
