/** Answers of a network to changed samples, in pieces that several threads can share. */
import type { ImageExamples } from '../../data/images/image-examples.js';
import type { KindName, SequencesOf } from '../../data/input-kind.js';
import { type Change, randomOf, type Variant } from '../../data/inputs/changes.js';
import type { PreparedInput } from '../../data/inputs/input.js';
import { sampleAt } from '../../data/inputs/sample.js';
import type { Recognizer } from '../recognizer.js';

/** Samples to be changed. Can be posted to a worker thread; the examples are shared. */
export interface SamplesToChange {
  data: SequencesOf<KindName>;
  /** For strokes: the pictures from which the first of them were made; null if there are none. */
  pictures: ImageExamples | null;
  /** [samples] indices into the examples. */
  indices: Int32Array;
  /** Of the random changes. */
  seed: number;
}

/** The answer to an input in which there is nothing to recognise. */
export const NO_ANSWER = -1;

/** Samples in a piece: two batches of the recogniser. */
const PIECE = 128;

/** A variant of a change, and some of the samples. */
export interface Piece {
  change: Change;
  variant: Variant;
  /** Positions in `indices`: first … end − 1. */
  first: number;
  end: number;
}

/** All pieces for all variants of all changes. */
export function piecesOf(changes: readonly Change[], samples: number): Piece[] {
  return changes.flatMap((change) =>
    change.variants.flatMap((variant) =>
      Array.from({ length: Math.ceil(samples / PIECE) }, (_, n) => ({
        change,
        variant,
        first: n * PIECE,
        end: Math.min(samples, (n + 1) * PIECE),
      })),
    ),
  );
}

/**
 * Changes the samples of a piece, prepares them like any input, and asks the network.
 * @returns [end − first] class of each, or NO_ANSWER
 * @throws UserError as Recognizer.prepare, or if an answer is not finite
 */
export async function answersTo(
  recognizer: Recognizer,
  { data, pictures, indices, seed }: SamplesToChange,
  { change, variant, first, end }: Piece,
): Promise<Int32Array> {
  const answers = new Int32Array(end - first).fill(NO_ANSWER);
  const prepared: { at: number; input: PreparedInput }[] = [];
  for (let n = first; n < end; n++) {
    const random = randomOf(seed, `${change.name} ${variant.name}`, indices[n]);
    const input = recognizer.prepare(variant.change(sampleAt(data, pictures, indices[n]), random));
    if (input !== null) prepared.push({ at: n - first, input });
  }
  // A batch of sequences of similar length is faster.
  prepared.sort((a, b) => b.input.steps - a.input.steps || a.at - b.at);
  const probabilities = await recognizer.probabilitiesOf(prepared.map(({ input }) => input));
  prepared.forEach(({ at }, n) => {
    answers[at] = likeliest(probabilities[n]);
  });
  return answers;
}

function likeliest(probabilities: Float32Array): number {
  let best = 0;
  probabilities.forEach((value, k) => {
    if (value > probabilities[best]) best = k;
  });
  return best;
}
