/** The negatives of a data set, one by one. */
import { UserError } from '../../user-error.js';
import { areDigits, NONE_CLASS } from '../class-names.js';
import { checkSize } from '../drawn/check-size.js';
import type { Making, NegativesRecipe } from '../drawn/making.js';
import type { Dataset, ExamplesOf, KindName } from '../input-kind.js';
import { kindOf } from '../kinds.js';
import { MAX_CLASSES } from '../strokes/stroke-examples.js';
import { NegativeGenerator } from './generator.js';

/** The examples of a recipe; their class comes after those of the data set. @throws UserError as generatorFor */
export function negativesOf({ dataset, part, seed, count, inTurn }: NegativesRecipe): Making {
  const generator = generatorFor(dataset, part, seed);
  const { kinds } = generator;
  return {
    count,
    labelOf: () => dataset.classes.length,
    at: (i, attempt) => generator.at(i, inTurn ? kinds[i % kinds.length] : undefined, attempt),
  };
}

/**
 * Generates negatives of a data set.
 * @param part whose examples give the pieces
 * @throws UserError if it has a class of this name, too many classes, or pictures of another size than 28 × 28 grey
 */
export function generatorFor(dataset: Dataset, part: 'train' | 'test', seed: number) {
  checkDataset(dataset);
  const kind = kindOf<KindName>(dataset);
  const examples = dataset[part] as ExamplesOf<KindName>;
  return new NegativeGenerator({
    seed,
    digits: areDigits(dataset.classes),
    strokes: dataset.kind === 'strokes',
    examples: {
      count: examples.count,
      labelOf: (i) => examples.labels[i],
      at: (i) => kind.exampleAt(examples, i),
    },
  });
}

function checkDataset(dataset: Dataset): void {
  const { classes, name } = dataset;
  const refuse = (problem: string, settings: string[]): never => {
    throw new UserError(`negatives: ${problem}`, { settings });
  };
  if (classes.includes(NONE_CLASS)) {
    refuse(
      `data set ${name} has a class named ${NONE_CLASS}, and the class of the generated negatives has this name; ` +
        'rename the class of the data set, or leave out the share of negatives and train on your own examples',
      ['noneShare', 'data'],
    );
  }
  if (classes.length >= MAX_CLASSES) {
    refuse(
      `data set ${name} has ${classes.length} classes; with the class ${NONE_CLASS} there may be at most ${MAX_CLASSES}`,
      ['noneShare', 'data'],
    );
  }
  checkSize(dataset, 'negatives', 'noneShare');
}
