/** Says in a few lines what was found in people's own pictures and what was made of it. */
import { quote } from '../../formats/quotation.js';
import type { ImageDataset, ImageExamples } from '../images/image-examples.js';
import type { Collected } from './collected.js';

/** Pictures left out that a line names. */
const NAMED = 3;
/** From this ratio of the largest class to the smallest, weights are advised. */
const IMBALANCED = 3;

const number = (value: number) => value.toLocaleString('en');
const pictures = (count: number) => `${number(count)} picture${count === 1 ? '' : 's'}`;

/**
 * One line for each fact; problems follow in lines of their own.
 * @param isWeighted whether the training weights its classes already, so that this is not advised
 */
export function collectedLines(
  dataset: Pick<ImageDataset, 'name' | 'classes' | 'train' | 'test'>,
  collected: Collected,
  isWeighted = false,
): string[] {
  const { name, classes, train, test } = dataset;
  const { leftOut, leftOutCount, validationCount, testPart, emptyFolders = [] } = collected;
  const total = train.count + test.count;
  const lines = [
    `${name}: ${pictures(total)} of ${classes.length} classes, ${number(train.count)} for training and ` +
      `${number(test.count)} for the test (${TEST_PARTS[testPart]})`,
    `${name}: ${foundSizes(collected)}, used as ${usedAs(train, collected)}`,
  ];
  if (validationCount > 0) {
    lines.push(
      `${name}: the ${pictures(validationCount)} of the part validation join the training pictures, of which --train-split sets the validation aside`,
    );
  }
  if (leftOutCount > 0) {
    const shown = leftOut.slice(0, NAMED).map(({ where, reason }) => `${where}: ${reason}`);
    const more = leftOutCount > shown.length ? `; and ${number(leftOutCount - shown.length)} more` : '';
    lines.push(`${name}: ${pictures(leftOutCount)} left out: ${shown.join('; ')}${more}`);
  }
  if (emptyFolders.length > 0) {
    const more = emptyFolders.length > NAMED ? ` and ${number(emptyFolders.length - NAMED)} more` : '';
    lines.push(`${name}: no picture in the folder ${emptyFolders.slice(0, NAMED).join(', ')}${more}`);
  }
  const untested = classes.filter((_, k) => countsOf(test, classes.length)[k] === 0);
  if (untested.length > 0) {
    const shown = untested.slice(0, NAMED).map((label) => quote(label));
    const more = untested.length > shown.length ? ` and ${untested.length - shown.length} more` : '';
    lines.push(`${name}: no test picture of ${shown.join(', ')}${more}: the test says nothing about them`);
  }
  const advice = isWeighted ? null : imbalance(dataset);
  if (advice !== null) lines.push(`${name}: ${advice}`);
  return lines;
}

const TEST_PARTS: Record<Collected['testPart'], string> = {
  test: 'the part test',
  validation: 'the part validation',
  'every seventh': 'every seventh of a class, or of fewer the last',
};

function foundSizes({ sizes, otherSizes }: Collected): string {
  const named = sizes.map(({ width, height }) => `${width} × ${height}`);
  const [most] = named;
  if (named.length === 1 && otherSizes === 0) return `all ${most} pixels`;
  return `sizes ${named.join(', ')}${otherSizes > 0 ? ` and others (${pictures(otherSizes)})` : ''}`;
}

/** Of which form and size the network reads the pictures. */
export function usedAs({ width, height, channels }: ImageExamples, { form, hasColours }: Collected): string {
  const colours = channels === 3 ? 'in colours' : hasColours ? 'made grey' : 'grey';
  const how = { padded: '', digit: ", in the form of MNIST's", thinned: ', as strokes' }[form];
  return `${width} × ${height}, ${colours}${how}`;
}

/** An advice if classes differ much in number of training examples, else null. */
export function imbalance({
  classes,
  train,
}: {
  classes: readonly string[];
  train: { labels: ArrayLike<number> };
}): string | null {
  const counts = countsOf(train, classes.length);
  const [most, fewest] = [Math.max(...counts), Math.min(...counts)];
  if (most < IMBALANCED * fewest) return null;
  return (
    `${quote(classes[counts.indexOf(most)])} has ${number(most)} training examples and ` +
    `${quote(classes[counts.indexOf(fewest)])} ${number(fewest)}; --class-weights balanced gives rare classes more weight`
  );
}

/** Number of examples of each class. */
export function countsOf({ labels }: { labels: ArrayLike<number> }, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (let i = 0; i < labels.length; i++) counts[labels[i]]++;
  return counts;
}
