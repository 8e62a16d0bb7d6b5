/** Protects the report of a sweep: complete, without scripts, and hostile names do nothing in it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeSweepReport } from '#src/report/sweep-report.js';
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
