/**
 * Checks of what a program gives to the library. TypeScript's types do not reach a program in JavaScript, and the kernels
 * would compute with 0 where a number is expected and a text is given.
 */
import { UserError } from '../user-error.js';
import { nearest } from './nearest.js';
import { quote } from './quotation.js';
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

/** A whole number of at least 1 and at most `most`. */
export function requireWhole(what: string, value: unknown, most = Number.POSITIVE_INFINITY): number {
  const range = most < Number.POSITIVE_INFINITY ? `from 1 to ${most}` : 'of at least 1';
  const fits = (n: number) => Number.isInteger(n) && n >= 1 && n <= most;
  return requireNumber(what, value, `a whole number ${range}`, fits);
}

/** ε of smoothed targets. @param verb begins the message */
export function requireSmoothing(verb: string, value: unknown): number {
  return requireNumber(`${verb}: labelSmoothing`, value, 'in [0, 1)', (n) => n >= 0 && n < 1);
}

/** A seed of random numbers: whole, and exact as a number. */
export function requireSeed(what: string, value: unknown): number {
  const fits = (n: number) => Number.isSafeInteger(n) && n >= 0;
  return requireNumber(what, value, `a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`, fits);
}

/** The names of all options of a type: the compiler refuses a list that lacks one. */
export function optionNames<T>(names: Record<keyof T, true>): string[] {
  return Object.keys(names);
}

/**
 * An object of options, in which none is misspelt: it would have no effect. Other properties are left alone, because a
 * program may hand on an object that holds more.
 * @param what begins the message, such as `optimizer`
 * @param otherNames what other libraries call an option: `{ learningRate: 'lr' }`
 */
export function requireOptions(
  what: string,
  value: unknown,
  known: readonly string[],
  otherNames: Readonly<Record<string, string>> = {},
): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UserError(`${what}: expected an object with ${known.join(', ')}, found ${foundInstead(value)}`);
  }
  for (const [key, given] of Object.entries(value)) {
    if (given === undefined || known.includes(key)) continue;
    const near = nearest(key, [...known, ...Object.keys(otherNames)]);
    if (near === undefined) continue;
    throw new UserError(
      `${what}: there is no option ${quote(key)}; did you mean ${otherNames[near] ?? near}?`,
    );
  }
}

/** A list of numbers: any typed array but of BigInts, or a plain list. */
export function requireNumbers(what: string, value: unknown): void {
  if (/^(Float|Int|Uint)\d+(Clamped)?Array$/.test(typeOf(value))) return;
  if (Array.isArray(value) && value.every((each) => typeof each === 'number')) return;
  throw new UserError(`${what}: expected a list of numbers, found ${foundInstead(value)}`);
}

/** The content of a file. By its tag, not its class: arrays of another realm, such as a test's, are taken, too. */
export function requireBytes(what: string, value: unknown): void {
  if (typeOf(value) === 'Uint8Array') return;
  throw new UserError(`${what}: expected a Uint8Array, found ${foundInstead(value)}`);
}

/** Tensors by name, each with a shape and data. */
export function requireTensors(what: string, value: unknown): void {
  if (typeOf(value) !== 'Map') {
    const wayOut = typeOf(value) === 'Object' ? '; make one with new Map(Object.entries(…))' : '';
    throw new UserError(`${what}: expected a Map of tensors by name, found ${foundInstead(value)}${wayOut}`);
  }
  for (const [name, tensor] of value as Map<
    unknown,
    { shape?: unknown; data?: { length?: unknown } } | null
  >) {
    if (Array.isArray(tensor?.shape) && typeof tensor.data?.length === 'number') continue;
    throw new UserError(
      `${what}: tensor ${quote(String(name))}: expected { shape, data }, found ${shown(tensor)}`,
    );
  }
}

/** What `openBackend` opened. @param verb begins the message */
export function requireBackend(verb: string, value: unknown): void {
  const backend = Object(value) as { name?: unknown; allocate?: unknown };
  if (backend.name === 'webgpu' || typeof backend.allocate === 'function') return;
  throw new UserError(
    `${verb}: expected a backend, found ${foundInstead(value)}; give what await openBackend() returns`,
  );
}

/** `Float32Array`, `Promise`, `Object` …; never calls a function of the value. */
function typeOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}

/** A value in a message, with the type of an object: `a promise, which must be awaited`. */
function foundInstead(value: unknown): string {
  if (typeof value !== 'object' || value === null) return shown(value);
  const type = typeOf(value);
  if (type === 'Promise') return 'a promise, which must be awaited';
  if (type === 'Object' || type === 'Array') return shown(value);
  return withArticle(quote(type).slice(1, -1));
}

function withArticle(type: string): string {
  return `${/^[AEIO]/.test(type) ? 'an' : 'a'} ${type}`;
}
