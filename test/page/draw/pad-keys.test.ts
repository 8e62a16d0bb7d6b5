/** Protects the keys of a symbol on the pad, in Node.js: letters correct it, and keys with a name keep their meaning. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { typedClass } from '../../../web/several/shortcuts.js';

test('a letter is the class of its name; Tab and Enter are none, also where symbols are named so', () => {
  const typed = (key: string, ctrlKey = false) =>
    typedClass({ key, ctrlKey, metaKey: false, altKey: false }, ['a', 'A', 'B', 'π', 'Tab', 'Enter', ' '], {
      nameOf: (name) => name,
    });
  assert.deepEqual(
    ['a', 'A', 'b', 'π'].map((key) => typed(key)),
    ['a', 'A', 'B', 'π'],
  );
  for (const key of ['Tab', 'Enter', 'ArrowLeft', ' ', 'c']) assert.equal(typed(key), null, key);
  assert.equal(typed('a', true), null);
});
