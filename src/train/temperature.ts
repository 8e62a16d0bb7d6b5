/**
 * Temperature scaling (Guo et al., On Calibration of Modern Neural Networks, 2017): one number T for all logits, so that
 * softmax(z / T) agrees with the accuracy on validation data. Division by T changes no answer.
 */
import { MAX_TEMPERATURE, MIN_TEMPERATURE } from '../runs/temperature.js';
import type { AnswerSheet } from './evaluation.js';

/** Newton's method takes fewer than ten steps; bisection, its fallback, 40. */
const MOST_ITERATIONS = 100;
/** Relative width at which the search ends. */
const PRECISION = 1e-10;
/** T is rounded to this many digits: validation data of this size do not determine more. */
const DIGITS = 6;

/** The members of an answer sheet that a temperature is fitted to. */
export type FittedAnswers = Pick<AnswerSheet, 'indices' | 'classes' | 'logits'>;

/**
 * The temperature T that minimises the mean cross-entropy of softmax(logits / T). With β = 1/T the cross-entropy is
 * convex, and its derivatives are
 *
 *     f'(β) = mean(Σ p_k z_k − z_y),   f''(β) = mean(Σ p_k z_k² − (Σ p_k z_k)²),   p = softmax(β z).
 *
 * Newton's method in float64, in the order of the answers, so the same logits always give the same bits.
 *
 * @param answers logits [n, K]
 * @param labels [sequences of the part], by the answers' indices
 * @returns from 0.01 to 100, rounded to 6 digits. 1 if no answer is wrong: then a smaller T is always better, and such
 *   data cannot tell how often the network errs
 */
export function fitTemperature(answers: FittedAnswers, labels: ArrayLike<number>): number {
  if (!hasWrongAnswer(answers, labels)) return 1;
  let [low, high] = [1 / MAX_TEMPERATURE, 1 / MIN_TEMPERATURE];
  if (slopeAt(low, answers, labels).first >= 0) return MAX_TEMPERATURE;
  if (slopeAt(high, answers, labels).first <= 0) return MIN_TEMPERATURE;
  let beta = 1;
  for (let step = 0; step < MOST_ITERATIONS && high - low > PRECISION * high; step++) {
    const { first, second } = slopeAt(beta, answers, labels);
    if (first === 0) break;
    if (first > 0) high = beta;
    else low = beta;
    const newton = beta - first / second;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    const change = Math.abs(next - beta);
    beta = next;
    if (change <= PRECISION * beta) break;
  }
  return Number((1 / beta).toPrecision(DIGITS));
}

/** Whether a label has a smaller logit than another class. */
function hasWrongAnswer({ indices, classes: K, logits }: FittedAnswers, labels: ArrayLike<number>): boolean {
  return indices.some((index, n) => {
    const own = logits[n * K + labels[index]];
    for (let k = 0; k < K; k++) if (logits[n * K + k] > own) return true;
    return false;
  });
}

/** The derivatives of the mean cross-entropy of softmax(β z) with respect to β. */
function slopeAt(
  beta: number,
  { indices, classes: K, logits }: FittedAnswers,
  labels: ArrayLike<number>,
): { first: number; second: number } {
  let first = 0;
  let second = 0;
  for (let n = 0; n < indices.length; n++) {
    const at = n * K;
    let largest = logits[at];
    for (let k = 1; k < K; k++) largest = Math.max(largest, logits[at + k]);
    let [sum, moment, square] = [0, 0, 0];
    for (let k = 0; k < K; k++) {
      const z = logits[at + k] - largest;
      const power = Math.exp(beta * z);
      if (power === 0) continue; // z may be -Infinity
      sum += power;
      moment += power * z;
      square += power * z * z;
    }
    const mean = moment / sum;
    first += mean - (logits[at + labels[indices[n]]] - largest);
    second += square / sum - mean * mean;
  }
  return { first: first / indices.length, second: second / indices.length };
}
