/** Protects docs/security.md: its table of limits has the values of the code, and every limit of the server. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(root, 'docs/security.md'), 'utf8');
const sources = (readdirSync(join(root, 'src'), { recursive: true }) as string[])
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ name, text: readFileSync(join(root, 'src', name), 'utf8') }));

/** The rows of the table: what, limit, constant. */
const rows = (page.split('<!-- limits -->')[1]?.split('<!-- limits end -->')[0] ?? '')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| --'))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, what, limit, constant]) => ({ what, limit, constant }))
  .slice(1);

/** The expression of a constant. @param where the beginning of its file's path, if several files have the name */
function definition(name: string, where: string): { expression: string; file: string } {
  const found = sources.flatMap(({ name: file, text }) => {
    const [, expression] = new RegExp(`const ${name} =([^;]+);`).exec(text) ?? [];
    return expression !== undefined && file.startsWith(where) ? [{ expression, file }] : [];
  });
  assert.equal(
    found.length,
    1,
    `${where} ${name} is in ${found.map(({ file }) => file).join(', ') || 'no file'}`,
  );
  return found[0];
}

/** The value of a constant: sums and products of numbers and other constants. */
function constantValue(name: string, where = ''): number {
  const { expression } = definition(name, where);
  const sum = expression.replace(/\(([^()]+)\)/g, (_, inner: string) => String(sumOf(inner)));
  return sumOf(sum);
}

function sumOf(expression: string): number {
  return expression.split('+').reduce((sum, part) => sum + productOf(part), 0);
}

function productOf(expression: string): number {
  return expression
    .replaceAll('**', '^')
    .split('*')
    .reduce((product, factor) => {
      const [base, exponent = '1'] = factor.split('^').map((each) => each.trim().replaceAll('_', ''));
      const name = factor.trim();
      return product * (/^[A-Z]/.test(name) ? constantValue(name) : Number(base) ** Number(exponent));
    }, 1);
}

const UNITS: Record<string, number> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, s: 1000 };

function readLimit(text: string): number {
  const [number, unit] = text.split(' ');
  return Number(number.replaceAll(',', '')) * (unit === undefined ? 1 : UNITS[unit]);
}

test('the table of limits has the values of the code', () => {
  const limits = rows.filter(({ constant }) => constant !== '');
  assert.ok(limits.length > 40);
  for (const { what, limit, constant } of limits) {
    const [name, where = ''] = constant.split(' ').reverse();
    assert.equal(readLimit(limit), constantValue(name, where), `${what}: ${constant}`);
  }
});

test('the table has every limit of the server and of run folders', () => {
  const known = rows.map(({ constant }) => constant.split(' ').at(-1));
  for (const file of ['serve/server-limits.ts', 'runs/limits.ts']) {
    const text = sources.find(({ name }) => name === file)?.text ?? '';
    const exported = [...text.matchAll(/^export const (\w+)/gm)].map(([, name]) => name);
    assert.ok(exported.length > 3);
    for (const name of exported)
      assert.ok(known.includes(name), `${name} of ${file} is not in docs/security.md`);
  }
});
