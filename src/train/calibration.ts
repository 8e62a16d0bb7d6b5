/** Measures how well probabilities agree with accuracy (Guo et al. 2017). */
import type { Calibration, CalibrationBin, CalibrationComparison } from '../runs/calibration.js';
import { answerTo } from './evaluation.js';
import type { FittedAnswers } from './temperature.js';

/** As in the paper. */
const BINS = 15;

/** The calibration of the same answers without and with a temperature. */
export function compareCalibration(
  answers: FittedAnswers,
  labels: ArrayLike<number>,
  temperature: number,
): CalibrationComparison {
  return {
    temperature,
    before: measureCalibration(answers, labels, 1),
    after: measureCalibration(answers, labels, temperature),
  };
}

/**
 * Puts answers into 15 bins of equal width by the highest probability of softmax(logits / T). The expected calibration
 * error is Σ (count of the bin / n) · |accuracy − mean confidence|.
 *
 * @param answers logits [n, K], n at least 1
 * @param labels [sequences of the part], by the answers' indices
 */
export function measureCalibration(
  answers: FittedAnswers,
  labels: ArrayLike<number>,
  temperature: number,
): Calibration {
  const { indices, classes: K, logits } = answers;
  const counts = new Array<number>(BINS).fill(0);
  const confidences = new Array<number>(BINS).fill(0);
  const corrects = new Array<number>(BINS).fill(0);
  let likelihood = 0;
  indices.forEach((index, n) => {
    const predicted = answerTo(answers, n);
    const largest = logits[n * K + predicted];
    let sum = 0;
    for (let k = 0; k < K; k++) sum += Math.exp((logits[n * K + k] - largest) / temperature);
    const confidence = 1 / sum;
    const bin = Math.min(BINS, Math.max(1, Math.ceil(confidence * BINS))) - 1;
    counts[bin]++;
    confidences[bin] += confidence;
    if (predicted === labels[index]) corrects[bin]++;
    likelihood += Math.log(sum) - (logits[n * K + labels[index]] - largest) / temperature;
  });
  const n = indices.length;
  const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
  const gaps = counts.map((_, bin) => Math.abs(corrects[bin] - confidences[bin]));
  const bins = counts.map(
    (count, bin): CalibrationBin => ({
      from: bin / BINS,
      to: (bin + 1) / BINS,
      count,
      confidence: count > 0 ? confidences[bin] / count : null,
      accuracy: count > 0 ? corrects[bin] / count : null,
    }),
  );
  return {
    expectedCalibrationError: total(gaps) / n,
    negativeLogLikelihood: likelihood / n,
    confidence: total(confidences) / n,
    accuracy: total(corrects) / n,
    bins,
  };
}
