/**
 * Checks that a value from a file or a server has the expected shape. Uses no library, so that the page stays small; it
 * checks the server's answers with it.
 */
import { UserError } from '../user-error.js';
import { isPlainObject } from './json.js';
import { snakeCase } from './key-case.js';
import { quote } from './quotation.js';

/**
 * Place of a value, for messages: `where` names the file, `name` is the key in the value around it, in camelCase. A list
 * of places from the inside out, because a list may have millions of elements.
 */
interface Place {
  where: string;
  outer: Place | null;
  name: string | number;
}

/** Returns the value with its type. @throws UserError naming the place, the expected and the found value */
export type Reader<T> = (value: unknown, place: Place) => T;

/**
 * Reads a value.
 * @param where name of the value's source in messages
 * @throws UserError naming the wrong member
 */
export function readAs<T>(reader: Reader<T>, value: unknown, where: string): T {
  return reader(value, { where, outer: null, name: '' });
}

/** A value for which `fits` returns true. @param expected its description in messages: `a text` */
export function checked<T>(expected: string, fits: (value: unknown) => value is T): Reader<T> {
  return (value, place) => {
    if (fits(value)) return value;
    throw wrong(expected, value, place);
  };
}

export const text = checked('a text', (value) => typeof value === 'string');
export const flag = checked('true or false', (value) => typeof value === 'boolean');
export const finite = checked('a number', (value): value is number => Number.isFinite(value));

/** A text of limited length. @param most UTF-16 units */
export function textUpTo(most: number): Reader<string> {
  return refined(text, `a text of at most ${most} characters`, ({ length }) => length <= most);
}

/** A number from `least` to `most`. */
export function between(least: number, most: number): Reader<number> {
  const range = most === Number.MAX_VALUE ? `of at least ${least}` : `from ${least} to ${most}`;
  return checked(`a number ${range}`, (value): value is number => {
    return typeof value === 'number' && value >= least && value <= most;
  });
}

/** A whole number from `least` to `most`. */
export function whole(least: number, most = Number.MAX_SAFE_INTEGER): Reader<number> {
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
  const fits = (value: unknown): value is number =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most;
  return checked(`a whole number ${range}`, fits);
}

/** One of some texts. */
export function oneOf<const T extends string>(choices: readonly T[]): Reader<T> {
  return checked(`one of ${choices.join(', ')}`, (value): value is T =>
    choices.some((choice) => choice === value),
  );
}

export function nullable<T>(reader: Reader<T>): Reader<T | null> {
  return (value, place) => (value === null ? null : reader(value, place));
}

/** A member that may be left out. */
export function optional<T, D>(reader: Reader<T>, fallback: D): Reader<T | D> {
  return (value, place) => (value === undefined ? fallback : reader(value, place));
}

/** @param most elements; default: any number */
export function list<T>(reader: Reader<T>, most = Number.POSITIVE_INFINITY): Reader<T[]> {
  return (value, place) => {
    if (!Array.isArray(value)) throw wrong('a list', value, place);
    if (value.length > most) throw wrong(`a list of at most ${most}`, value.length, place);
    return value.map((each: unknown, i) => reader(each, within(place, i)));
  };
}

/** A value whose parts fit together, too. @param expected a description in messages: `a list of equal lists` */
export function refined<T>(reader: Reader<T>, expected: string, fits: (value: T) => boolean): Reader<T> {
  return (value, place) => {
    const read = reader(value, place);
    if (fits(read)) return read;
    throw wrong(expected, value, place);
  };
}

/** An object with these members; others are left out. */
export function record<T>(fields: { readonly [K in keyof T]: Reader<T[K]> }): Reader<T> {
  return (value, place) => {
    if (!isPlainObject(value)) throw wrong('an object', value, place);
    const result: Partial<T> = {};
    for (const key in fields) result[key] = fields[key](value[key], within(place, key));
    return result as T;
  };
}

function within(outer: Place, name: string | number): Place {
  return { where: outer.where, outer, name };
}

function wrong(expected: string, value: unknown, place: Place): UserError {
  const member: (string | number)[] = [];
  for (let at = place; at.outer !== null; at = at.outer) {
    member.unshift(typeof at.name === 'string' ? snakeCase(at.name) : at.name);
  }
  const name = member.length === 0 ? '' : `${quote(member.join('.'))}: `;
  return new UserError(`${place.where}: ${name}expected ${expected}, found ${shown(value)}`);
}

/** A value in a message. Never calls a function of the value: `String` calls its `toString`. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return quote(value, 60);
  if (typeof value !== 'object' || value === null) return String(value);
  return Array.isArray(value) ? 'a list' : 'an object';
}
