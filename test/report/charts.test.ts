/**
 * Protects the charts: they match golden SVGs, their titles state the finding, and labels do not overlap, from one epoch
 * to 200 and from two classes to 47.
 *
 * After an intended change of a chart, write the goldens again and look at them:
 * UPDATE_GOLDEN=1 node --test build/test/report/charts.test.js
 */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  type Chart,
  isBeyond,
  linearScale,
  logScale,
  type Place,
  wholeTicks,
} from '#src/report/charts/chart.js';
import { renderSvg } from '#src/report/charts/chart-files.js';
import { confusionMatrixChart, confusionRatesChart } from '#src/report/charts/confusion.js';
import { accuracyChart, learningRateChart, lossChart } from '#src/report/charts/curves.js';
import { mistakesChart, mistakeTiles } from '#src/report/charts/mistakes.js';
import { parallelChart } from '#src/report/charts/parallel.js';
import { reliabilityChart } from '#src/report/charts/reliability.js';
import { robustnessChart } from '#src/report/charts/robustness.js';

import type { ReportInput } from '#src/report/html.js';
import { light } from '#src/report/palette.js';
import type { Robustness } from '#src/runs/robustness.js';
import { sampleInput, sampleMistake, sampleRobustness, sampleStrokeMistake } from './sample.js';
import { SAMPLE_AXES, sampleTrials } from './sample-sweep.js';
import { assertTextsApart, assertWellFormed, stableSvg, textBoxes } from './svg.js';

const fixtures = new URL('../../../test/fixtures/report/', import.meta.url);

/** All charts for one place. On the page, the mistakes are an HTML grid and no chart. */
function chartsOf(input: ReportInput, place: Place): Chart[] {
  return [
    ...[lossChart, accuracyChart, learningRateChart, confusionMatrixChart, confusionRatesChart].map((draw) =>
      draw(input, place),
    ),
    ...(input.calibration ? [reliabilityChart(input.calibration, 'test', place)] : []),
    ...(place === 'file' ? [mistakesChart(mistakeTiles(input.mistakes, input.summary.classes))] : []),
  ];
}

const small = sampleInput({ epochs: 2, points: 5, classes: ['cat', 'dog', 'ape'] });
const drawings = mistakeTiles(
  [0, 1, 2].map((index) => sampleStrokeMistake(index, 3)),
  ['cat', 'dog', 'ape'],
);
const goldens: [name: string, chart: Chart][] = [
  ...chartsOf(small, 'file').map((chart): [string, Chart] => [chart.name, chart]),
  ['mistakes-strokes', mistakesChart(drawings)],
  ['robustness', robustnessChart(sampleRobustness())],
  ['parallel-coordinates', parallelChart(sampleTrials(), SAMPLE_AXES, (option) => option, 'file')],
];

/** Values of a row of robustness with one variant. */
function accuracy(correct: number, count: number) {
  const share = correct / count;
  return {
    accuracy: share,
    interval: [share * 0.9, share] as [number, number],
    count,
    variants: [{ name: 'one', correct, unread: 0 }],
  };
}

for (const [name, chart] of goldens) {
  test(`${name} matches its golden SVG`, () => {
    const golden = new URL(`${name}.svg`, fixtures);
    const svg = stableSvg(renderSvg(chart));
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(golden, svg);
    assert.equal(svg, readFileSync(golden, 'utf8'));
  });
}

test('only what lies beyond an axis is clipped', () => {
  const loss6 = logScale(1e-6, 1, 6);
  assert.deepEqual(
    [1e-6, 1, 1e-8, 10].map((value) => isBeyond(loss6, value)),
    [false, false, true, true],
  );
  const clips = (chart: Chart) => renderSvg(chart).match(/clip-path=/g)?.length ?? 0;
  // Curve and mean of the first epoch begin below the axis.
  const [loss, accuracy, rate] = [lossChart, accuracyChart, learningRateChart].map((draw) =>
    clips(draw(small, 'file')),
  );
  assert.deepEqual([loss, accuracy, rate], [0, 2, 0]);
  assert.equal(clips(reliabilityChart(small.calibration!, 'test', 'file')), 0);
});

const letters = Array.from({ length: 47 }, (_, index) => String.fromCharCode(65 + index));
const garments = 'T-shirt/top Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag Ankle_boot'.split(' ');
const crowded = sampleInput({ classes: letters.slice(0, 30) });
crowded.summary.confusionMatrix = crowded.summary.confusionMatrix.map((row) =>
  row.map((count) => count * 12_345),
);
const strokes = sampleInput({ classes: garments });
strokes.mistakes = Array.from({ length: 30 }, (_, index) => sampleStrokeMistake(index, 10));
const samples: [name: string, input: ReportInput][] = [
  ['one epoch', sampleInput({ epochs: 1 })],
  ['one epoch, one point', sampleInput({ epochs: 1, points: 1 })],
  ['no curve', sampleInput({ points: 0 })],
  ['no epoch', sampleInput({ epochs: 0, mistakes: 0 })],
  ['ten epochs', sampleInput({ epochs: 10, mistakes: 40 })],
  ['200 epochs', sampleInput({ epochs: 200 })],
  ['two classes', sampleInput({ classes: ['left', 'right'] })],
  ['26 classes', sampleInput({ classes: letters.slice(0, 26), samplesPerClass: 800 })],
  ['47 classes', sampleInput({ classes: letters, errorRate: 0.3 })],
  ['large counts', crowded],
  ['long names', sampleInput({ classes: garments, mistakes: 30 })],
  ['strokes', strokes],
  ['no temperature', sampleInput({ temperature: 1 })],
  ['a million answers', sampleInput({ samplesPerClass: 100_000 })],
  ['no mistakes', sampleInput({ errorRate: 0, mistakes: 0 })],
];

for (const [name, input] of samples) {
  test(`${name}: no label overlaps another or leaves the chart`, () => {
    for (const place of ['file', 'page'] as const) {
      for (const chart of chartsOf(input, place)) {
        const svg = renderSvg(chart);
        assertWellFormed(svg);
        assert.ok(
          !/NaN|Infinity|undefined|null|\[object/.test(svg),
          `${chart.name}: ${svg.match(/.{60}NaN/)?.[0]}`,
        );
        try {
          assertTextsApart(svg);
        } catch (error) {
          assert.fail(`${chart.name} for the ${place}: ${(error as Error).message}`);
        }
      }
    }
  });
}

test('robustness: no label overlaps another or leaves the chart, and the title states the finding', () => {
  const title = (result: Robustness) => {
    const chart = robustnessChart(result);
    const svg = renderSvg(chart);
    assertWellFormed(svg);
    assert.ok(!/NaN|Infinity|undefined/.test(svg));
    assertTextsApart(svg);
    return chart.title;
  };
  const sample = sampleRobustness();
  assert.equal(title(sample), '98.00 % on unchanged samples, down to 2.50 % (inverted)');
  const same = { ...sample, rows: sample.rows.map((row) => ({ ...row, ...accuracy(98, 100) })) };
  assert.equal(title(same), 'No change costs accuracy: 98.00 % on unchanged samples');
  const perfect = { ...sample, rows: sample.rows.map((row) => ({ ...row, ...accuracy(100, 100) })) };
  assert.equal(title(perfect), 'No change costs accuracy: 100.00 % on unchanged samples');
  const none = { ...sample, rows: sample.rows.map((row) => ({ ...row, ...accuracy(0, 1) })) };
  assert.equal(title(none), 'No change costs accuracy: 0.00 % on unchanged samples');
  title({ ...sample, data: 'a/very/long/path/of/a/folder'.repeat(9), rows: sample.rows.slice(0, 1) });
});

test('titles state the finding', () => {
  const titles = (input: ReportInput) => chartsOf(input, 'file').map(({ title }) => title);
  const input = sampleInput();
  input.summary.testAccuracy = 0.9897;
  input.metrics[0].validationLoss = 0.0921;
  input.metrics[2].validationLoss = 0.0312;
  input.metrics[1].validationLoss = 0.0401;
  for (const [index, learningRate] of [2.4e-4, 6e-3, 2.4e-8].entries()) {
    for (const point of input.metrics[index].curve) point.learningRate = learningRate;
  }
  input.summary.classes = ['a', 'b'];
  input.summary.confusionMatrix = [
    [97, 3],
    [1, 199],
  ];
  assert.deepEqual(titles(input), [
    'Validation loss fell from 0.0921 to 0.0312 in 3 epochs',
    'Test accuracy 98.97 % after 3 epochs',
    'Learning rate rose to 0.006, then fell to 2.4e-8',
    '4 of 300 test answers were wrong',
    'Recall from 97.0 % (class a) to 99.5 % (class b)',
    'Test calibration error 1.00 %; 6.67 % without temperature scaling',
    'The 3 most confident mistakes',
  ]);
  input.metrics[2].validationLoss = 0.5;
  input.summary.bestEpoch = 2;
  for (const { curve } of input.metrics) for (const point of curve) point.learningRate = 1e-4;
  input.summary.confusionMatrix = [
    [100, 0],
    [0, 100],
  ];
  input.mistakes = [];
  input.calibration = sampleInput({ temperature: 1 }).calibration;
  assert.deepEqual(titles(input), [
    'Validation loss was lowest after epoch 2: 0.0401',
    'Test accuracy 98.97 % of epoch 2, the best of 3',
    'Learning rate 1e-4 throughout',
    'All 200 test answers were right',
    'Every class was recognised in 100.0 % of cases',
    'Test calibration error 6.67 %',
    'No mistakes on the test set',
  ]);
});

test('every cell of a matrix has its number, and a single mistake is coloured', () => {
  const input = sampleInput({ classes: ['a', 'b', 'c'] });
  input.summary.confusionMatrix = [
    [5000, 1, 0],
    [0, 4000, 400],
    [0, 0, 0],
  ];
  const counts = renderSvg(confusionMatrixChart(input, 'file'));
  const texts = textBoxes(counts).map(({ text }) => text);
  for (const number of ['5000', '4000', '400', '1']) assert.ok(texts.includes(number), number);
  assert.equal(texts.filter((text) => text === '0').length, 5);
  // The fourteen shades of the legend are drawn first.
  const fills = [...counts.matchAll(/<path d="[^"]*" fill="(#\w+)"/g)].map((match) => match[1]);
  const cells = fills.slice(14, 23);
  assert.deepEqual(
    cells.map((fill) =>
      light.correct.includes(fill)
        ? 'correct'
        : light.wrong.includes(fill)
          ? 'wrong'
          : fill === light.empty
            ? ''
            : fill,
    ),
    ['correct', 'wrong', '', '', 'correct', 'wrong', '', '', ''],
  );
  const rates = textBoxes(renderSvg(confusionRatesChart(input, 'file'))).map(({ text }) => text);
  for (const rate of ['>99.9', '<0.1', '90.9', '9.1']) assert.ok(rates.includes(rate), rate);
});

test('with weights of the classes, the loss chart says that its losses do not compare', () => {
  const input = { ...sampleInput(), config: { class_weights: 'balanced' } };
  assert.match(
    lossChart(input, 'file').note,
    /training loss has the weights of the classes, the validation loss/,
  );
  assert.doesNotMatch(lossChart(sampleInput(), 'file').note, /weights of the classes/);
});

test('without a curve the axis shows epochs, and no number of updates', () => {
  const texts = textBoxes(renderSvg(lossChart(sampleInput({ points: 0 }), 'file'))).map(({ text }) => text);
  assert.ok(texts.includes('epoch'), texts.join('\n'));
});

test('updates lie in their epoch, also of a run that went on with larger batches', () => {
  const input = sampleInput({ epochs: 3, points: 4 });
  input.metrics[2].curve.forEach((point, n) => {
    point.step = 801 + n;
  });
  const chart = learningRateChart(input, 'file');
  const [{ data }] = [chart.option.series].flat() as { data: [x: number, y: number][] }[];
  assert.deepEqual(
    data.map(([x]) => x),
    Array.from({ length: 12 }, (_, n) => (n + 1) / 4),
  );
  const texts = textBoxes(renderSvg(chart)).map(({ text }) => text);
  assert.ok(texts.includes('epoch'), 'the epochs have different numbers of updates');
});

test('the axis of the accuracy is zoomed to the values after the first epoch', () => {
  const svg = renderSvg(accuracyChart(sampleInput({ epochs: 10 }), 'file'));
  const ticks = textBoxes(svg)
    .filter(({ text, left }) => / %$/.test(text) && left < 100)
    .map(({ text }) => Number.parseFloat(text));
  assert.ok(Math.min(...ticks) >= 90 && Math.max(...ticks) <= 100, String(ticks));
});

test('the same chart gives the same SVG, also after other charts', () => {
  const chart = lossChart(sampleInput(), 'file');
  const first = renderSvg(chart);
  renderSvg(accuracyChart(sampleInput(), 'page'));
  assert.equal(renderSvg(chart), first);
});

test('class names that look like markup or like attributes stay text', () => {
  const names = ['<b>&"\'', 'id="zr0-c1" font-family:IBM Plex Sans;', ' d="1.23456"', '\u0000\u001b\ud800x'];
  const input = sampleInput({ classes: names, mistakes: 4 });
  for (const chart of chartsOf(input, 'file')) assertWellFormed(renderSvg(chart));
  const texts = textBoxes(renderSvg(confusionMatrixChart(input, 'file'))).map(({ text }) => text);
  assert.ok(texts.includes('<b>&"\''), texts.join('\n'));
  assert.ok(texts.some((text) => text.startsWith('id="zr0-c1"')));
  assert.ok(texts.includes('\ufffd\ufffd\ufffdx'));
});

test('the reliability diagram has the gap and the count of every bin', () => {
  const calibration = sampleInput().calibration!;
  for (const place of ['file', 'page'] as const) {
    const texts = textBoxes(renderSvg(reliabilityChart(calibration, 'validation', place))).map(
      ({ text }) => text,
    );
    const row = (name: string) => texts.filter((text) => text === name).length;
    assert.deepEqual([row('+3.0'), row('−3.0')], [5, 6], 'the last bin has accuracy 1');
    assert.deepEqual([row('–'), row('0')], [3, 3], 'empty bins');
    for (const { count } of calibration.after.bins) assert.ok(texts.includes(String(count)), `${count}`);
  }
});

test('at most thirty mistakes, with the names of their classes', () => {
  const mistakes = Array.from({ length: 50 }, (_, index) => sampleMistake(index, 10));
  const tiles = mistakeTiles(mistakes, []);
  assert.equal(tiles.length, 30);
  assert.equal(tiles[0].caption, '0 → 1');
  assert.equal(tiles[0].confidence, '99.8 %');
  assert.equal(
    tiles[1].description,
    'Test sample 101: true class 1, taken for 2 with 98.8 %; the true class got 0.1 %.',
  );
});

test('the note explains the strokes, and is not cut', () => {
  const { note, option } = mistakesChart(drawings);
  assert.match(note, /The pen runs from the ring, from blue to orange/);
  assert.equal((option.title as { subtext: string }).subtext, note);
  const images = mistakesChart(mistakeTiles(sampleInput().mistakes, [])).note;
  assert.ok(!images.includes('pen'));
});

test('scales have round ticks, contain their values, and have as many ticks as fit', () => {
  assert.deepEqual(linearScale(0, 0.006, 7).ticks, [0, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006]);
  assert.deepEqual(linearScale(0.961, 0.998, 7).ticks, [0.96, 0.97, 0.98, 0.99, 1]);
  assert.deepEqual(linearScale(0.2, 0.7, 7).ticks, [0.2, 0.3, 0.4, 0.5, 0.6, 0.7]);
  assert.deepEqual(linearScale(0.5, 0.5, 5).ticks.length >= 2, true);
  assert.deepEqual(logScale(0.03, 2.3, 8).ticks, [0.05, 0.1, 0.2, 0.5, 1, 2]);
  const tight = logScale(0.05, 0.05, 8);
  assert.ok(tight.min < 0.05 && tight.max > 0.05 && tight.ticks.length >= 2);
  assert.deepEqual(wholeTicks(0, 3, 12), [0, 1, 2, 3]);
  assert.deepEqual(wholeTicks(0, 200, 12), [0, 20, 40, 60, 80, 100, 120, 140, 160, 180, 200]);
  assert.deepEqual(wholeTicks(0, 47, 7), [0, 10, 20, 30, 40, 47]);
});

test('of hundreds of classes, the matrices show those with the lowest recall', () => {
  const input = sampleInput();
  const classes = Array.from({ length: 345 }, (_, k) => `figure ${k}`);
  // Every seventh class is never recognised.
  const confusionMatrix = classes.map((_, row) =>
    classes.map((_, column) => (column === (row % 7 === 0 ? (row + 7) % 345 : row) ? 3 : 0)),
  );
  confusionMatrix[8].fill(0); // a class without samples
  Object.assign(input.summary, { classes, confusionMatrix });
  for (const draw of [confusionMatrixChart, confusionRatesChart]) {
    const chart = draw(input, 'page');
    assert.match(chart.note, /Shown: the 40 of 345 classes with the lowest recall\.$/);
    const texts = textBoxes(renderSvg(chart)).map(({ text }) => text);
    assert.ok(texts.includes('figure 7') && !texts.includes('figure 8'));
  }
  assert.match(confusionMatrixChart(input, 'page').title, /^150 of 1,032 test answers were wrong$/);
});
