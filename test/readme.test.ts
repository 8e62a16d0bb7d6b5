/** Protects the README: its tables of options and presets equal the code's, and its examples run as printed. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { flagName } from '#src/train/config/option.js';
import { OPTION_KEYS, OPTIONS } from '#src/train/config/options.js';
import { PRESETS } from '#src/train/config/presets.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const readme = readFileSync(`${root}README.md`, 'utf8');

/** The cells of the table rows whose first cell matches. */
function tableRows(first: RegExp): string[][] {
  const rows = [...readme.matchAll(/^\| (.*) \|$/gm)].map((match) => match[1].split('|'));
  return rows.map((cells) => cells.map((cell) => cell.trim())).filter(([cell]) => first.test(cell));
}

test('the tables list every option once, in order, with its default and help text', () => {
  const expected = OPTION_KEYS.map((key) => {
    const { default: value, none, description, ...form } = OPTIONS[key];
    const choices = form.type === 'choice' ? `: ${form.choices.map((name) => `\`${name}\``).join(', ')}` : '';
    return [`\`--${flagName(key)}\``, value === null ? none : value, description + choices];
  });
  const listed = tableRows(/^`--/).map(([flag, text, description], n) => {
    const value = expected[n]?.[1];
    return [flag, readDefault(text, value), description];
  });
  assert.deepEqual(listed, expected);
});

/** Reads a default in the table as the type of `like`. */
function readDefault(text: string, like: unknown): unknown {
  if (Array.isArray(like)) return text === 'none' ? [] : text.split(',');
  if (typeof like === 'boolean') return text === 'true';
  if (typeof like !== 'number') return text;
  const [dividend, divisor = 1] = text.split('/').map(Number);
  return dividend / divisor;
}

test('the table of presets has the results of presets.ts', () => {
  const listed = tableRows(/^`[a-z-]+`$/).filter((cells) => cells.length === 4);
  assert.deepEqual(
    listed.map(([name, , , result]) => [name, result]),
    Object.entries(PRESETS).map(([name, { result }]) => [`\`${name}\``, result]),
  );
});

/** Runs the n-th example of the library; returns the lines that it prints. */
function runExample(n: number): string[] {
  const example = [...readme.matchAll(/```js\n([\s\S]*?)```/g)][n][1];
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', example], {
    cwd: root,
    encoding: 'utf8',
  });
  return output.trim().split('\n');
}

test('the first example of the library runs, and its loss falls', () => {
  const losses = runExample(0).map(Number);
  assert.equal(losses.length, 5);
  assert.ok(losses[4] < losses[0] / 10, `${losses}`);
});

test('the example of openTrainer runs, and learns all examples', () => {
  const lines = runExample(1);
  assert.match(lines[0], /^\{ loss: [\d.]+, accuracy: [\d.]+ \}$/);
  assert.match(lines.join(' '), /accuracy: 1[,\s].*count: 64/);
});

test('the example of readSymbols reads 17', () => {
  const [text, ...symbol] = runExample(2);
  assert.equal(text, '17');
  assert.match(symbol.join(' '), /answer: '7'/);
});
