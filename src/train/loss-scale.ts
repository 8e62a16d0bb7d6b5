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
/** Gradients that overflow with so small a factor are not to be saved by a smaller one. */
const LEAST = 2 ** -10;

/** What of it is saved with a training. */
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

/** How a step's gradients are to be used. */
export type Verdict = 'update' | 'skip' | 'diverged';

/** Every thread keeps one; fed with the same norms, they agree. */
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

  /** @param finite whether all gradients of the step are */
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

/** In shared memory, so that the main thread sees it: [scale, steadySteps, skippedSteps]. */
export function shareLossScale(state: LossScaleState): Float64Array {
  const shared = new Float64Array(sharedBytes(24));
  writeLossScale(shared, state);
  return shared;
}

export function writeLossScale(shared: Float64Array, state: LossScaleState): void {
  shared.set([state.scale, state.steadySteps, state.skippedSteps]);
}

export function readLossScale([scale, steadySteps, skippedSteps]: Float64Array): LossScaleState {
  return { scale, steadySteps, skippedSteps };
}
