/**
 * Lines named at their ends: the common drawing of loss, accuracy and learning rate over the epochs of a training, and
 * of the benchmarks' figures over sizes.
 */

import type { EChartsOption, LineSeriesOption } from 'echarts';
import {
  baseOption,
  type Chart,
  type ChartName,
  FONT_FAMILY,
  fitText,
  frames,
  type Place,
  position,
  type Scale,
  textWidth,
} from './chart.js';
import { light } from './palette.js';

/** Epochs or sizes, and what is measured. */
export type Point = [x: number, y: number];
/** A line ends before it and begins again after it. */
export const GAP: Point = [-1, -1];

/** A line, named at its end. */
export interface Line {
  name: string;
  /** Its last value; no label without one. */
  value: string | null;
  color: string;
  points: Point[];
  width: number;
  dashed?: boolean;
  /** Draw the points themselves while there are few. */
  marked?: boolean;
  /** The x of a point to be marked more than the others. */
  ringAt?: number;
}

/** What a chart's lines stand on. */
export interface Plot {
  /** The horizontal axis. */
  across: Scale & { name: string };
  /** The vertical one. */
  scale: Scale;
  /** How its values are written. */
  format: (value: number) => string;
  lines: Line[];
}

/** Draws lines. */
export function lineChart(name: ChartName, place: Place, title: string, note: string, plot: Plot): Chart {
  const { across, scale, lines, format } = plot;
  const { fontSize, top, left } = frames[place];
  const [width, height] = place === 'file' ? [960, 560] : [480, 330];
  const tickWidth = Math.max(...scale.ticks.map((tick) => textWidth(format(tick), fontSize)));
  const labels = lines.filter(({ value, points }) => value !== null && points.length > 0);
  const labelWidth = Math.max(
    0,
    ...labels.flatMap((line) => [line.name, line.value ?? ''].map((text) => textWidth(text, fontSize))),
  );
  const grid = {
    left: Math.ceil(left + tickWidth + 12),
    right: Math.ceil(labelWidth + 16 + left),
    top,
    bottom: place === 'file' ? 76 : 50,
  };
  const plotHeight = height - grid.top - grid.bottom;
  const axisText = { fontFamily: FONT_FAMILY, fontSize, color: light.muted };
  const option: EChartsOption = {
    ...baseOption(place, width, title, note),
    grid: { ...grid, outerBoundsMode: 'none' },
    xAxis: {
      type: across.kind === 'log' ? 'log' : 'value',
      min: across.min,
      max: across.max,
      name: across.name,
      nameLocation: 'middle',
      nameGap: fontSize + 18,
      nameTextStyle: axisText,
      axisLine: { show: true, onZero: false, lineStyle: { color: light.axis, width: 1 } },
      axisTick: { show: true, customValues: across.ticks, length: 5, lineStyle: { color: light.axis } },
      axisLabel: { ...axisText, customValues: across.ticks, margin: 9, hideOverlap: true },
      splitLine: { show: false },
    },
    yAxis: {
      type: scale.kind === 'log' ? 'log' : 'value',
      min: scale.min,
      max: scale.max,
      axisLine: { show: false },
      axisTick: { show: false, customValues: scale.ticks },
      axisLabel: { ...axisText, customValues: scale.ticks, margin: 10, formatter: format },
      splitLine: { show: true, lineStyle: { color: light.grid, width: 1 } },
    },
    series: lines.filter(({ points }) => points.length > 0).map(lineSeries),
    graphic: endLabels(labels, scale, {
      x: width - grid.right + 10,
      top: grid.top,
      height: plotHeight,
      fontSize,
    }),
  };
  return { name, title, note, width, height, option };
}

function lineSeries(line: Line): LineSeriesOption {
  const marked = line.points.length === 1 || (line.marked === true && line.points.length <= 40);
  return {
    type: 'line',
    name: line.name,
    silent: true,
    clip: true,
    showSymbol: marked || line.ringAt !== undefined,
    symbol: 'circle',
    symbolSize: marked ? 7 : 0,
    lineStyle: {
      color: line.color,
      width: line.width,
      type: line.dashed ? [5, 4] : 'solid',
      cap: 'round',
      join: 'round',
    },
    itemStyle: { color: line.color, borderColor: light.surface, borderWidth: 1.5 },
    data: line.points.map((point) =>
      point[0] === line.ringAt
        ? {
            value: point,
            symbolSize: 11,
            itemStyle: { color: light.surface, borderColor: line.color, borderWidth: 2.5 },
          }
        : point === GAP
          ? ['-', '-']
          : point,
    ),
  };
}

/** The lines' names and last values beside their ends, moved apart where they would overlap. */
function endLabels(
  lines: Line[],
  scale: Scale,
  box: { x: number; top: number; height: number; fontSize: number },
): EChartsOption['graphic'] {
  const lineHeight = Math.round(box.fontSize * 1.25);
  const block = 2 * lineHeight + 6;
  const placed = lines
    .map((line) => ({
      line,
      y: box.top + box.height * (1 - position(scale, line.points[line.points.length - 1][1])),
    }))
    .sort((a, b) => a.y - b.y || (a.line.name < b.line.name ? -1 : 1));
  // Downwards with a minimal distance, then back up from the bottom where that ran out of room.
  const lowest = box.top + box.height - block / 2 + 6;
  placed.forEach((label, index) => {
    label.y = Math.max(label.y, index === 0 ? box.top + block / 2 - 6 : placed[index - 1].y + block);
  });
  for (let index = placed.length - 1; index >= 0; index--) {
    placed[index].y = Math.min(
      placed[index].y,
      index === placed.length - 1 ? lowest : placed[index + 1].y - block,
    );
  }
  return placed.flatMap(({ line, y }) =>
    [line.name, line.value ?? ''].map((text, row) => ({
      type: 'text' as const,
      silent: true,
      x: box.x,
      y: Math.round(y - block / 2 + 3 + row * lineHeight),
      style: {
        text: fitText(text, 200, box.fontSize),
        fontFamily: FONT_FAMILY,
        fontSize: box.fontSize,
        fontWeight: row === 0 ? ('normal' as const) : 600,
        fill: line.color,
      },
    })),
  );
}
