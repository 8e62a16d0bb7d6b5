/**
 * Formulas of the loss, and of its gradient, in float32 (torch.nn.CrossEntropyLoss with label smoothing and weights of
 * classes).
 *
 * With x the logits less the largest one, at the first of the largest m, and rest = Σ_{k ≠ m} e^x_k:
 *   ln Σ e^x = ln(1 + rest)
 *   Σ target = (1 - ε) w_label + ε/K Σ w
 *   loss = Σ target · ln(1 + rest) - (1 - ε) w_label x_label - ε/K Σ w x
 *   dLogits_k = scale · (Σ target · p_k - 1[k = label] (1 - ε) w_k - w_k ε / K) with p = e^x / (1 + rest)
 * The 1 is never added to what is small, so the loss of a sure answer keeps its digits; so does p_m - 1 = -rest / (1 +
 * rest). The host computes in float64. Without weights w is 1.
 */
import { floatLiteral as float } from '../literal.js';
import { LOGARITHM } from '../logarithm.js';
import { weightFunctions } from './class-weights.js';

/**
 * WGSL functions `weightOf`, `weighted`, `lossOf` and `logitGradient`, without the scale. They need ACTIVATIONS.
 * @param weighted the kernel binds `classWeights` (class-weights.ts)
 */
export function lossFunctions(classes: number, smoothing: number, weighted: boolean): string {
  const each = float(smoothing / classes);
  const atLabel = float(1 - smoothing);
  // Without weights the targets are probabilities.
  const targets = weighted ? `${atLabel} * weightOf(label) + ${each} * weightSum()` : '1.0';
  const elsewhere = weighted
    ? `${each} * (weightSum() - weightOf(label))`
    : float(smoothing - smoothing / classes);
  const atLabelTerm = smoothing === 1 ? '' : ` - ${atLabel} * weighted(label, x_label)`;
  const eachTerm = smoothing === 0 ? '' : ` - ${each} * sum_x`;
  return `
${LOGARITHM}
${weightFunctions(classes, weighted)}
// w_k x; 0 where the weight is 0, also of -∞.
fn weighted(k: u32, x: f32) -> f32 { return ${weighted ? 'weightOf(k) * select(0.0, x, weightOf(k) != 0.0)' : 'x'}; }
fn targetSum(label: u32) -> f32 { return ${targets}; }
// x_label: the label's logit less the largest; sum_x: of all classes, by their weights.
fn lossOf(label: u32, x_label: f32, rest: f32, sum_x: f32) -> f32 {
  return targetSum(label) * log1pOf(rest)${atLabelTerm}${eachTerm};
}
// Σ target · p_k - target, for class k of logit x.
fn logitGradient(x: f32, k: u32, label: u32, best: u32, rest: f32) -> f32 {
  let p = expOf(x) / (1.0 + rest);
  let less_one = select(p - 1.0, -rest / (1.0 + rest), k == best);
  let targets = targetSum(label);
  return select(targets * p - ${each} * weightOf(k), targets * less_one + ${elsewhere}, k == label);
}`;
}
