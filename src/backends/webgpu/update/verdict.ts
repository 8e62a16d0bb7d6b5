/**
 * WGSL: what happens to the gradients of a batch, and the counters after it; train/loss-scale.ts and
 * train/team/member.ts do the same on the host. All workgroups of the update judge, by the same sums, so all decide the
 * same, and no dispatch has to do so before.
 */
import { floatLiteral as float } from '../literal.js';
import type { LossScaling } from '../verbs.js';
import { GROUP, SQUARE_SCALE } from './sum-gradients.js';
import { updateStateFunctions } from './training-state.js';
import { SUM_OVER_WORKGROUP } from './workgroup-sum.js';

export interface Judgement {
  batches: number;
  /** Blocks of squares; 0: the norm is not computed. */
  blocks: number;
  maxNorm: number | null;
  lossScaling: LossScaling | null;
}

/**
 * judge(local) → Verdict, which all threads call; endBatch(verdict), which one thread calls. They bind `state`,
 * `losses`, `correct` and, where there are blocks, `squares`.
 */
export function verdictFunctions({ batches, blocks, maxNorm, lossScaling }: Judgement): string {
  return `
${updateStateFunctions(batches)}
${SUM_OVER_WORKGROUP}
const RUNNING = 0u;
const LOSS_DIVERGED = 1u;
const GRADIENT_DIVERGED = 2u;

struct Verdict {
  // The batch is computed: the training had not ended before it.
  counts: bool,
  // The parameters change.
  updates: bool,
  status: u32,
  loss: f32,
  correct: u32,
  norm: f32,
  // Gradients are multiplied by this: clipping, and one over the loss scale.
  gradient_scale: f32,
}

// By its bits: a compiler may assume that all numbers are finite.
fn isFinite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }

fn judge(local: u32) -> Verdict {
  let sequences = now(COUNTER_SEQUENCES);
  // Sum of losses, number of correct answers, and the two sums of squares (sum-gradients.ts).
  var sum = vec4f(0.0);
  for (var b = local; b < sequences; b += ${GROUP}u) {
    sum += vec4f(losses[b], f32(correct[b]), 0.0, 0.0);
  }
  ${
    blocks === 0
      ? ''
      : `for (var block = local; block < ${blocks}u; block += ${GROUP}u) {
    sum += vec4f(0.0, 0.0, squares[block]);
  }`
  }
  sum = sumOverWorkgroup(local, sum);

  let scale = nowFloat(COUNTER_SCALE);
  var norm = sqrt(sum.z);
  if (!isFinite(sum.z)) { norm = sqrt(sum.w) * ${float(1 / SQUARE_SCALE)}; }
  let gradient_is_finite = isFinite(sum.w) && isFinite(norm);
  norm /= scale;

  var verdict: Verdict;
  verdict.counts = now(COUNTER_STATUS) == RUNNING;
  verdict.loss = sum.x / nowFloat(COUNTER_WEIGHT);
  verdict.correct = u32(sum.y);
  verdict.norm = norm;
  verdict.status = RUNNING;
  if (!isFinite(sum.x)) {
    verdict.status = LOSS_DIVERGED;
  } else if (!gradient_is_finite${lossScaling ? ` && scale <= ${float(lossScaling.least)}` : ''}) {
    verdict.status = GRADIENT_DIVERGED;
  }
  verdict.updates = verdict.counts && verdict.status == RUNNING && gradient_is_finite;
  verdict.gradient_scale = ${maxNorm === null ? '1.0' : `min(1.0, ${float(maxNorm)} / (norm + 1e-6f))`} / scale;
  return verdict;
}

// Results of the batch, and the counters of the next.
fn endBatch(verdict: Verdict) {
  if (!verdict.counts) { return; }
  var scale = nowFloat(COUNTER_SCALE);
  var steady = now(COUNTER_STEADY_STEPS);
  var skipped = now(COUNTER_SKIPPED_STEPS);
  if (verdict.status == RUNNING) {
    ${lossScaling ? moveLossScale(lossScaling) : ''}
    setNext(COUNTER_BATCH, now(COUNTER_BATCH) + 1u);
    setNext(COUNTER_UPDATES, now(COUNTER_UPDATES) + select(0u, 1u, verdict.updates));
  }
  setNext(COUNTER_STATUS, verdict.status);
  setNext(COUNTER_VALUE, bitcast<u32>(select(verdict.norm, verdict.loss, verdict.status == LOSS_DIVERGED)));
  setNext(COUNTER_SCALE, bitcast<u32>(scale));
  setNext(COUNTER_STEADY_STEPS, steady);
  setNext(COUNTER_SKIPPED_STEPS, skipped);
  setResult(RESULT_LOSS, bitcast<u32>(verdict.loss));
  setResult(RESULT_CORRECT, verdict.correct);
  setResult(RESULT_SCALE, bitcast<u32>(scale));
  setResult(RESULT_STEADY_STEPS, steady);
  setResult(RESULT_SKIPPED_STEPS, skipped);
  setResult(RESULT_NORM, bitcast<u32>(verdict.norm));
}
`;
}

function moveLossScale({ growthInterval }: LossScaling): string {
  return `if (verdict.updates) {
      steady++;
      if (steady == ${growthInterval}u) {
        scale *= 2.0;
        steady = 0u;
      }
    } else {
      scale /= 2.0;
      steady = 0u;
      skipped++;
    }`;
}
