/** An engine without arithmetic, for tests of the loop: its losses and answers are functions of the batch. */

import type { Part } from '#src/data/sources.js';
import {
  type Answers,
  type BatchResults,
  Diverged,
  type Engine,
  type EpochPlan,
  type ModelState,
} from '#src/train/engine.js';

export interface FakeBehaviour {
  /** Mean loss of a batch. */
  loss?: (epoch: number, batch: number) => number;
  /** Number of correctly answered validation sequences after an epoch; all labels are 0. */
  correct?: (epoch: number) => number;
  /** Loss of every validation sequence after an epoch. */
  validationLoss?: (epoch: number) => number;
  /** Duration of a batch in milliseconds. */
  batchMs?: number;
  /** Batches per result that `train` yields. */
  batchesAtOnce?: number;
}

export class FakeEngine implements Engine {
  readonly description = 'fake, 1 thread';
  readonly backend = { name: 'fake', description: 'fake' };
  readonly threads = 1;
  /** All calls, recorded for the test. */
  readonly plans: EpochPlan[] = [];
  readonly evaluations: { part: Part; count: number }[] = [];
  #epoch = 0;

  constructor(readonly behaviour: FakeBehaviour = {}) {}

  async load(): Promise<void> {}
  async save(): Promise<ModelState> {
    return { parameters: new Map(), optimizer: new Map() };
  }
  async close(): Promise<void> {}

  async *train(plan: EpochPlan, stop: AbortSignal): AsyncGenerator<BatchResults> {
    const { loss = () => 1, batchesAtOnce = 1, batchMs = 0 } = this.behaviour;
    this.plans.push(plan);
    this.#epoch = plan.epoch;
    for (let first = plan.firstBatch; first < plan.endBatch; first += batchesAtOnce) {
      const end = Math.min(plan.endBatch, first + batchesAtOnce);
      const losses = Float64Array.from({ length: end - first }, (_, n) => loss(plan.epoch, first + n));
      const bad = losses.findIndex((value) => !Number.isFinite(value));
      if (bad >= 0) throw new Diverged(first + bad, 'loss', losses[bad]);
      yield { firstBatch: first, losses, correct: new Int32Array(end - first).fill(1), lossScale: null };
      await new Promise((resolve) => setTimeout(resolve, batchMs));
      if (stop.aborted) return;
    }
  }

  async *evaluate(part: Part, indices: Int32Array, stop: AbortSignal): AsyncGenerator<Answers> {
    const loss = this.behaviour.validationLoss?.(this.#epoch) ?? 0.5;
    const right = this.behaviour.correct?.(this.#epoch) ?? indices.length;
    this.evaluations.push({ part, count: indices.length });
    // The second half first: answers may arrive in any order.
    const half = Math.floor(indices.length / 2);
    for (const [first, end] of [
      [half, indices.length],
      [0, half],
    ]) {
      if (stop.aborted) return;
      const logits = new Float32Array(2 * (end - first));
      for (let n = first; n < end; n++) logits[2 * (n - first) + (n < right ? 0 : 1)] = 1;
      yield { first, logits, losses: new Float32Array(end - first).fill(loss) };
    }
  }
}
