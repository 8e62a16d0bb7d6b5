/** What a training asks of its data, so that a summary of the data says the same before. */
import { quote } from '../formats/quotation.js';
import { UserError } from '../user-error.js';
import { type SplitExamples, splitExamples } from './split.js';

/**
 * @param trainSplit share of the training samples to train on
 * @throws UserError if no network can be trained on the data: with fewer than two classes, and with too few samples for
 *   both a training and a validation part
 */
export function checkTrainable(
  dataset: SplitExamples & { name: string; classes: readonly string[] },
  trainSplit: number,
  seed: number,
): void {
  if (dataset.classes.length < 2) {
    throw new UserError(
      `train: all samples of ${dataset.name} are of the class ${quote(dataset.classes[0])}; at least two classes are needed`,
      { settings: ['data'] },
    );
  }
  splitExamples(dataset, trainSplit, seed);
}
