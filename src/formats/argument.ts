/**
 * Checks of what a program gives to the library. TypeScript's types do not reach a program in JavaScript, and the kernels
 * would compute with 0 where a number is expected and a text is given.
 */
import { UserError } from '../user-error.js';
import { shown } from './shape.js';

/**
 * A number for which `fits` returns true.
 * @param what begins the message: the operation and the argument, such as `optimizer sgd: lr`
 * @param range what the message expects, such as `a number of at least 0`
 */
export function requireNumber(
  what: string,
  value: unknown,
  range: string,
  fits: (value: number) => boolean,
): number {
  if (typeof value === 'number' && fits(value)) return value;
  throw new UserError(`${what} must be ${range}, got ${shown(value)}`);
}

/** A finite number of at least 0. */
export function requireAtLeastZero(what: string, value: unknown): number {
  return requireNumber(what, value, 'a number of at least 0', (n) => n >= 0 && n < Number.POSITIVE_INFINITY);
}

/** ε of smoothed targets. @param verb begins the message */
export function requireSmoothing(verb: string, value: unknown): number {
  return requireNumber(`${verb}: labelSmoothing`, value, 'in [0, 1)', (n) => n >= 0 && n < 1);
}
