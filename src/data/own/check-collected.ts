/** Checks a data set of people's own pictures before a network is trained on it, and says what was made of it. */
import { quote } from '../../formats/quotation.js';
import { UserError } from '../../user-error.js';
import type { ImageDataset } from '../images/image-examples.js';
import { FEWEST_TO_TEST } from '../test-share.js';
import type { Collected } from './collected.js';
import { collectedLines, countsOf } from './collected-lines.js';

/** Fewest training pictures of a class: one to train on, one for the validation. */
const FEWEST = 2;
/** Classes that a message names. */
const NAMED = 5;

/**
 * @param onNotice is told what was made of the pictures, one line each
 * @param isWeighted whether the training weights its classes
 * @throws UserError if nothing can be learnt from the pictures: fewer than two classes, an empty test part, a class that
 *   is in the test part alone or has fewer than two training pictures
 */
export function checkCollected(
  dataset: Omit<ImageDataset, 'collected'>,
  collected: Collected,
  onNotice?: (line: string) => void,
  isWeighted?: boolean,
): void {
  const { name, classes, train, test } = dataset;
  if (classes.length < 2) {
    throw new UserError(
      `${name}: all ${train.count + test.count} pictures are of the class ${quote(classes[0])}; at least two classes are ` +
        'needed, each in a folder of its name',
    );
  }
  const counts = countsOf(train, classes.length);
  const few = classes.filter((_, k) => counts[k] < FEWEST);
  const unknown = few.filter((label) => counts[classes.indexOf(label)] === 0);
  if (unknown.length > 0) {
    throw new UserError(
      `${name}: ${named(unknown)} in the test part alone; add training pictures, or remove the test pictures`,
    );
  }
  if (few.length > 0) {
    throw new UserError(
      `${name}: ${named(few)} left with a single training picture; at least ${FEWEST} are needed, one to train on and ` +
        'one for the validation; add pictures, or remove the class',
    );
  }
  if (test.count === 0) {
    throw new UserError(
      `${name}: no picture is left for the test; without a folder test/, one picture of a class is for the test if it has ` +
        `${FEWEST_TO_TEST} at least; add pictures, or a folder test/`,
    );
  }
  for (const line of collectedLines(dataset, collected, isWeighted)) onNotice?.(line);
}

function named(labels: string[]): string {
  const shown = labels.slice(0, NAMED).map((label) => quote(label));
  const more = labels.length > NAMED ? ` and ${labels.length - NAMED} more` : '';
  return labels.length === 1 ? `the class ${shown[0]} is` : `the classes ${shown.join(', ')}${more} are`;
}
