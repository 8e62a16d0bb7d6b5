/** Projects to begin with, whose drawings are generated: a function of the seed. */
import type { TeachProject } from '../data/pens/project.js';

/** What there is to begin with. */
export const STARTERS = [
  { name: 'digits', about: 'the digits 0 to 9' },
  { name: 'arrows', about: 'arrows in four directions' },
  { name: 'shapes', about: 'circle, square, triangle, star, heart, check mark, cross' },
] as const;
export type StarterName = (typeof STARTERS)[number]['name'];

/** @param options `seed`, default 0, and the number of drawings of each class, default 8 */
export function starterProject(
  _name: StarterName,
  _options: { seed?: number; perClass?: number } = {},
): TeachProject {
  throw new Error('not yet');
}
