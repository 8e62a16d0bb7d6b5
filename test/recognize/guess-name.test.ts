/** Protects how answers read for people. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NONE_CLASS } from '#src/data/class-names.js';
import { guessName, isNone } from '#src/recognize/guess-name.js';

test('the class none reads “none of these”; other names are as they are', () => {
  assert.equal(guessName(NONE_CLASS), 'none of these');
  assert.equal(guessName('None'), 'None');
  assert.deepEqual(['none', '0', 'nothing'].map(isNone), [true, false, false]);
});
