/**
 * Accuracy under changes of the inputs as a chart: a row for each change, with a dot at its accuracy and a line for the
 * 95 % interval. A ring marks the worst of several variants, a vertical line the accuracy of the unchanged samples.
 */
import type { EChartsOption } from 'echarts';
import type { Robustness, RobustnessRow } from '../../runs/robustness.js';
import { light } from '../palette.js';
import { printable } from '../recall.js';
import { formatPoints, formatShare, plural } from '../text.js';
import {
  baseOption,
  type Chart,
  FONT_FAMILY,
  fitText,
  frames,
  linearScale,
  position,
  type Scale,
  textWidth,
} from './chart.js';

const WIDTH = 960;
const ROW_HEIGHT = 28;
const BOTTOM = 64;

/** The worst variant of a row that has several. */
export function worstVariant({ variants, count }: RobustnessRow): { name: string; accuracy: number } | null {
  if (variants.length < 2) return null;
  const worst = variants.reduce((a, b) => (b.correct < a.correct ? b : a));
  return { name: worst.name, accuracy: worst.correct / (count / variants.length) };
}

/** The name of a row: with the form of its inputs, if the rows have more than one changed form. */
export function rowNames(rows: readonly RobustnessRow[]): string[] {
  const forms = new Set(rows.map(({ form }) => form).filter((form) => form !== 'data'));
  return rows.map(({ change, form }) =>
    forms.size < 2 || form === 'data' || change.startsWith('as a ') ? change : `${form}: ${change}`,
  );
}

/** The chart as a file. */
export function robustnessChart({ rows, samples, data, part, checkpoint }: Robustness): Chart {
  const [unchanged, ...changed] = rows;
  const lowest = changed.reduce((a, b) => (b.accuracy < a.accuracy ? b : a), unchanged);
  const title =
    lowest === unchanged
      ? `No change costs accuracy: ${formatShare(unchanged.accuracy)} on unchanged samples`
      : `${formatShare(unchanged.accuracy)} on unchanged samples, down to ${formatShare(lowest.accuracy)} (${lowest.change})`;
  const note =
    `${plural(samples, `${part} sample`)} of ${printable(data)}, ${printable(checkpoint)}. Dots: accuracy, with the ` +
    '95 % interval; rings: the worst direction.';
  const names = rowNames(rows);
  const { left: margin, top, fontSize } = frames.file;
  const labelWidth = Math.max(...names.map((name) => textWidth(name, fontSize)));
  const values = rows.map(({ accuracy }) => [
    formatShare(accuracy),
    accuracy === unchanged.accuracy ? '' : formatPoints(accuracy, unchanged.accuracy),
  ]);
  const [shareWidth, pointsWidth] = [0, 1].map((column) =>
    Math.max(...values.map((texts) => textWidth(texts[column], fontSize))),
  );
  const grid = {
    left: Math.ceil(margin + labelWidth + 14),
    right: Math.ceil(margin + shareWidth + pointsWidth + 34),
    top,
    bottom: BOTTOM,
  };
  const height = top + rows.length * ROW_HEIGHT + BOTTOM;
  const least = Math.min(...rows.map((row) => Math.min(row.interval[0], worstVariant(row)?.accuracy ?? 1)));
  const scale = linearScale(least, 1, 6);
  const place: Plot = { scale, left: grid.left, width: WIDTH - grid.left - grid.right, top };
  const text = { fontFamily: FONT_FAMILY, fontSize };
  const option: EChartsOption = {
    ...baseOption('file', WIDTH, title, note),
    grid: { ...grid, outerBoundsMode: 'none' },
    xAxis: {
      type: 'value',
      min: scale.min,
      max: scale.max,
      axisLine: { show: true, onZero: false, lineStyle: { color: light.axis, width: 1 } },
      axisTick: { show: true, customValues: scale.ticks, length: 5, lineStyle: { color: light.axis } },
      axisLabel: {
        ...text,
        color: light.muted,
        customValues: scale.ticks,
        margin: 9,
        hideOverlap: true,
        formatter: (value: number) => formatShare(value, scale.ticks[1] - scale.ticks[0] < 0.01 ? 1 : 0),
      },
      splitLine: { show: true, lineStyle: { color: light.grid, width: 1 } },
    },
    yAxis: {
      type: 'category',
      data: names,
      inverse: true,
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: { ...text, color: light.ink, interval: 0, margin: 12 },
    },
    series: [],
    graphic: [
      line(
        place,
        unchanged.accuracy,
        top,
        unchanged.accuracy,
        top + rows.length * ROW_HEIGHT,
        light.axis,
        1.5,
      ),
      ...rows.flatMap((row, n) => rowMarks(place, row, n)),
      ...values.flatMap(([share, points], n) => {
        const y = rowMiddle(place, n);
        const x = WIDTH - grid.right + 18;
        return [
          label(share, x + shareWidth, y, light.ink, fontSize),
          label(points, x + shareWidth + 16 + pointsWidth, y, light.muted, fontSize),
        ];
      }),
    ],
  };
  return { name: 'robustness', title: fitText(title, WIDTH, 22), note, width: WIDTH, height, option };
}

/** Where rows and values are drawn, in pixels. */
interface Plot {
  scale: Scale;
  left: number;
  width: number;
  top: number;
}

const rowMiddle = ({ top }: Plot, row: number) => top + (row + 0.5) * ROW_HEIGHT;
const across = ({ scale, left, width }: Plot, share: number) => left + width * position(scale, share);

function rowMarks(place: Plot, row: RobustnessRow, n: number) {
  const y = rowMiddle(place, n);
  const worst = worstVariant(row);
  return [
    line(place, row.interval[0], y, row.interval[1], y, light.trainingCurve, 5),
    ...(worst === null ? [] : [circle(across(place, worst.accuracy), y, light.surface, light.validation)]),
    circle(across(place, row.accuracy), y, light.training, light.surface),
  ];
}

/** A line between two shares, at heights in pixels. */
function line(place: Plot, from: number, y1: number, to: number, y2: number, color: string, width: number) {
  return {
    type: 'line' as const,
    silent: true,
    z: 3,
    shape: { x1: across(place, from), y1, x2: across(place, to), y2 },
    style: { stroke: color, lineWidth: width },
  };
}

function circle(x: number, y: number, fill: string, stroke: string) {
  return {
    type: 'circle' as const,
    silent: true,
    z: 4,
    shape: { cx: x, cy: y, r: 5 },
    style: { fill, stroke, lineWidth: 2 },
  };
}

/** A text that ends at x. */
function label(text: string, x: number, y: number, fill: string, fontSize: number) {
  return {
    type: 'text' as const,
    silent: true,
    x,
    y,
    style: {
      text,
      fontFamily: FONT_FAMILY,
      fontSize,
      fill,
      align: 'right' as const,
      verticalAlign: 'middle' as const,
    },
  };
}
