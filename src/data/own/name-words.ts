/**
 * What the name of a file, a folder or an array says of its content: `x_train` is the pictures of the part train, the folder
 * `training_set` all of that part.
 */
import { type OwnPart, partNamed } from './own-picture.js';

const PICTURES = new Set([
  'x',
  'image',
  'images',
  'img',
  'imgs',
  'picture',
  'pictures',
  'data',
  'pixels',
  'features',
]);
const LABELS = new Set(['y', 'label', 'labels', 'target', 'targets', 'class', 'classes']);

export interface NameMeaning {
  part: OwnPart | null;
  role: 'pictures' | 'labels' | null;
}

/** @param name without folders; an ending does not matter */
export function meaningOf(name: string): NameMeaning {
  const words = name
    .replace(/^([xy])(?=(train|test|val|valid)\b)/i, '$1_')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  const part = words.map(partNamed).find((named) => named !== undefined) ?? null;
  const role = words.some((word) => LABELS.has(word))
    ? 'labels'
    : words.some((word) => PICTURES.has(word))
      ? 'pictures'
      : null;
  return { part, role };
}
