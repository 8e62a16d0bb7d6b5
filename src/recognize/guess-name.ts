/** How an answer reads for people. */
import { NONE_CLASS } from '../data/class-names.js';

/** Whether a class is that of what belongs to no other class. */
export function isNone(name: string): boolean {
  return name === NONE_CLASS;
}

/** The name of an answer for people: “none of these” for the class `none`, else the class's name. */
export function guessName(name: string): string {
  return isNone(name) ? 'none of these' : name;
}
