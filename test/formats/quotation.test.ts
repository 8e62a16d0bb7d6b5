/** Protects terminals: names from files and arguments are printed without characters that a terminal obeys or hides. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printJson, shellQuote } from '#src/cli/terminal/terminal.js';
import { inOneLine, quote } from '#src/formats/quotation.js';
import { fakeTerminal } from '../cli/commands/fake-run.js';

const HOSTILE = 'a\u001b[31m\n\r\t\u0007\u009b2J\u202eb\u2028\u200b\ud800';

test('a message is one line, and shows what cannot be seen', () => {
  assert.equal(
    inOneLine(HOSTILE),
    'a\\u{1b}[31m\\n\\r\\t\\u{7}\\u{9b}2J\\u{202e}b\\u{2028}\\u{200b}\\u{d800}',
  );
  assert.equal(inOneLine('größe 数字 🖊'), 'größe 数字 🖊');
  assert.match(quote(HOSTILE), /^"[^\p{C}\p{Z}]+"$/u);
});

test('JSON is printed without them, and reads back the same', () => {
  const terminal = fakeTerminal();
  printJson(terminal, { [HOSTILE]: HOSTILE });
  assert.match(terminal.out.text, /^[\P{C}\n]+$/u);
  assert.deepEqual(JSON.parse(terminal.out.text), { [HOSTILE]: HOSTILE });
});

test('a command to copy names the same file', () => {
  assert.equal(shellQuote("it's"), "'it'\\''s'");
  assert.equal(shellQuote("\u001b[31m'\\\n"), "$'\\U0000001b[31m\\'\\\\\\U0000000a'");
});
