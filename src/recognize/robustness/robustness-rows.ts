/** Counts answers to changed samples: accuracies with their intervals, and the worst class. */
import type { Change, Variant } from '../../data/inputs/changes.js';
import type { RobustnessRow, RobustnessVariant } from '../../runs/robustness.js';
import { NO_ANSWER } from './changed-answers.js';

/**
 * @param changes `unchanged` first
 * @param answers [samples] of each variant: classes, or NO_ANSWER
 * @param labels [samples] the true classes
 * @param classes names of the classes
 */
export function robustnessRows(
  changes: readonly Change[],
  answers: ReadonlyMap<Variant, Int32Array>,
  labels: Int32Array,
  classes: readonly string[],
): RobustnessRow[] {
  let unchanged: number | undefined;
  return changes.map(({ name, form, variants: ways }) => {
    const sheets = ways.map((way) => ({ name: way.name, answers: answers.get(way) ?? new Int32Array(0) }));
    const variants = sheets.map((sheet) => variantOf(sheet, labels));
    const total = (key: 'correct' | 'unread') => variants.reduce((sum, variant) => sum + variant[key], 0);
    const count = labels.length * variants.length;
    const correct = total('correct');
    const accuracy = correct / count;
    unchanged ??= accuracy;
    return {
      change: name,
      form,
      accuracy,
      difference: points(accuracy - unchanged),
      interval: wilsonInterval(accuracy, labels.length),
      count,
      correct,
      unread: total('unread'),
      variants,
      worstClass: worstClass(
        sheets.map((sheet) => sheet.answers),
        labels,
        classes,
      ),
    };
  });
}

/** A difference of shares in percentage points, without the last digits of binary fractions. */
function points(difference: number): number {
  return Number((100 * difference).toFixed(6));
}

function variantOf(
  { name, answers }: { name: string; answers: Int32Array },
  labels: Int32Array,
): RobustnessVariant {
  let [correct, unread] = [0, 0];
  labels.forEach((label, n) => {
    if (answers[n] === label) correct++;
    if (answers[n] === NO_ANSWER) unread++;
  });
  return { name, correct, unread };
}

/** The lowest recall over all variants; of equal ones the first. Classes without samples do not count. */
function worstClass(
  sheets: readonly Int32Array[],
  labels: Int32Array,
  classes: readonly string[],
): RobustnessRow['worstClass'] {
  const counts = new Float64Array(classes.length);
  const correct = new Float64Array(classes.length);
  for (const answers of sheets) {
    labels.forEach((label, n) => {
      counts[label]++;
      if (answers[n] === label) correct[label]++;
    });
  }
  let worst = { class: '', recall: Number.POSITIVE_INFINITY };
  classes.forEach((name, label) => {
    const recall = correct[label] / counts[label];
    if (counts[label] > 0 && recall < worst.recall) worst = { class: name, recall };
  });
  return worst;
}

/** Two-sided 95 %. */
const Z = 1.96;

/**
 * The 95 % interval of a share (Wilson 1927). With several variants, `samples` still is the number of samples: answers to
 * variants of one sample are not independent.
 */
export function wilsonInterval(share: number, samples: number): [low: number, high: number] {
  const spread = (Z * Z) / samples;
  const middle = share + spread / 2;
  const reach = Z * Math.sqrt((share * (1 - share) + spread / 4) / samples);
  return [Math.max(0, (middle - reach) / (1 + spread)), Math.min(1, (middle + reach) / (1 + spread))];
}
