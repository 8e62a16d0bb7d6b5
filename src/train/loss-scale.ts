/**
 * Dynamic loss scaling for mixed precision (Micikevicius et al. 2018; rule and numbers of torch.cuda.amp's GradScaler).
 * The loss is multiplied by a factor so that small gradients do not become zero in 16 bits; the gradients are divided by
 * the factor before the update. If a gradient overflows, the update is skipped and the factor halved. After many updates
 * without an overflow the factor is doubled.
 */
import { sharedBytes } from '../shared-memory.js';

const INITIAL = 65_536;
/** The factor is doubled after this many updates without an overflow. */
const GROWTH_INTERVAL = 2000;
/** Gradients that overflow even with this factor mean divergence. */
const LEAST = 2 ** -10;

/** The rule's numbers, for devices that scale by themselves. */
export const LOSS_SCALING = { growthInterval: GROWTH_INTERVAL, least: LEAST } as const;

/** The part that checkpoints store. */
export interface LossScaleState {
  scale: number;
  /** Since the last overflow or doubling. */
  steadySteps: number;
  /** Since the run began. */
  skippedSteps: number;
}

export const initialLossScale = (): LossScaleState => ({
  scale: INITIAL,
  steadySteps: 0,
  skippedSteps: 0,
});

/** What happens to the gradients of a batch. */
export type Verdict = 'update' | 'skip' | 'diverged';

/** Every thread has a scaler. All see the same norms, so all decide the same. */
export class LossScaler {
  readonly #state: LossScaleState | null;

  /** @param state null for float32: the factor is 1, and an overflow means that the training diverges */
  constructor(state: LossScaleState | null) {
    this.#state = state && { ...state };
  }

  get state(): LossScaleState | null {
    return this.#state;
  }

  get scale(): number {
    return this.#state?.scale ?? 1;
  }

  /** Writes the state to row `batch` of `lossScaleRows`; nothing in float32. */
  write(rows: Float64Array | null, batch: number): void {
    const state = this.#state;
    if (!rows || !state) return;
    rows.set([state.scale, state.steadySteps, state.skippedSteps], batch * STATE_WIDTH);
  }

  /** @param finite whether all gradients of the batch are finite */
  judge(finite: boolean): Verdict {
    const state = this.#state;
    if (!state) return finite ? 'update' : 'diverged';
    if (!finite) {
      if (state.scale <= LEAST) return 'diverged';
      state.scale /= 2;
      state.steadySteps = 0;
      state.skippedSteps++;
      return 'skip';
    }
    state.steadySteps++;
    if (state.steadySteps === GROWTH_INTERVAL) {
      state.scale *= 2;
      state.steadySteps = 0;
    }
    return 'update';
  }
}

/** Values of a state in a row of `LossScaler.write`. */
const STATE_WIDTH = 3;

/** [batches, 3] the state after each batch, in memory that threads can share. */
export function lossScaleRows(batches: number): Float64Array {
  return new Float64Array(sharedBytes(8 * STATE_WIDTH * batches));
}

/** The state in row `batch`. */
export function readLossScale(rows: Float64Array, batch: number): LossScaleState {
  const [scale, steadySteps, skippedSteps] = rows.subarray(batch * STATE_WIDTH, (batch + 1) * STATE_WIDTH);
  return { scale, steadySteps, skippedSteps };
}
