/** The worst mistakes of a model on the test set, for the report. */
import type { Dataset } from '../../../data/input-kind.js';
import { kindOf } from '../../../data/kinds.js';
import type { Mistake } from '../../../runs/run-folder.js';
import { type AnswerSheet, answerTo } from '../../evaluation.js';

/** Most mistakes in the report. */
const MAX_MISTAKES = 30;

/**
 * The wrong answers on the test set with the highest probability, highest first, with their pictures.
 * @param temperature of the model; the logits are divided by it
 */
export function mistakesOf(sheet: AnswerSheet, dataset: Dataset, temperature: number): Mistake[] {
  const { labels } = dataset.test;
  const { indices, classes, logits } = sheet;
  const mistakes: Omit<Mistake, 'picture'>[] = [];
  indices.forEach((index, n) => {
    const label = labels[index];
    const predicted = answerTo(sheet, n);
    if (predicted === label) return;
    const probabilities = softmax(logits.subarray(n * classes, (n + 1) * classes), temperature);
    mistakes.push({
      index,
      label,
      predicted,
      confidence: probabilities[predicted],
      labelProbability: probabilities[label],
    });
  });
  mistakes.sort((a, b) => b.confidence - a.confidence || a.index - b.index);
  const kind = kindOf(dataset);
  return mistakes
    .slice(0, MAX_MISTAKES)
    .map((mistake) => ({ ...mistake, picture: kind.exampleAt(dataset.test, mistake.index) }));
}

function softmax(logits: Float32Array, temperature: number): Float64Array {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  const powers = Float64Array.from(logits, (logit) => Math.exp((logit - largest) / temperature));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}
