/**
 * Formulas of the loss, and of its gradient, in float32 (torch.nn.CrossEntropyLoss with label smoothing).
 *
 * With x the logits less the largest one, at the first of the largest m, and rest = Σ_{k ≠ m} e^x_k:
 *   ln Σ e^x = ln(1 + rest)
 *   loss = ln(1 + rest) - (1 - ε) x_label - ε mean(x)
 *   dLogits_k = scale · (p_k - 1[k = label] (1 - ε) - ε / K) with p = e^x / (1 + rest)
 * The 1 is never added to what is small, so the loss of a sure answer keeps its digits; so does p_m - 1 = -rest / (1 +
 * rest). The host computes in float64.
 */
import { floatLiteral as float } from '../literal.js';
import { LOGARITHM } from '../logarithm.js';

/** WGSL functions `lossOf` and `logitGradient`, without the scale. They need ACTIVATIONS. */
export function lossFunctions(classes: number, smoothing: number): string {
  return `
${LOGARITHM}
// x_label: the label's logit less the largest; sum_x: of all classes.
fn lossOf(x_label: f32, rest: f32, sum_x: f32) -> f32 {
  return log1pOf(rest) - ${float(1 - smoothing)} * x_label${smoothing === 0 ? '' : ` - ${float(smoothing / classes)} * sum_x`};
}
// p_k - target, for class k of logit x.
fn logitGradient(x: f32, k: u32, label: u32, best: u32, rest: f32) -> f32 {
  let p = expOf(x) / (1.0 + rest);
  let less_one = select(p - 1.0, -rest / (1.0 + rest), k == best);
  return select(p - ${float(smoothing / classes)}, less_one + ${float(smoothing - smoothing / classes)}, k == label);
}`;
}
