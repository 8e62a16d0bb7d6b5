/**
 * Dynamic loss scaling for mixed precision (Micikevicius et al. 2018; the rule and its numbers are torch.cuda.amp's
 * GradScaler): the loss is multiplied by a factor so that small gradients do not vanish in 16 bits, and the gradients
 * divided by it before the update. When one has overflowed, the step is skipped and the factor halved; after many
 * steps without an overflow it is doubled.
 */
import { sharedBytes } from '../shared-memory.js';

const INITIAL = 65_536;
/** Steps without an overflow after which the factor is doubled. */
const GROWTH_INTERVAL = 2000;
/** Gradients that overflow even with this factor mean divergence. */
const LEAST = 2 ** -10;

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

/** [batches, 3] room for the state after each batch, in memory that threads can share. */
export function lossScaleRows(batches: number): Float64Array {
  return new Float64Array(sharedBytes(8 * STATE_WIDTH * batches));
}

/** The state in row `batch`. */
export function readLossScale(rows: Float64Array, batch: number): LossScaleState {
  const [scale, steadySteps, skippedSteps] = rows.subarray(batch * STATE_WIDTH, (batch + 1) * STATE_WIDTH);
  return { scale, steadySteps, skippedSteps };
}
