/** Protects “did you mean”: suggests a name for a typing error, and nothing if no name is near. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nearest } from '#src/formats/nearest.js';

describe('nearest', () => {
  const names = ['hidden_size', 'input_size', 'seeds', 'eps', 'gamma'];
  for (const [word, expected] of [
    ['hiden_size', 'hidden_size'],
    ['hidden_szie', 'hidden_size'],
    ['hiddensize', 'hidden_size'],
    ['inputsize', 'input_size'],
    ['sedes', 'seeds'],
    ['epz', 'eps'],
    ['esp', 'eps'],
    ['gama', 'gamma'],
    ['eps', 'eps'],
    ['tensorboard', undefined],
    ['abc', undefined],
    ['', undefined],
    ['x'.repeat(100_000), undefined],
  ] as const) {
    it(`${word.slice(0, 20)} → ${expected}`, () => assert.equal(nearest(word, names), expected));
  }
  it('prefers the first of two names at the same distance', () =>
    assert.equal(nearest('sead', ['seed', 'send']), 'seed'));
  it('prefers the nearer of two names', () =>
    assert.equal(nearest('input_sizes', ['put_sizes', 'input_size']), 'input_size'));
});
