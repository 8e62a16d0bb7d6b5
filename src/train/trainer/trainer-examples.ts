/** The examples that a Trainer trains on and validates with. */
import { type ArraySequencesData, shareArrays } from '../../data/sequences/array-sequences.js';
import { firstIndices, splitIndices, trainCountOf } from '../../data/split.js';
import { requireNumbers } from '../../formats/argument.js';
import { shown } from '../../formats/shape.js';
import type { ResolvedClassifierConfig } from '../../model/classifier-config.js';
import { UserError } from '../../user-error.js';

/** Labelled sequences as a dense block, the shorter ones filled up at the end. The number of labels is N. */
export interface Examples {
  /** [N, T, I] Values past the end of a sequence are never read. */
  inputs: Float32Array;
  /** [N] classes, 0 to K - 1. */
  labels: Int32Array;
  /** T: steps of the longest sequence, or more. */
  steps: number;
  /** [N] steps of each sequence, 1 to T. Default: T for all. */
  lengths?: Int32Array;
}

/** The parts of a trainer's examples. */
export type TrainerPart = 'train' | 'validation';

export interface TrainerParts {
  data: Record<TrainerPart, ArraySequencesData>;
  indices: Record<TrainerPart, Int32Array>;
  /** [N] of the training examples, where they were given. */
  lengths: Int32Array | null;
}

/**
 * The examples of a trainer in memory that threads share.
 * @param validation examples, or the share of the examples to hold back
 * @param seed of the split
 * @throws UserError when sizes do not fit, or a label is not a class
 */
export function trainerParts(
  examples: Examples,
  validation: Examples | number | undefined,
  model: ResolvedClassifierConfig,
  seed: number,
): TrainerParts {
  const train = shareExamples('examples', examples, model);
  const all = firstIndices(examples.labels.length);
  const lengths = examples.lengths ? train.lengths : null;
  if (validation === undefined) {
    return {
      data: { train, validation: train },
      indices: { train: all, validation: new Int32Array(0) },
      lengths,
    };
  }
  if (typeof validation !== 'object' || validation === null) {
    if (!(typeof validation === 'number' && validation > 0 && validation < 1)) {
      throw new UserError(
        `train: validation must be examples, or a share in (0, 1), got ${shown(validation)}`,
      );
    }
    const split = splitIndices(all.length, trainCountOf(all.length, 1 - validation), seed);
    return { data: { train, validation: train }, indices: split, lengths };
  }
  const data = { train, validation: shareExamples('validation', validation, model) };
  return { data, indices: { train: all, validation: firstIndices(validation.labels.length) }, lengths };
}

function shareExamples(
  what: string,
  examples: Examples,
  model: ResolvedClassifierConfig,
): ArraySequencesData {
  if (typeof examples !== 'object' || examples === null) {
    throw new UserError(`train: ${what}: expected { inputs, labels, steps }, found ${shown(examples)}`);
  }
  requireNumbers(`train: ${what}: labels`, examples.labels);
  if (examples.labels.length === 0) throw new UserError(`train: ${what}: labels is empty; give examples`);
  const { inputs, labels, steps, lengths } = examples;
  if (model.sequenceLength !== null && steps > model.sequenceLength) {
    throw new UserError(
      `train: ${steps} steps, but head 'flatten' was built for sequenceLength ${model.sequenceLength}`,
    );
  }
  const { inputSize, numClasses } = model;
  return shareArrays({ inputs, labels, steps, lengths, batchSize: labels.length, inputSize }, numClasses);
}
