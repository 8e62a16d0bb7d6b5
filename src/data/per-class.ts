/** How many drawings of each class are for training, validation and test: `70000,2500,2500`. */
import { UserError } from '../user-error.js';

export interface PerClass {
  train: number;
  validation: number;
  test: number;
}

/** About the largest class of Quick, Draw! ten times. */
const MAX_PER_CLASS = 2_000_000;

/**
 * @param text three whole numbers from 1, separated by commas
 * @throws UserError naming the expected form
 */
export function parsePerClass(text: string): PerClass {
  const numbers = text.split(',').map((word) => (/^\s*\d{1,9}\s*$/.test(word) ? Number(word) : 0));
  if (numbers.length !== 3 || numbers.some((each) => each < 1 || each > MAX_PER_CLASS)) {
    throw new UserError(
      `drawings per class: expected three whole numbers from 1 to ${MAX_PER_CLASS}, for training, validation and test, ` +
        `such as 70000,2500,2500; found ${JSON.stringify(text.slice(0, 60))}`,
      { settings: ['perClass'] },
    );
  }
  const [train, validation, test] = numbers;
  return { train, validation, test };
}
