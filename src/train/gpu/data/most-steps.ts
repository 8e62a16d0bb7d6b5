/** Upper bounds of the lengths of a part's sequences: memory is laid out for the longest that can meet in a batch. */
import { type Augmentation, isAugmenting } from '../../../data/augmentation.js';
import { openAugmented, openSequences, type SequencesData } from '../../../data/sources.js';

/** How a part is varied in training, and weights of its classes [K], if there are; null: it is evaluated. */
export type TrainingDraws = {
  seed: number;
  augmentation: Augmentation;
  classWeights?: Float32Array | null;
} | null;

/** [count] the longest length of each sequence: varied strokes can be longer than the originals. */
export function mostStepsOf(data: SequencesData, training: TrainingDraws): Int32Array {
  const source = openSequences(data);
  const augmented =
    training && isAugmenting(training.augmentation)
      ? openAugmented(data, training.augmentation, training.seed)
      : null;
  return Int32Array.from({ length: source.count }, (_, i) =>
    augmented ? augmented.mostSteps(i) : source.lengthOf(i),
  );
}
