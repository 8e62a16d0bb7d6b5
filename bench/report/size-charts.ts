/** The charts of a sweep: the rate of an update against batch and hidden size, and its time against each size. */
import { baseOption, type Chart, frames, logScale } from '#src/report/charts/chart.js';
import { renderSvg } from '#src/report/charts/chart-files.js';
import { type Line, lineChart, type Plot, type Point as XY } from '#src/report/charts/line-chart.js';
import { adaptive, light } from '#src/report/palette.js';
import type { Point, Size, SweepResults } from '../measure/sweep.js';
import { duration, markdown, number, whole } from './table.js';

/** Colours of lines and labels, from small to large sizes. They differ in lightness and are readable as text. */
export const LINE_COLORS = [light.validation, light.pen[7], light.pen[4], light.pen[0]];

/** A logarithmic axis over sizes, with at most `maxTicks` ticks. */
function sizeAxis(name: string, values: readonly number[], maxTicks: number): Plot['across'] {
  const every = Math.ceil(values.length / maxTicks);
  const ticks = values.filter((_, index) => (values.length - 1 - index) % every === 0);
  return { spacing: 'log', name, min: values[0], max: values[values.length - 1], ticks };
}

/** GFLOP/s of a training update against batch size: one line per hidden size, and the rate of the matrix product. */
export function rooflineChart({ machine, date, threads, product, roofline }: SweepResults): string {
  const hiddenSizes = [...new Set(roofline.map(({ hiddenSize }) => hiddenSize))];
  const batchSizes = [...new Set(roofline.map(({ batchSize }) => batchSize))];
  const lines = hiddenSizes.map((hiddenSize, index): Line => {
    const points = roofline.filter((point) => point.hiddenSize === hiddenSize);
    return {
      name: `hidden size ${whole(hiddenSize)}`,
      value: number(points[points.length - 1].gflops),
      color: LINE_COLORS[index % LINE_COLORS.length],
      points: points.map(({ batchSize, gflops }): XY => [batchSize, gflops]),
      width: 2.25,
      marked: true,
    };
  });
  const ends = [batchSizes[0], batchSizes[batchSizes.length - 1]];
  lines.push({
    name: product.name,
    value: number(product.gflops),
    color: light.ink,
    width: 1.25,
    dashed: true,
    points: ends.map((batchSize): XY => [batchSize, product.gflops]),
  });
  const values = [...roofline.map(({ gflops }) => gflops), product.gflops];
  const fastest = roofline.reduce((a, b) => (a.gflops > b.gflops ? a : b));
  const title = `A training update reaches ${number(fastest.gflops)} GFLOP/s, ${Math.round((100 * fastest.gflops) / product.gflops)} % of the matrix product`;
  const note = `GFLOP/s against batch size: one layer, both directions, 28 steps. ${threads} threads, ${machine.processor}, ${date}.`;
  const chart = lineChart('bench-roofline', 'file', title, note, {
    across: sizeAxis('sequences in a batch', batchSizes, 12),
    scale: logScale(Math.min(...values), Math.max(...values), 9),
    lines,
    format: (value) => value.toLocaleString('en-US'),
  });
  return adaptive(renderSvg(chart));
}

const PANELS: [size: Size, words: string][] = [
  ['hiddenSize', 'hidden size'],
  ['numLayers', 'layers'],
  ['steps', 'sequence length'],
  ['batchSize', 'sequences in a batch'],
];

/** Time of a training update against one size. */
function growthPanel(points: Point[], size: Size, words: string): Chart {
  const line = (value: (point: Point) => number): XY[] => points.map((point) => [point[size], value(point)]);
  const last = points[points.length - 1];
  const times = points.flatMap(({ seconds, floorSeconds }) => [seconds, floorSeconds]);
  return lineChart(`bench-growth-${size}`, 'page', `Time of an update against ${words}`, '', {
    across: sizeAxis(
      words,
      line(() => 0).map(([x]) => x),
      7,
    ),
    scale: logScale(Math.min(...times), Math.max(...times), 6),
    format: (seconds) => duration(seconds).replace(/\.0+ /, ' '),
    lines: [
      {
        name: 'update',
        value: duration(last.seconds),
        color: light.training,
        width: 2.25,
        marked: true,
        points: line(({ seconds }) => seconds),
      },
      {
        name: 'products',
        value: duration(last.floorSeconds),
        color: light.ink,
        width: 1.25,
        dashed: true,
        points: line(({ floorSeconds }) => floorSeconds),
      },
    ],
  });
}

/** The four panels under a common heading. */
export function growthChart({ machine, date, threads, product, growth }: SweepResults): string {
  const panels = PANELS.map(([size, words]) => growthPanel(growth[size], size, words));
  const { left, top } = frames.file;
  const gap = 24;
  const width = left + 2 * panels[0].width + gap + 8;
  const rows = Math.ceil(panels.length / 2);
  const height = top + rows * (panels[0].height + 20);
  const title = 'Time of a training update, one size of quick changed at a time';
  const note = `Dashed: the matrix products alone, at the rate of ${product.name}. ${threads} threads, ${machine.processor}, ${date}.`;
  const sheet = renderSvg({
    name: 'bench-growth',
    title,
    note,
    width,
    height,
    option: baseOption('file', width, title, note),
  });
  const placed = panels.map((panel, index) => {
    const x = left + (index % 2) * (panel.width + gap);
    const y = top + Math.floor(index / 2) * (panel.height + 20);
    return renderSvg(panel).replace(/^<svg /, `<svg x="${x}" y="${y}" `);
  });
  return adaptive(sheet.replace(/<\/svg>\s*$/, `${placed.join('')}</svg>`));
}

/** The figures of the charts as tables for the terminal. */
export function sweepTables({ roofline, growth }: SweepResults): string {
  const hiddenSizes = [...new Set(roofline.map(({ hiddenSize }) => hiddenSize))];
  const batchSizes = [...new Set(roofline.map(({ batchSize }) => batchSize))];
  const rates = {
    header: ['batch', ...hiddenSizes.map((hiddenSize) => `hidden ${whole(hiddenSize)}`)],
    rows: batchSizes.map((batchSize) => [
      whole(batchSize),
      ...hiddenSizes.map((hiddenSize) =>
        number(
          roofline.find((point) => point.hiddenSize === hiddenSize && point.batchSize === batchSize)?.gflops,
        ),
      ),
    ]),
  };
  const times = PANELS.map(([size, words]) =>
    markdown({
      header: [words, 'update', 'products alone'],
      rows: growth[size].map((point) => [
        whole(point[size]),
        duration(point.seconds),
        duration(point.floorSeconds),
      ]),
    }),
  );
  return ['GFLOP/s of a training update', markdown(rates), 'Time of a training update', ...times].join(
    '\n\n',
  );
}
