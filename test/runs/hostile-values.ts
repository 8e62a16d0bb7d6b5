/** Values that a stranger may put in place of a number, a text or a list in JSON. */

/** As JSON texts: `1e999` is read as Infinity. */
export const HOSTILE_VALUES: readonly string[] = [
  'null',
  'true',
  'false',
  '"no"',
  '""',
  '"\\u001b[2J"',
  '"__proto__"',
  '"NaN"',
  '0',
  '-0',
  '-1',
  '0.5',
  '1.5',
  '1e-320',
  '2147483648',
  '4294967296',
  '9007199254740992',
  '1e308',
  '1e999',
  '-1e999',
  '[]',
  '[[]]',
  '[1e308]',
  '[null]',
  '{}',
  '{"toString":1,"valueOf":1}',
  '{"__proto__":{"length":1e9}}',
  '{"length":1e9}',
  JSON.stringify('x'.repeat(100_000)),
  JSON.stringify(Array(20_000).fill('a')),
  `${'['.repeat(31)}${']'.repeat(31)}`,
];

/** The JSON of an object with a member replaced by a JSON text; undefined removes the member. */
export function withMember(object: object, key: string, json: string | undefined): string {
  const members = Object.entries(object).filter(([name]) => name !== key);
  const texts = members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  if (json !== undefined) texts.push(`${JSON.stringify(key)}:${json}`);
  return `{${texts.join(',')}}`;
}
