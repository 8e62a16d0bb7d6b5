/**
 * Turns an input into the sequence that a network reads, with the code that training uses. For a network that reads
 * images, drawings become pictures like MNIST's. For a network that reads strokes, pictures and drawings become the
 * strokes of their thinned picture. data/inputs/input.ts describes inputs.
 */
import type { Preprocessing } from '../data/input-kind.js';
import { checkForm, type PreparedInput, type RecognizerInput } from '../data/inputs/input.js';
import { kindOf } from '../data/kinds.js';

export type { InputPicture, PreparedInput, RecognizerInput, Seen } from '../data/inputs/input.js';

/**
 * The sequence of an input.
 * @returns null if there is nothing to recognise: no ink, or only a dot
 * @throws UserError if the input is malformed, or this network cannot read it
 */
export function prepareInput(input: RecognizerInput, preprocessing: Preprocessing): PreparedInput | null {
  checkForm(input);
  return kindOf(preprocessing).prepare(input, preprocessing);
}
