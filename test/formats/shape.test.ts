/** Protects values from files and servers: only values of the expected shape pass; errors name the place of others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  finite,
  flag,
  list,
  nullable,
  oneOf,
  optional,
  readAs,
  record,
  text,
  whole,
} from '#src/formats/shape.js';
import { UserError } from '#src/user-error.js';

const shape = record({
  name: text,
  useAmp: optional(flag, false),
  way: oneOf(['up', 'down']),
  scores: list(record({ correct: whole(0, 10), loss: nullable(finite) })),
});
const value = { name: 'a', useAmp: true, way: 'up', scores: [{ correct: 3, loss: null }] };

test('a value of the shape passes; missing optional members get their defaults, unknown members are dropped', () => {
  assert.deepEqual(readAs(shape, value, 'x'), value);
  const { useAmp: _, ...rest } = value;
  assert.deepEqual(readAs(shape, { ...rest, other: 1 }, 'x'), { ...rest, useAmp: false });
});

test('errors name the place, the expected and the found value', () => {
  const refuse = (change: object, message: string) =>
    assert.throws(
      () => readAs(shape, { ...value, ...change }, 'a file'),
      new UserError(`a file: ${message}`),
    );
  refuse({ name: undefined }, '"name": expected a text, found nothing');
  refuse({ name: ['\u001b'] }, '"name": expected a text, found a list');
  refuse({ useAmp: 'no' }, '"use_amp": expected true or false, found "no"');
  refuse({ useAmp: null }, '"use_amp": expected true or false, found null');
  refuse({ way: 'toString' }, '"way": expected one of up, down, found "toString"');
  refuse({ scores: {} }, '"scores": expected a list, found an object');
  const scores = (correct: unknown, loss: unknown = 0) => ({
    scores: [
      { correct: 1, loss: 0 },
      { correct, loss },
    ],
  });
  refuse(scores(11), '"scores.1.correct": expected a whole number from 0 to 10, found 11');
  refuse(scores(-1), '"scores.1.correct": expected a whole number from 0 to 10, found -1');
  refuse(scores(1.5), '"scores.1.correct": expected a whole number from 0 to 10, found 1.5');
  refuse(scores('1'), '"scores.1.correct": expected a whole number from 0 to 10, found "1"');
  refuse(scores(1, Number.NaN), '"scores.1.loss": expected a number, found NaN');
  assert.throws(() => readAs(shape, null, 'a file'), new UserError('a file: expected an object, found null'));
  assert.throws(() => readAs(shape, [], 'a file'), new UserError('a file: expected an object, found a list'));
});
