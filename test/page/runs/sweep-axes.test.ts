/** Protects the chart of a sweep on the page: which runs are its trials, and what is tried in them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parallelAxes, type RankedTrial } from '#src/report/charts/parallel-axes.js';
import { differingAxes, plainSettings, sweepOf, trialNumber } from '../../../web/runs/sweep-axes.js';

test('the id of a trial names its sweep', () => {
  assert.equal(sweepOf('sweep-quick-1~trial-007'), 'sweep-quick-1');
  assert.equal(trialNumber('sweep-quick-1~trial-017'), 17);
  for (const id of ['quick-1', 'quick-1~seed-0', 'a~trial-1', 'trial-001']) assert.equal(sweepOf(id), null);
});

test('an axis for each setting that differs: a list of few values, a scale of many numbers', () => {
  const configs = Array.from({ length: 9 }, (_, n) => ({
    data: 'mnist',
    threads: n,
    chart_format: ['svg'],
    hidden_size: 8 * (1 + (n % 3)),
    learning_rate: 1e-4 * 2 ** n,
    dropout_rate: n / 20,
    max_norm: n === 0 ? null : 1,
    head: n % 2 === 0 ? 'mean' : 'last',
  }));
  assert.deepEqual(differingAxes(configs.map(plainSettings)), [
    { option: 'hidden_size', values: [8, 16, 24] },
    { option: 'learning_rate', low: 1e-4, high: 0.0256, scale: 'log', whole: false },
    { option: 'dropout_rate', low: 0, high: 0.4, scale: 'linear', whole: false },
    { option: 'max_norm', values: [1, null] },
    { option: 'head', values: ['last', 'mean'] },
  ]);
});

test('values lie on their axes: lists apart, ranges by their scale, nothing where a trial has no value', () => {
  const trials: RankedTrial[] = [
    { settings: { head: 'last', learning_rate: 1e-3 }, bestValAccuracy: 0.9 },
    { settings: { head: 'mean', learning_rate: 1e-2 }, bestValAccuracy: 0.8 },
    { settings: { head: 'mean' }, bestValAccuracy: 0.7 },
  ];
  const axes = parallelAxes(
    trials,
    [
      { option: 'head', values: ['last', 'mean'] },
      { option: 'learning_rate', low: 1e-4, high: 1e-2, scale: 'log', whole: false },
    ],
    (option) => option,
  );
  assert.deepEqual(
    axes.map(({ name }) => name),
    ['head', 'learning_rate', 'validation'],
  );
  const [head, rate, accuracy] = axes.map((axis) => trials.map((trial, n) => axis.place(trial, n / 2)));
  assert.ok(head[0]! < 0.5 && head[1]! > 0.5 && head[2]! > 0.5 && head[1] !== head[2]);
  assert.ok(rate[0]! > 0.4 && rate[0]! < 0.6 && rate[1]! > 0.9);
  assert.equal(rate[2], null);
  assert.deepEqual(
    accuracy.map((at) => Number(at?.toFixed(9))),
    [1, 0.5, 0],
  );
});
