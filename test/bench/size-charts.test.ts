/** Protects the charts of docs/performance.md: texts are readable in both colour schemes and do not overlap. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Point, SweepResults } from '#bench/measure/sweep.js';
import { growthChart, LINE_COLORS, rooflineChart, sweepTables } from '#bench/report/size-charts.js';
import { colorEntries, dark, light } from '#src/report/palette.js';
import { contrast } from '../report/contrast.js';
import { assertTextsApart, assertWellFormed, textBoxes } from '../report/svg.js';

/** A point whose rate saturates with size, as in real measurements. */
function point(change: Partial<Point>): Point {
  const sizes = { hiddenSize: 128, numLayers: 1, steps: 28, batchSize: 128, ...change };
  const gflops =
    (170 * sizes.hiddenSize * sizes.batchSize) / ((sizes.hiddenSize + 20) * (sizes.batchSize + 9));
  const flops = 48 * sizes.hiddenSize ** 2 * sizes.numLayers * sizes.steps * sizes.batchSize;
  return { ...sizes, gflops, seconds: flops / gflops / 1e9, floorSeconds: flops / 185e9 };
}

const results: SweepResults = {
  machine: {
    processor: 'Processor',
    cores: 2,
    memoryGib: 8,
    system: 'Linux 6',
    node: 'v20.1.0',
    backends: {},
  },
  date: '2026-11-22',
  threads: 2,
  product: { name: 'OpenBLAS’s product', gflops: 185 },
  roofline: [16, 64, 256, 1024].flatMap((hiddenSize) =>
    [1, 8, 64, 1024, 8192].map((batchSize) => point({ hiddenSize, batchSize })),
  ),
  growth: {
    hiddenSize: [16, 32, 64].map((hiddenSize) => point({ hiddenSize })),
    numLayers: [1, 2].map((numLayers) => point({ numLayers })),
    steps: [7, 14, 28].map((steps) => point({ steps })),
    batchSize: [1, 64, 8192].map((batchSize) => point({ batchSize })),
  },
};

test('the roofline labels every line and the product, and no texts overlap', () => {
  const svg = rooflineChart(results);
  assertWellFormed(svg);
  assertTextsApart(svg);
  const texts = textBoxes(svg).map(({ text }) => text);
  for (const text of ['hidden size 16', 'hidden size 1,024', 'OpenBLAS’s product', '185', '8,192']) {
    assert.ok(texts.includes(text), `${text} in ${texts.join(' | ')}`);
  }
});

test('the growth chart has four panels, each with its own axis', () => {
  const svg = growthChart(results);
  assertWellFormed(svg);
  const texts = textBoxes(svg).map(({ text }) => text);
  for (const text of ['hidden size', 'layers', 'sequence length', 'sequences in a batch']) {
    assert.equal(texts.filter((other) => other === text).length, 1, text);
  }
});

test('the colours of lines are readable as text in both schemes', () => {
  const darkColors = new Map(colorEntries(dark));
  const names = new Map(colorEntries(light).map(([name, color]) => [color, name]));
  for (const color of LINE_COLORS) {
    assert.ok(contrast(color, light.surface) >= 4.5, `${color}: ${contrast(color, light.surface)}`);
    const counterpart = darkColors.get(names.get(color) ?? '') ?? '';
    assert.ok(
      contrast(counterpart, dark.surface) >= 4.5,
      `${counterpart}: ${contrast(counterpart, dark.surface)}`,
    );
  }
});

test('the tables contain the figures of the charts', () => {
  const text = sweepTables(results);
  assert.match(text, /\| batch \| hidden 16 \| hidden 64 \| hidden 256 \| hidden 1,024 \|/);
  assert.match(text, /\| 8,192 \|/);
});
