/**
 * Sets of made examples: negatives, drawn digits and changed copies, each set with other random numbers. The epochs of a
 * training read the sets in turn (split.ts): more variety than one set that every epoch reads, in the same time.
 */
import { withExamples } from './drawn/made-examples.js';
import type { Dataset } from './input-kind.js';

/**
 * A data set with one more set.
 * @param dataset its own training examples and the sets before
 * @param next the same own training examples and the next set
 */
export function withNextSet(dataset: Dataset, next: Dataset): Dataset {
  const { own = dataset.train.count, originals = [] } = dataset;
  const copies = next.originals ?? [];
  const others = next.train.count - own - copies.length;
  return {
    ...withExamples(dataset, next.train, own),
    originals: Int32Array.from([
      ...originals,
      ...new Array<number>(others).fill(-1),
      ...Array.from(copies, (original) => (original < own ? original : -1)),
    ]),
    sets: [...(dataset.sets ?? [own]), dataset.train.count],
  };
}
