/** Protects names: they are camelCase in the API and snake_case on disk, converted both ways without loss. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatJson, parseJson } from '#src/formats/json.js';
import { camelCaseKeys, snakeCaseKeys } from '#src/formats/key-case.js';
import { UserError } from '#src/user-error.js';

test('keys change at every depth and in arrays; values do not', () => {
  const camel = {
    bestValAccuracy: 1,
    t0: 2,
    curve: [{ learningRate: 'notThisValue' }, null, ['aB']],
    a: { bC: { dEF: {} } },
  };
  const snake = {
    best_val_accuracy: 1,
    t0: 2,
    curve: [{ learning_rate: 'notThisValue' }, null, ['aB']],
    a: { b_c: { d_e_f: {} } },
  };
  assert.deepEqual(snakeCaseKeys(camel, 'x'), snake);
  assert.deepEqual(camelCaseKeys(snake, 'x'), camel);
});

test('any camelCase value is restored from its snake_case form', () => {
  const key = fc.stringMatching(/^[a-z][a-zA-Z0-9]{0,8}$/);
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, fc.integer(), fc.string(), tie('list'), tie('object')),
    list: fc.array(tie('value'), { maxLength: 3 }),
    object: fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  }));
  fc.assert(
    fc.property(value, (each) => {
      const text = formatJson(snakeCaseKeys(each, 'x'), 'x');
      assert.deepEqual(camelCaseKeys(parseJson(text, 'x'), 'x'), each);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('keys that would not be restored, or would become equal, are refused', () => {
  for (const key of ['hidden_size', 'HiddenSize', 'a_b']) {
    assert.throws(() => snakeCaseKeys({ [key]: 1 }, 'config'), UserError, key);
  }
  assert.throws(
    () => camelCaseKeys({ hidden_size: 1, hiddenSize: 2 }, 'config.json'),
    /^UserError: config\.json: "hiddenSize" occurs twice/,
  );
});

test('a key __proto__ from a file does not set the prototype', () => {
  const value = camelCaseKeys(parseJson('{"__proto__": {"polluted": 1}, "a": 2}', 'x'), 'x') as Record<
    string,
    unknown
  >;
  assert.equal(value.polluted, undefined);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  assert.deepEqual(Object.entries(value), [
    ['__proto__', { polluted: 1 }],
    ['a', 2],
  ]);
});

test('brackets inside strings do not count as nesting', () => {
  const text = JSON.stringify({ a: '['.repeat(100), b: '\\"[[[' });
  assert.deepEqual(parseJson(text, 'x'), JSON.parse(text));
  const flat = JSON.stringify(Array.from({ length: 1000 }, () => [{}]));
  assert.equal((parseJson(flat, 'x') as unknown[]).length, 1000);
  assert.throws(
    () => parseJson(`${'['.repeat(33)}${']'.repeat(33)}`, 'x'),
    /x: nested deeper than 32 at character 32/,
  );
});

test('however many keys files have, each is converted', () => {
  for (let n = 0; n < 5000; n++) {
    const [snake, camel] = [`key_a${n}`, `keyA${n}`];
    assert.deepEqual(camelCaseKeys({ [snake]: n, best_val_accuracy: 1 }, 'x'), {
      [camel]: n,
      bestValAccuracy: 1,
    });
    assert.deepEqual(snakeCaseKeys({ [camel]: n, bestValAccuracy: 1 }, 'x'), {
      [snake]: n,
      best_val_accuracy: 1,
    });
  }
  const long = `a${'_b'.repeat(100)}`;
  assert.deepEqual(camelCaseKeys({ [long]: 1 }, 'x'), { [`a${'B'.repeat(100)}`]: 1 });
});
