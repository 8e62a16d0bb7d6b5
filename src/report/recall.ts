/**
 * What a confusion matrix says about each class: how many of its samples were recognised, and for which other class
 * the rest was taken most often. Pure; the terminal's table, the charts and the page all read it.
 */

import type { RunSummary } from '../runs/run-folder.js';

export interface ClassRecall {
  /** Index of the class. */
  label: number;
  /** The class's name, with nothing in it that could break a terminal or an XML file. */
  name: string;
  correct: number;
  /** Samples of the class. */
  count: number;
  /** correct / count; null for a class without samples. */
  recall: number | null;
  /** The class that these samples were most often mistaken for; null when there was no mistake. */
  takenFor: { label: number; name: string; count: number } | null;
}

/** A pair of classes and how often the one was taken for the other. */
export interface Confusion {
  label: number;
  predicted: number;
  count: number;
}

/**
 * Control characters and halves of surrogate pairs become U+FFFD: an escape sequence in a class name must not reach
 * the terminal, and XML has no way to write them.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu, '\ufffd');
}

/** The name of a class; its index where it has none. */
export function className(classes: readonly string[], label: number): string {
  const name = classes[label];
  return name === undefined || name === '' ? String(label) : printable(name);
}

/** One entry a class, in the order of the classes. `confusion` is [true class][predicted class]. */
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

/** The most frequent mistake; null when there was none. */
export function worstConfusion(confusion: RunSummary['confusionMatrix']): Confusion | null {
  let worst: Confusion | null = null;
  confusion.forEach((row, label) => {
    row.forEach((count, predicted) => {
      if (label !== predicted && count > (worst?.count ?? 0)) worst = { label, predicted, count };
    });
  });
  return worst;
}

/** Answers that were wrong. */
export function mistakeCount(confusion: RunSummary['confusionMatrix']): number {
  return confusion.reduce(
    (sum, row, label) =>
      row.reduce((total, count, predicted) => total + (label === predicted ? 0 : count), sum),
    0,
  );
}

/**
 * Where a bar for recalls begins, so that 98 and 99 % can be told apart: the highest of 0, 50, 80, 90, 95, 98 and
 * 99 % that leaves the lowest recall a visible bar.
 */
export function recallFloor(recalls: readonly ClassRecall[]): number {
  const lowest = Math.min(1, ...recalls.flatMap(({ recall }) => (recall === null ? [] : [recall])));
  return [0.99, 0.98, 0.95, 0.9, 0.8, 0.5].find((floor) => lowest - floor >= 0.1 * (1 - floor)) ?? 0;
}
