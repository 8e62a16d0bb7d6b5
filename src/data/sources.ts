/** Opens sequences in a thread from posted data, and makes such data from a data set. */

import type { Augmentation } from './augmentation.js';
import type { Dataset, KindName, OtherPart, Preprocessing, SequencesOf } from './input-kind.js';
import { kindOf } from './kinds.js';
import { ArraySequences, type ArraySequencesData } from './sequences/array-sequences.js';
import type { AugmentedSource, SequenceSource } from './sequences/sequence.js';

/** The data of a SequenceSource: examples of a data set, or arrays of a program. Can be posted to a worker thread. */
export type SequencesData = SequencesOf<KindName> | ({ kind: 'arrays' } & ArraySequencesData);

/**
 * Part of the data of a training. `train` and `validation` are indices into the same examples; `reversed` and
 * `reordered` are the test strokes drawn in another way. `negatives` belong to none of the data's classes.
 */
export type Part = 'train' | 'validation' | 'test' | OtherPart | 'negatives';

/** Parts as sequences. */
export type PartsData = Partial<Record<Part, SequencesData>>;

/** @param seed of the variations */
export function openAugmented(
  data: SequencesData,
  augmentation: Augmentation,
  seed: number,
): AugmentedSource {
  if (data.kind === 'arrays') throw new Error('augmentation: arrays are not varied');
  const varied = kindOf(data).openAugmented(data, augmentation, seed);
  if (augmentation.until === Number.POSITIVE_INFINITY) return varied;
  const plain = openSequences(data);
  return {
    maxSteps: Math.max(varied.maxSteps, plain.maxSteps),
    mostSteps: (i) => Math.max(varied.mostSteps(i), plain.lengthOf(i)),
    draw: (indices, epoch) =>
      epoch > augmentation.until ? selected(plain, indices) : varied.draw(indices, epoch),
  };
}

/** Some sequences of a source, in the order of `indices`. */
function selected(source: SequenceSource, indices: Int32Array): SequenceSource {
  const { inputSize, maxSteps } = source;
  return {
    count: indices.length,
    inputSize,
    maxSteps,
    lengthOf: (i) => source.lengthOf(indices[i]),
    labelOf: (i) => source.labelOf(indices[i]),
    read: (i, target, rowStarts, column) => source.read(indices[i], target, rowStarts, column),
  };
}

/** @throws UserError if the examples do not fit the preprocessing */
export function openSequences(data: SequencesData): SequenceSource {
  return data.kind === 'arrays' ? new ArraySequences(data) : kindOf(data).openSequences(data);
}

/** One part of a data set as sequences. */
export function sequencesOf(
  dataset: Dataset,
  part: 'train' | 'test' | OtherPart,
  preprocessing: Preprocessing,
): SequencesOf<KindName> {
  if (dataset.kind !== preprocessing.kind) {
    throw new Error(`sequences: the preprocessing of ${preprocessing.kind} for ${dataset.kind}`);
  }
  const kind = kindOf(dataset);
  const examples = part === 'train' || part === 'test' ? dataset[part] : kind.redrawn(part, dataset.test);
  return kind.sequencesOf(dataset.name, examples, preprocessing);
}

/**
 * One part of a data set as its samples are given to recognition, which prepares them: sequencesOf may have prepared them
 * already.
 */
export function givenSamples(
  dataset: Dataset,
  part: 'train' | 'test',
  preprocessing: Preprocessing,
): SequencesOf<KindName> {
  const { name } = dataset;
  if (dataset.kind === 'images' && preprocessing.kind === 'images') {
    return { kind: 'images', name, examples: dataset[part], preprocessing };
  }
  if (dataset.kind === 'strokes' && preprocessing.kind === 'strokes') {
    return { kind: 'strokes', name, examples: dataset[part], preprocessing };
  }
  throw new Error(`samples: the preprocessing of ${preprocessing.kind} for ${dataset.kind}`);
}

/** All parts of a data set as sequences. */
export function partsOf(dataset: Dataset, preprocessing: Preprocessing): PartsData {
  const of = (part: 'train' | 'test' | OtherPart) => sequencesOf(dataset, part, preprocessing);
  const train = of('train');
  const parts: PartsData = { train, validation: train, test: of('test') };
  for (const part of kindOf(dataset).otherParts) parts[part] = of(part);
  const { negatives } = dataset;
  if (negatives)
    parts.negatives = kindOf(dataset).sequencesOf(dataset.name, negatives.examples, preprocessing);
  return parts;
}
