/**
 * Statistics of each class from a confusion matrix: its recall, and the class for which its samples were mistaken most
 * often. The terminal's table, the charts and the page use it.
 */

import type { RunSummary } from '../runs/run-folder.js';

export interface ClassRecall {
  /** Index of the class. */
  label: number;
  /** The class's name, made safe for terminals and XML by `printable`. */
  name: string;
  correct: number;
  /** Samples of the class. */
  count: number;
  /** correct / count; null for a class without samples. */
  recall: number | null;
  /** The class that these samples were most often mistaken for; null when there was no mistake. */
  takenFor: { label: number; name: string; count: number } | null;
}

/** A pair of classes, and how often `label` was taken for `predicted`. */
export interface Confusion {
  label: number;
  predicted: number;
  count: number;
}

/**
 * Replaces control characters and unpaired surrogates by U+FFFD. An escape sequence in a class name must not reach the
 * terminal, and XML cannot contain these characters.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu, '\ufffd');
}

/** The name of a class, or its index if it has no name. */
export function className(classes: readonly string[], label: number): string {
  const name = classes[label];
  return name === undefined || name === '' ? String(label) : printable(name);
}

/** One entry per class, in the order of the classes. `confusion` is [true class][predicted class]. */
export function classRecalls(
  confusion: RunSummary['confusionMatrix'],
  classes: readonly string[],
): ClassRecall[] {
  return confusion.map((row, label) => {
    let count = 0;
    let taken = -1;
    row.forEach((times, predicted) => {
      count += times;
      if (predicted !== label && times > 0 && (taken < 0 || times > row[taken])) taken = predicted;
    });
    return {
      label,
      name: className(classes, label),
      correct: row[label],
      count,
      recall: count > 0 ? row[label] / count : null,
      takenFor: taken < 0 ? null : { label: taken, name: className(classes, taken), count: row[taken] },
    };
  });
}

/** The most frequent mistake; null if there was none. */
export function worstConfusion(confusion: RunSummary['confusionMatrix']): Confusion | null {
  let worst: Confusion | null = null;
  confusion.forEach((row, label) => {
    row.forEach((count, predicted) => {
      if (label !== predicted && count > (worst?.count ?? 0)) worst = { label, predicted, count };
    });
  });
  return worst;
}

/** Number of wrong answers. */
export function mistakeCount(confusion: RunSummary['confusionMatrix']): number {
  return confusion.reduce(
    (sum, row, label) =>
      row.reduce((total, count, predicted) => total + (label === predicted ? 0 : count), sum),
    0,
  );
}

/**
 * The value at which recall bars begin, so that 98 and 99 % look different: the highest of 0, 50, 80, 90, 95, 98 and
 * 99 % at which the bar of the lowest recall is still visible.
 */
export function recallFloor(recalls: readonly ClassRecall[]): number {
  const lowest = Math.min(1, ...recalls.flatMap(({ recall }) => (recall === null ? [] : [recall])));
  return [0.99, 0.98, 0.95, 0.9, 0.8, 0.5].find((floor) => lowest - floor >= 0.1 * (1 - floor)) ?? 0;
}
