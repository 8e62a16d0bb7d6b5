/**
 * Temperature scaling (Guo et al., On Calibration of Modern Neural Networks, 2017): one number T for all logits, so that
 * softmax(z / T) agrees with the accuracy on validation data. Division by T changes no answer.
 *
 * Few answers say little about T: fitted to 27 of them, it was 0.31 once, and the probabilities of other samples got
 * worse. So T has a prior with its mode at 1, which a few dozen answers outweigh.
 */
import { MAX_TEMPERATURE, MIN_TEMPERATURE } from '../runs/checkpoint/temperature.js';
import type { AnswerSheet } from './evaluation.js';

/** Newton's method takes fewer than ten steps; bisection, its fallback, 40. */
const MOST_ITERATIONS = 100;
/** Relative width at which the search ends. */
const PRECISION = 1e-10;
/**
 * Weight λ of the prior λ (β − 1 − ln β), that of a gamma distribution of β = 1/T. It is convex. Near T = 1 it is
 * λ (ln T)² / 2. It resists small T more than large T, because too sure answers cost more. A weight of 4 is as much as a
 * dozen answers say that are right in 86 % of the cases. Measured by bench/temperature.ts on logits of known T from 0.5
 * to 3, in docs/experiments.md: fitted to 10, 30, 100 and 1000 answers, the loss of fresh samples is above that of the
 * true T by 0.040, 0.015, 0.0051 and 0.0006; without a prior by 0.087, 0.028, 0.0065 and 0.0006; with T = 1 by 0.1.
 */
const PRIOR_WEIGHT = 4;
/** T is rounded to this many digits: validation data of this size do not determine more. */
const DIGITS = 6;

/** The members of an answer sheet that a temperature is fitted to. */
export type FittedAnswers = Pick<AnswerSheet, 'indices' | 'classes' | 'logits'>;

/**
 * The temperature T = 1/β that minimises the cross-entropy of softmax(logits / T) and the prior: f(β) is the sum over the
 * answers, plus λ (β − 1 − ln β). f is convex, and its derivatives are
 *
 *     f'(β) = Σ_n (Σ p_k z_k − z_y) + λ (1 − 1/β),   f''(β) = Σ_n (Σ p_k z_k² − (Σ p_k z_k)²) + λ / β²,   p = softmax(β z).
 *
 * Newton's method in float64, in the order of the answers, so the same logits always give the same bits.
 *
 * @param answers logits [n, K]
 * @param labels [sequences of the part], by the answers' indices
 * @param priorWeight λ
 * @returns from 0.01 to 100, rounded to 6 digits. 1 if no answer is wrong: then a smaller T is always better, and such
 *   data cannot tell how often the network errs
 */
export function fitTemperature(
  answers: FittedAnswers,
  labels: ArrayLike<number>,
  priorWeight = PRIOR_WEIGHT,
): number {
  if (!hasWrongAnswer(answers, labels)) return 1;
  let [low, high] = [1 / MAX_TEMPERATURE, 1 / MIN_TEMPERATURE];
  if (slopeAt(low, answers, labels, priorWeight).first >= 0) return MAX_TEMPERATURE;
  if (slopeAt(high, answers, labels, priorWeight).first <= 0) return MIN_TEMPERATURE;
  let beta = 1;
  for (let step = 0; step < MOST_ITERATIONS && high - low > PRECISION * high; step++) {
    const { first, second } = slopeAt(beta, answers, labels, priorWeight);
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

/**
 * The answers to a data set's own examples. Those that were made, such as negatives, are harder, and their share is the
 * training's choice: a temperature that fits them, too, is too high for the data.
 * @param own so many examples, which come first, are the data set's own; left out for all
 */
export function answersToOwn(answers: FittedAnswers, own = Number.POSITIVE_INFINITY): FittedAnswers {
  const { indices, classes: K, logits } = answers;
  const kept = Array.from(indices.keys()).filter((n) => indices[n] < own);
  if (kept.length === indices.length) return answers;
  return {
    indices: Int32Array.from(kept, (n) => indices[n]),
    classes: K,
    logits: Float32Array.from(
      { length: kept.length * K },
      (_, i) => logits[kept[Math.floor(i / K)] * K + (i % K)],
    ),
  };
}

/** Whether a label has a smaller logit than another class. */
function hasWrongAnswer({ indices, classes: K, logits }: FittedAnswers, labels: ArrayLike<number>): boolean {
  return indices.some((index, n) => {
    const own = logits[n * K + labels[index]];
    for (let k = 0; k < K; k++) if (logits[n * K + k] > own) return true;
    return false;
  });
}

/** The derivatives of f with respect to β. */
function slopeAt(
  beta: number,
  { indices, classes: K, logits }: FittedAnswers,
  labels: ArrayLike<number>,
  priorWeight: number,
): { first: number; second: number } {
  let first = priorWeight * (1 - 1 / beta);
  let second = priorWeight / (beta * beta);
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
  return { first, second };
}
