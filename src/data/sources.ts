/** The kinds of sequences there are, and how a thread opens them from what was posted to it. */
import { ArraySequences, type ArraySequencesData } from './array-sequences.js';
import type { Augmentation } from './augmentation.js';
import { AugmentedImages } from './images/image-augment.js';
import { type ImagePreprocessing, readImagePreprocessing } from './images/image-preprocessing.js';
import { ImageSequences, type ImageSequencesData } from './images/image-sequences.js';
import type { AugmentedSource, SequenceSource } from './sequence.js';
import { AugmentedStrokes } from './strokes/stroke-augment.js';
import {
  readStrokePreprocessing,
  type StrokePreprocessing,
  StrokeSequences,
  type StrokeSequencesData,
} from './strokes/stroke-sequences.js';

/** What a source is made of; can be posted to a worker thread. */
export type SequencesData =
  | ({ kind: 'images' } & ImageSequencesData)
  | ({ kind: 'strokes' } & StrokeSequencesData)
  | ({ kind: 'arrays' } & ArraySequencesData);

/** How examples became sequences; stored with the model. */
export type AnyPreprocessing = ImagePreprocessing | StrokePreprocessing;

/** @param seed of the variations */
export function openAugmented(
  data: SequencesData,
  augmentation: Augmentation,
  seed: number,
): AugmentedSource {
  if (data.kind === 'images') return new AugmentedImages({ data, augmentation, seed });
  if (data.kind === 'strokes') return new AugmentedStrokes({ data, augmentation, seed });
  throw new Error('augmentation: arrays are not varied');
}

export function openSequences(data: SequencesData): SequenceSource {
  if (data.kind === 'images') return new ImageSequences(data);
  return data.kind === 'strokes' ? new StrokeSequences(data) : new ArraySequences(data);
}

/** The preprocessing in a checkpoint. @throws UserError naming what is missing or impossible */
export function readAnyPreprocessing(value: Record<string, unknown>, name: string): AnyPreprocessing {
  return value.kind === 'strokes'
    ? readStrokePreprocessing(value, name)
    : readImagePreprocessing(value, name);
}

export function isStrokes(preprocessing: AnyPreprocessing): preprocessing is StrokePreprocessing {
  return 'kind' in preprocessing;
}
