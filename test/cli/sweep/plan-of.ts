/** Plans of sweeps for tests: the flags, and a request that asks for nothing else. */
import { searchSpace } from '#src/cli/sweep/search-space.js';
import { planSweep, type SweepRequest } from '#src/cli/sweep/sweep-plan.js';

export function planOf(flags: Record<string, unknown>, request: Partial<SweepRequest> = {}) {
  const other = {
    engine: 'own',
    trials: null,
    seed: null,
    halving: null,
    storage: null,
    study: null,
  } as const;
  return planSweep({ ...other, space: searchSpace({ flags }), ...request });
}
