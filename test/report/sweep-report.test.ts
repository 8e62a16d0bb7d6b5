/** Protects the report of a sweep: complete, without scripts, and hostile names do nothing in it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parallelAxes } from '#src/report/charts/parallel-axes.js';
import { writeSweepReport } from '#src/report/sweep-report.js';
import type { TrialResult } from '#src/runs/sweep/sweep-results.js';
import { temporaryFolder } from '../train/small-mnist.js';
import { SAMPLE_AXES, sampleTrials } from './sample-sweep.js';

const SWEEP = {
  method: 'random',
  options: {},
  axes: SAMPLE_AXES,
  seed: 0,
  halving: null,
  study: null,
  count: 5,
  trials: [],
} as const;

/** The title of the chart, and what the report says of the best trial. */
async function bestIn(results: readonly TrialResult[]) {
  const folder = temporaryFolder();
  const input = { sweep: SWEEP, results, folder, title: 'quick on MNIST', version: '0.1.0' };
  await writeSweepReport({ ...input, nameOf: String, textOf: String }, { formats: ['svg'] });
  const html = readFileSync(join(folder, 'report.html'), 'utf8');
  const svg = readFileSync(join(folder, 'charts', 'parallel-coordinates.svg'), 'utf8');
  return {
    title: /Trial \d is the best[^:]*|No trial[^<]*/.exec(svg)?.[0],
    label: /hero-label">([^<,]*)/.exec(html)?.[1],
    command: /evaluate \S*(trial-\d+)/.exec(html)?.[1],
  };
}

test('the best trial is one that was trained to its end, in the chart and in the commands', async () => {
  const [first, ...others] = sampleTrials();
  const ahead = [{ ...first, state: 'stopped' as const }, ...others];
  assert.deepEqual(await bestIn(ahead), {
    title: 'Trial 1 is the best',
    label: 'validation accuracy of trial 1',
    command: 'trial-001',
  });
  const begun = sampleTrials().filter(({ state }) => state !== 'finished');
  assert.deepEqual(await bestIn(begun), {
    title: 'Trial 5 is the best so far',
    label: 'no trial has finished',
    command: undefined,
  });
  const failed = begun.filter(({ state }) => state === 'failed');
  assert.match(`${(await bestIn(failed)).title}`, /^No trial has a validation accuracy yet/);
});

test('the axis of the accuracy ends at 100 %, and its ticks differ', () => {
  const ticksFor = (...shares: number[]) => {
    const trials = shares.map((bestValAccuracy) => ({ settings: {}, bestValAccuracy }));
    return parallelAxes(trials, [], String)[0].ticks.map(({ text }) => text);
  };
  assert.equal(ticksFor(1, 1).at(-1), '100.00 %');
  for (const ticks of [ticksFor(1), ticksFor(0, 0), ticksFor(0.98, 0.9801), ticksFor(0.2, 0.97)]) {
    assert.equal(new Set(ticks).size, ticks.length, ticks.join());
    assert.ok(ticks.every((tick) => Number.parseFloat(tick) >= 0 && Number.parseFloat(tick) <= 100));
  }
});

test('the report has the chart, a row for each trial, and commands for the best', async () => {
  const folder = temporaryFolder();
  const input = {
    sweep: SWEEP,
    results: sampleTrials(),
    folder,
    title: 'quick on <img src=x onerror=alert(1)>',
    version: '0.1.0',
    nameOf: (option: string) => option,
    textOf: String,
  };
  await writeSweepReport(input, { formats: ['svg'] });
  const html = readFileSync(join(folder, 'report.html'), 'utf8');
  assert.ok(!html.includes('<img src=x') && !html.includes('<script'));
  const rows = [...html.matchAll(/<tr><th scope="row">(.*?)<\/th>(.*)<\/tr>/g)];
  assert.deepEqual(
    rows.map(([, name]) => name.replace(/<[^>]+>/g, '')),
    ['2', '1', '5', '3', '4'],
  );
  assert.match(rows[0][1], /href="trial-002\/report\.html"/);
  assert.match(rows[3][2], /ended early/);
  assert.match(rows[4][2], /failed/);
  assert.match(html, /npx scanstroke evaluate .*trial-002/);
  assert.match(html, /98\.40.%/);
  const svg = readFileSync(join(folder, 'charts', 'parallel-coordinates.svg'), 'utf8');
  // Four axes and the accuracy; four of five trials have an accuracy.
  for (const name of ['hiddenSize', 'optimizer', 'momentum', 'learningRate', 'validation'])
    assert.ok(svg.includes(`>${name}<`), name);
  assert.match(svg, /Trial 2 is the best: 98\.40.%/);
});
