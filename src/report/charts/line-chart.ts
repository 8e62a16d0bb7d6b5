/**
 * A chart of lines with their names at their ends. Used for loss, accuracy and learning rate over epochs, and for the
 * benchmarks' figures over sizes.
 */

import type { EChartsOption, LineSeriesOption } from 'echarts';
import { light } from '../palette.js';
import {
  baseOption,
  type Chart,
  type ChartName,
  FONT_FAMILY,
  fitText,
  frames,
  isBeyond,
  type Place,
  position,
  type Scale,
  textWidth,
} from './chart.js';

/** x is an epoch or a size, y the measured value. */
export type Point = [x: number, y: number];
/** As a point of a line: interrupts the line. */
export const GAP: Point = [-1, -1];

/** A line of a chart, with its name at its end. */
export interface Line {
  name: string;
  /** The last value as text; null for a line without a label. */
  value: string | null;
  color: string;
  points: Point[];
  width: number;
  dashed?: boolean;
  /** Draws the points too, if there are at most 40. */
  marked?: boolean;
  /** x of the point that is marked with a ring. */
  ringAt?: number;
}

/** The axes and lines of a chart. */
export interface Plot {
  /** The horizontal axis. */
  across: Scale & { name: string };
  /** The vertical axis. */
  scale: Scale;
  /** Formats values of the vertical axis. */
  format: (value: number) => string;
  lines: Line[];
}

/** A chart of lines. */
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
      type: across.spacing === 'log' ? 'log' : 'value',
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
      type: scale.spacing === 'log' ? 'log' : 'value',
      min: scale.min,
      max: scale.max,
      axisLine: { show: false },
      axisTick: { show: false, customValues: scale.ticks },
      axisLabel: { ...axisText, customValues: scale.ticks, margin: 10, formatter: format },
      splitLine: { show: true, lineStyle: { color: light.grid, width: 1 } },
    },
    series: lines.filter(({ points }) => points.length > 0).map((line) => lineSeries(line, scale)),
    graphic: endLabels(labels, scale, {
      x: width - grid.right + 10,
      top: grid.top,
      height: plotHeight,
      fontSize,
    }),
  };
  return { name, title, note, width, height, option };
}

function lineSeries(line: Line, scale: Scale): LineSeriesOption {
  const marked = line.points.length === 1 || (line.marked === true && line.points.length <= 40);
  return {
    type: 'line',
    name: line.name,
    silent: true,
    // For a clipped line, a PNG needs a layer of its own, which takes as long as the rest of the chart.
    clip: line.points.some((point) => point !== GAP && isBeyond(scale, point[1])),
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

/** The lines' names and last values, beside the lines' ends. They are moved apart where they would overlap. */
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
  // First move labels down to a minimal distance, then move those below the chart back up.
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
