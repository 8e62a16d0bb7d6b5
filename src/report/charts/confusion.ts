/**
 * The confusion matrix as two charts: one with counts, one with shares of each row, whose diagonal is the recall of the
 * class. Correct answers and mistakes have separate colour ramps, so that a single mistake is visible beside a diagonal
 * of a thousand. The size of a cell depends on the number of classes.
 */

import type { CustomSeriesOption, EChartsOption } from 'echarts';
import type { RunSummary } from '../../runs/run-folder.js';
import { light, rampShade, STRONG_SHADE } from '../palette.js';
import { className, classRecalls, mistakeCount, worstConfusion } from '../recall.js';
import { formatCount, formatShare } from '../text.js';
import { baseOption, type Chart, FONT_FAMILY, fitText, frames, type Place, textWidth } from './chart.js';

/** Input of both charts. */
export interface ConfusionInput {
  summary: Pick<RunSummary, 'confusionMatrix' | 'classes'>;
}

/** Of more classes than the first number, those with the lowest recall are shown: a cell takes hundreds of bytes. */
const SHOWN_CLASSES = { all: 100, of: 40 };

/** Number of test samples for each pair of true class and answer. */
export function confusionMatrixChart({ summary }: ConfusionInput, place: Place): Chart {
  const { confusionMatrix, classes } = summary;
  const mistakes = mistakeCount(confusionMatrix);
  const total = confusionMatrix.flat().reduce((sum, count) => sum + count, 0);
  const worst = worstConfusion(confusionMatrix);
  const title =
    mistakes === 0
      ? `All ${formatCount(total)} test answers were right`
      : `${formatCount(mistakes)} of ${formatCount(total)} test answers ${mistakes === 1 ? 'was' : 'were'} wrong`;
  const note =
    worst === null
      ? 'Rows are the true classes, columns the answers.'
      : `Most often ${className(classes, worst.label)} was taken for ${className(classes, worst.predicted)}: ` +
        `${worst.count === 1 ? 'once' : `${formatCount(worst.count)} times`}. Rows are the true classes, columns the answers.`;
  return matrixChart('confusion-matrix', place, title, note, summary, (count) => String(count));
}

/** The same as shares of each row. */
export function confusionRatesChart({ summary }: ConfusionInput, place: Place): Chart {
  const { confusionMatrix, classes } = summary;
  const recalls = classRecalls(confusionMatrix, classes).filter(({ recall }) => recall !== null);
  const sorted = [...recalls].sort((a, b) => (a.recall ?? 0) - (b.recall ?? 0));
  const [low, high] = [sorted[0], sorted[sorted.length - 1]];
  const title =
    low === undefined
      ? 'No test samples'
      : low.recall === high.recall
        ? `Every class was recognised in ${formatShare(low.recall ?? 0, 1)} of cases`
        : `Recall from ${formatShare(low.recall ?? 0, 1)} (class ${low.name}) to ${formatShare(high.recall ?? 0, 1)} (class ${high.name})`;
  const note = 'Each row in percent of its true class; the diagonal is the recall of the class.';
  return matrixChart('confusion-rates', place, title, note, summary, (count, rowTotal) =>
    rowTotal > 0 ? percent(count / rowTotal) : '0',
  );
}

/** A share in percent: `99.6`, `0`, `100`. Only 0 is written as `0` and only 1 as `100`. */
function percent(share: number): string {
  if (share === 0) return '0';
  if (share === 1) return '100';
  const text = (share * 100).toFixed(1);
  if (text === '0.0') return '<0.1';
  return text === '100.0' ? '>99.9' : text;
}

/** A cell: its place, text and colours. */
interface Cell {
  column: number;
  row: number;
  text: string;
  fill: string;
  ink: string;
  bold: boolean;
}

function matrixChart(
  name: 'confusion-matrix' | 'confusion-rates',
  place: Place,
  title: string,
  note: string,
  summary: ConfusionInput['summary'],
  write: (count: number, rowTotal: number) => string,
): Chart {
  const { confusionMatrix, classes, totals } = shownPart(summary);
  const size = confusionMatrix.length;
  const cells = matrixCells(confusionMatrix, totals, write);
  const geometry = matrixGeometry(place, size, classes);
  const { cell, left, top, plot, width, height, labelWidth, turned, labelSize } = geometry;
  // The page may use a wider font, so its text gets less of the cell's width.
  const longest = Math.max(1, ...cells.map(({ text }) => textWidth(text, 1)));
  const cellFont = Math.max(
    5,
    Math.min(geometry.fontSize + 1, cell * 0.42, (cell * (place === 'file' ? 0.84 : 0.74)) / longest),
  );
  const names = confusionMatrix.map((_, label) => fitText(className(classes, label), labelWidth, labelSize));
  const axisText = { fontFamily: FONT_FAMILY, color: light.muted, fontSize: labelSize };
  const axis = {
    type: 'category' as const,
    data: names,
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { show: false },
    splitArea: { show: false },
  };
  const leftOut = summary.confusionMatrix.length - size;
  const whole =
    leftOut === 0 ? note : `${note} Shown: the ${size} of ${size + leftOut} classes with the lowest recall.`;
  const option: EChartsOption = {
    ...baseOption(place, width, title, whole),
    grid: { left, top, width: plot, height: plot, outerBoundsMode: 'none' },
    xAxis: {
      ...axis,
      axisLabel: { ...axisText, interval: 0, margin: 8, rotate: turned ? 90 : 0 },
    },
    yAxis: {
      ...axis,
      inverse: true,
      axisLabel: { ...axisText, interval: 0, margin: 8 },
    },
    series: [cellSeries(cells, cell, cellFont)],
    graphic: [...axisNames(geometry), ...legend(geometry)],
  };
  return { name, title, note: whole, width, height, option };
}

/** The classes that are shown, in their order, with the test samples of each. */
function shownPart({ confusionMatrix, classes }: ConfusionInput['summary']): {
  confusionMatrix: number[][];
  classes: string[];
  totals: number[];
} {
  const totals = confusionMatrix.map((row) => row.reduce((sum, count) => sum + count, 0));
  if (confusionMatrix.length <= SHOWN_CLASSES.all) return { confusionMatrix, classes, totals };
  // A class without samples has no recall: it comes last.
  const recall = (label: number) => (totals[label] === 0 ? 2 : confusionMatrix[label][label] / totals[label]);
  const labels = [...confusionMatrix.keys()]
    .sort((a, b) => recall(a) - recall(b) || a - b)
    .slice(0, SHOWN_CLASSES.of)
    .sort((a, b) => a - b);
  return {
    confusionMatrix: labels.map((label) => labels.map((answer) => confusionMatrix[label][answer])),
    classes: labels.map((label) => className(classes, label)),
    totals: labels.map((label) => totals[label]),
  };
}

/** @param totals test samples of each row, also those whose answers are not shown */
function matrixCells(
  confusion: number[][],
  totals: readonly number[],
  write: (count: number, rowTotal: number) => string,
): Cell[] {
  // The exponent 0.6 makes a pair confused once visible beside a pair confused a hundred times.
  const worst = worstConfusion(confusion)?.count ?? 1;
  return confusion.flatMap((counts, row) =>
    counts.map((count, column) => {
      const text = write(count, totals[row]);
      const bold = row === column;
      if (count === 0) return { column, row, text, fill: light.empty, ink: light.muted, bold };
      const shade = rampShade(0.999 * (bold ? count / totals[row] : (count / worst) ** 0.6));
      const fill = (bold ? light.correct : light.wrong)[shade];
      return { column, row, text, fill, ink: shade >= STRONG_SHADE ? light.onStrong : light.onPale, bold };
    }),
  );
}

/** Sizes in pixels. */
interface Geometry {
  /** Side of a cell. */
  cell: number;
  /** Side of the matrix, and its upper left corner. */
  plot: number;
  left: number;
  top: number;
  width: number;
  height: number;
  fontSize: number;
  /** Classes' names: font size, largest width, and whether they are rotated below the matrix. */
  labelSize: number;
  labelWidth: number;
  turned: boolean;
  /** Height of the names below the matrix. */
  labelHeight: number;
}

function matrixGeometry(place: Place, size: number, classes: readonly string[]): Geometry {
  const { fontSize, left: margin, top } = frames[place];
  const [wanted, least] = place === 'file' ? [700, 25] : [400, 24];
  const cell = Math.round(Math.min(place === 'file' ? 110 : 84, Math.max(least, wanted / Math.max(1, size))));
  const labelSize = Math.min(fontSize, Math.max(10, cell * 0.5));
  const widest = Math.max(
    0,
    ...Array.from({ length: size }, (_, label) => textWidth(className(classes, label), labelSize)),
  );
  const labelWidth = Math.min(widest, 110);
  const turned = labelWidth > cell - 4;
  const labelHeight = turned ? labelWidth : labelSize;
  const plot = cell * size;
  const left = margin + fontSize + 12 + labelWidth + 10;
  const below = labelHeight + 8 + 12 + fontSize + 14 + 18;
  return {
    cell,
    plot,
    left,
    top,
    width: Math.ceil(Math.max(place === 'file' ? 820 : 450, left + plot + Math.max(margin, 4))),
    height: Math.ceil(top + plot + below + (place === 'file' ? 24 : 4)),
    fontSize,
    labelSize,
    labelWidth,
    turned,
    labelHeight,
  };
}

function cellSeries(cells: Cell[], cell: number, fontSize: number): CustomSeriesOption {
  const gap = cell >= 20 ? 1 : 0.5;
  return {
    type: 'custom',
    coordinateSystem: 'cartesian2d',
    silent: true,
    animation: false,
    data: cells.map(({ column, row }) => [column, row]),
    renderItem: (params, api) => {
      const { text, fill, ink, bold, column, row } = cells[params.dataIndex];
      const [x, y] = api.coord([column, row]);
      return {
        type: 'group',
        children: [
          {
            type: 'rect',
            shape: {
              x: x - cell / 2 + gap,
              y: y - cell / 2 + gap,
              width: cell - 2 * gap,
              height: cell - 2 * gap,
              r: Math.min(4, cell / 8),
            },
            style: { fill },
          },
          {
            type: 'text',
            style: {
              x,
              y,
              text,
              fill: ink,
              fontFamily: FONT_FAMILY,
              fontSize,
              fontWeight: bold ? 600 : 'normal',
              align: 'center',
              verticalAlign: 'middle',
            },
          },
        ],
      };
    },
  };
}

type Shapes = { type: 'text' | 'rect' | 'group'; [key: string]: unknown }[];

/** The axes' names: `true class` beside the matrix, `answer` below it. */
function axisNames({ left, top, plot, labelWidth, labelHeight, fontSize }: Geometry): Shapes {
  const style = {
    fontFamily: FONT_FAMILY,
    fontSize,
    fill: light.muted,
    align: 'center',
    verticalAlign: 'middle',
  };
  return [
    {
      type: 'text',
      silent: true,
      x: left - labelWidth - 18 - fontSize / 2,
      y: top + plot / 2,
      rotation: Math.PI / 2,
      style: { ...style, text: 'true class' },
    },
    {
      type: 'text',
      silent: true,
      x: left + plot / 2,
      y: top + plot + labelHeight + 20 + fontSize / 2,
      style: { ...style, text: 'answer' },
    },
  ];
}

/** The two colour ramps, from few to many. (The legend does not say `darker`: on a dark page, more is brighter.) */
function legend({ left, top, plot, labelHeight, fontSize }: Geometry): Shapes {
  const y = top + plot + labelHeight + 20 + fontSize + 14;
  const swatch = 11;
  const shapes: Shapes = [];
  let x = left;
  for (const [text, ramp] of [
    ['correct', light.correct],
    ['mistaken', light.wrong],
  ] as const) {
    ramp.forEach((fill) => {
      shapes.push({
        type: 'rect',
        silent: true,
        shape: { x, y, width: swatch - 1, height: swatch, r: 2 },
        style: { fill },
      });
      x += swatch;
    });
    x += 6;
    shapes.push({
      type: 'text',
      silent: true,
      x,
      y: y + swatch / 2,
      style: {
        text,
        fontFamily: FONT_FAMILY,
        fontSize: fontSize - 1,
        fill: light.muted,
        verticalAlign: 'middle',
      },
    });
    x += textWidth(text, fontSize - 1) + 18;
  }
  return shapes;
}
