/**
 * From an input to the sequence that a network reads, through the very code that training uses. A network that reads
 * images is shown drawings as pictures like MNIST's; one that reads strokes is shown pictures and drawings as the
 * strokes of their thinned picture. What can be recognised is described in data/inputs/input.ts.
 */
import type { Preprocessing } from '../data/input-kind.js';
import type { PreparedInput, RecognizerInput } from '../data/inputs/input.js';
import { kindOf } from '../data/kinds.js';

export type { InputPicture, PreparedInput, RecognizerInput, Seen } from '../data/inputs/input.js';

/**
 * The sequence of an input.
 * @returns null if there is nothing to recognise: no ink, or nothing but a dot
 * @throws UserError if the input is malformed, or not what this network can be shown
 */
export function prepareInput(input: RecognizerInput, preprocessing: Preprocessing): PreparedInput | null {
  return kindOf(preprocessing).prepare(input, preprocessing);
}
