/** The table of the kinds of input, for Node.js and the page. */
import { shown } from '../formats/shape.js';
import { UserError } from '../user-error.js';
import { IMAGE_KIND } from './images/image-kind.js';
import type { InputKind, KindName, Preprocessing } from './input-kind.js';
import { STROKE_KIND } from './strokes/stroke-kind.js';

export const KINDS: { readonly [K in KindName]: InputKind<K> } = {
  images: IMAGE_KIND,
  strokes: STROKE_KIND,
};
export const KIND_NAMES: readonly KindName[] = Object.keys(KINDS).filter(isKindName);

/** The kind of a data set, of sequences or of a preprocessing. */
export function kindOf<K extends KindName>({ kind }: { kind: K }): InputKind<K> {
  return KINDS[kind];
}

/**
 * The preprocessing stored in a checkpoint. A stored preprocessing without a kind is of images.
 * @param value keys in camelCase
 * @param name of the file, for messages
 * @throws UserError naming what is missing or impossible
 */
export function readPreprocessing(value: Record<string, unknown>, name: string): Preprocessing {
  const { kind = 'images' } = value;
  if (!isKindName(kind)) {
    throw new UserError(
      `${name}: preprocessing: kind must be one of ${KIND_NAMES.join(', ')}, found ${shown(kind)}`,
    );
  }
  return KINDS[kind].readPreprocessing(value, name);
}

function isKindName(value: unknown): value is KindName {
  return typeof value === 'string' && Object.hasOwn(KINDS, value);
}
