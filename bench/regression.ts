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

/** Everything measured, beside what was committed. */
export function judge(measured: Shares, committed: Shares): Verdict[] {
  return Object.entries(measured).map(([name, share]) => {
    const before = committed[name] ?? null;
    return { name, share, committed: before, failed: before !== null && !(share >= TOLERATED * before) };
  });
}
