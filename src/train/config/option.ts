/** What an option of a training run is: the form of its values, its default and its help. options.ts has the table. */
import { snakeCase } from '../../formats/key-case.js';

interface Range {
  from?: number;
  to?: number;
  /** Exclusive bounds. */
  above?: number;
  below?: number;
}
export interface Extra {
  /** The option accepts `null` in a file and `none` as a flag; this text says what that means. */
  none?: string;
  /** The option has an effect only with these values of another option; with others, it is refused. */
  only?: { with: 'optimizer' | 'schedule' | 'strokeSort'; is: readonly (string | boolean)[] };
  /** The option has no effect where this other one is set, and is refused beside it. */
  unless?: 'perClass';
}
type Form =
  | { type: 'integer' | 'number'; range: Range }
  | { type: 'fraction'; range: Range /* a number, or `5/6` */ }
  | { type: 'switch' }
  | { type: 'choice' | 'list'; choices: readonly string[] }
  | { type: 'text' /** The value of the flag without an argument. */; alone?: string };

/** One option, whose values are of type T. */
export type Option<T = unknown> = { default: T; description: string } & Extra & Form;

export function integer<T extends number | null>(
  value: T,
  range: Range,
  description: string,
  extra?: Extra,
): Option<T | number> {
  return { type: 'integer', default: value, range, description, ...extra };
}
export function number<T extends number | null>(
  value: T,
  range: Range,
  description: string,
  extra?: Extra,
): Option<T | number> {
  return { type: 'number', default: value, range, description, ...extra };
}
export function fraction(value: number, range: Range, description: string, extra?: Extra): Option<number> {
  return { type: 'fraction', default: value, range, description, ...extra };
}
export function toggle(value: boolean, description: string, extra?: Extra): Option<boolean> {
  return { type: 'switch', default: value, description, ...extra };
}
export function choice<const C extends string>(
  choices: readonly C[],
  value: NoInfer<C>,
  description: string,
): Option<C> {
  return { type: 'choice', default: value, choices, description };
}
export function list<const C extends string>(
  choices: readonly C[],
  value: NoInfer<C>[],
  description: string,
): Option<C[]> {
  return { type: 'list', default: value, choices, description };
}
export function text<T extends string | null>(
  value: T,
  description: string,
  extra?: Extra & { alone?: string },
): Option<T | string> {
  return { type: 'text', default: value, description, ...extra };
}

/** The name of an option's flag: `dropoutRate` → `dropout-rate`. Files use `dropout_rate` (key-case.ts). */
export function flagName(key: string): string {
  return snakeCase(key).replaceAll('_', '-');
}

/** The longest path of Linux. */
export const MAX_TEXT_LENGTH = 4096;

/** The values that an option accepts, in words: `a whole number from 1 to 64`. */
export function expectation(option: Option): string {
  const none = option.none === undefined ? '' : ', or none';
  switch (option.type) {
    case 'switch':
      return 'true or false';
    case 'choice':
      return `one of ${option.choices.join(', ')}`;
    case 'list':
      return `a list of ${option.choices.join(', ')}`;
    case 'text':
      return `a text of 1 to ${MAX_TEXT_LENGTH} characters, none of them zero${none}`;
    default: {
      const { from, to, above, below } = option.range;
      const lower =
        above !== undefined ? `above ${above}` : `${below === undefined ? 'from' : 'of at least'} ${from}`;
      const upper =
        below !== undefined ? `and below ${below}` : `${above === undefined ? 'to' : 'and at most'} ${to}`;
      return `${option.type === 'integer' ? 'a whole number' : 'a number'} ${lower} ${upper}${none}`;
    }
  }
}
