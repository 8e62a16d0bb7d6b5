/** Counts the answers `none`: to test samples, where they are mistakes, and to negatives, where they are right. */
import { NONE_CLASS } from '../../../data/class-names.js';
import type { Dataset } from '../../../data/input-kind.js';
import { NEGATIVE_KINDS } from '../../../data/negatives/generator.js';
import type { Refusals, Refused, RefusedKind } from '../../../runs/run-folder.js';
import { type AnswerSheet, answerTo, type Scores } from '../../evaluation.js';

/** How many negatives of each kind are refused. */
export function refusedByKind(sheet: AnswerSheet, { negatives, classes }: Dataset): RefusedKind[] {
  if (!negatives) throw new Error('refusals: there are no negatives');
  const none = classes.indexOf(NONE_CLASS);
  const kinds = NEGATIVE_KINDS.map((kind): RefusedKind => ({ kind, refused: 0, count: 0 }));
  sheet.indices.forEach((index, n) => {
    const entry = kinds[NEGATIVE_KINDS.indexOf(negatives.kinds[index])];
    entry.count++;
    if (answerTo(sheet, n) === none) entry.refused++;
  });
  return kinds.filter(({ count }) => count > 0);
}

/** The answers `none` among all answers. @param classes of the network; one of them is `none` */
export function refusedIn({ score, confusionMatrix }: Scores, classes: readonly string[]): Refused {
  const none = classes.indexOf(NONE_CLASS);
  return { refused: confusionMatrix.reduce((sum, row) => sum + row[none], 0), count: score.count };
}

export function refusalsOf(
  onTest: Scores,
  classes: readonly string[],
  kinds: readonly RefusedKind[],
): Refusals {
  const total = (key: 'refused' | 'count') => kinds.reduce((sum, entry) => sum + entry[key], 0);
  return {
    test: refusedIn(onTest, classes),
    negatives: { refused: total('refused'), count: total('count') },
    kinds: [...kinds],
  };
}
