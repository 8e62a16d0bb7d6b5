/**
 * Protects the end of a run: every chart can be drawn from any measurements, and contains no NaN.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Place } from '#src/report/charts/chart.js';
import { renderSvg } from '#src/report/charts/chart-files.js';
import { confusionMatrixChart, confusionRatesChart } from '#src/report/charts/confusion.js';
import { accuracyChart, learningRateChart, lossChart } from '#src/report/charts/curves.js';
import { formatRecallTable } from '#src/report/text.js';
import type { EpochMetrics } from '#src/runs/run-folder.js';
import { sampleInput } from './sample.js';
import { assertWellFormed } from './svg.js';

const share = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1, 0.1));
// Up to the largest and down to the smallest float32.
const loss = fc.oneof(
  fc.double({ min: 0, max: 10, noNaN: true }),
  fc.double({ min: 0, max: 3e38, noNaN: true }),
  fc.constantFrom(0, 1e-45, 0.7, 2.3, 3.4e38),
);
const rate = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1e-4, 2.4e-12));
const point = fc.record({
  step: fc.integer({ min: 1, max: 1e6 }),
  loss,
  accuracy: share,
  learningRate: rate,
});
const metrics: fc.Arbitrary<EpochMetrics[]> = fc
  .array(
    fc.record({
      epoch: fc.constant(0),
      trainLoss: loss,
      trainAccuracy: share,
      validationLoss: loss,
      validationAccuracy: share,
      learningRate: rate,
      seconds: fc.constant(1),
      samplesPerSecond: fc.constant(1),
      lossScale: fc.constant(null),
      skippedSteps: fc.constant(0),
      curve: fc.array(point, { maxLength: 5 }),
    }),
    { maxLength: 8 },
  )
  .chain((epochs) =>
    fc
      .integer({ min: 1, max: 50 })
      .map((first) => epochs.map((epoch, index) => ({ ...epoch, epoch: first + index }))),
  );

const matrix = fc.integer({ min: 1, max: 7 }).chain((size) =>
  fc.array(fc.array(fc.oneof(fc.constant(0), fc.nat(9), fc.nat(1e6)), { minLength: size, maxLength: size }), {
    minLength: size,
    maxLength: size,
  }),
);
const place: fc.Arbitrary<Place> = fc.constantFrom('file', 'page');

function assertDrawn(svg: string): void {
  assertWellFormed(svg);
  assert.ok(!/NaN|Infinity|undefined/.test(svg), svg.match(/.{0,100}(?:NaN|Infinity|undefined).{0,40}/)?.[0]);
}

test('curves of any measurements can be drawn', () => {
  fc.assert(
    fc.property(metrics, share, place, (measured, testAccuracy, where) => {
      const input = sampleInput({ epochs: 0 });
      input.metrics = measured;
      input.summary.testAccuracy = testAccuracy;
      input.summary.bestEpoch = measured[0]?.epoch ?? 0;
      input.summary.epochs = measured.length;
      for (const draw of [lossChart, accuracyChart, learningRateChart])
        assertDrawn(renderSvg(draw(input, where)));
    }),
    { seed: 2, numRuns: 25 },
  );
});

test('matrices of any counts and names can be drawn', () => {
  fc.assert(
    fc.property(
      matrix,
      fc.array(fc.string({ unit: 'binary' }), { maxLength: 8 }),
      place,
      (confusionMatrix, classes, where) => {
        const input = { summary: { confusionMatrix, classes } };
        for (const draw of [confusionMatrixChart, confusionRatesChart])
          assertDrawn(renderSvg(draw(input, where)));
        const table = formatRecallTable(confusionMatrix, classes);
        assert.equal(table.split('\n').length, confusionMatrix.length + 1);
        assert.ok(!/NaN|Infinity|undefined/.test(table.replace(/^\S*/gm, '')), table);
      },
    ),
    { seed: 3, numRuns: 20 },
  );
});
