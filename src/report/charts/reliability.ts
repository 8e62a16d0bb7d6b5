/**
 * The reliability diagram (Guo et al. 2017): for every bin of the highest probability, the accuracy of the answers and
 * its distance to their mean probability. Below the bins, each has its gap and its count.
 */
import type { CustomSeriesOption, EChartsOption } from 'echarts';
import type { Calibration, CalibrationBin, CalibrationComparison } from '../../runs/calibration.js';
import { light } from '../palette.js';
import { formatNumber, formatShare } from '../text.js';
import { baseOption, type Chart, FONT_FAMILY, frames, linearScale, type Place, textWidth } from './chart.js';

/** The diagram of the scaled probabilities; the line shows those of the logits themselves. */
export function reliabilityChart(
  { temperature, before, after }: CalibrationComparison,
  part: string,
  place: Place,
): Chart {
  const scaled = temperature !== 1;
  const name = part.charAt(0).toUpperCase() + part.slice(1);
  const title =
    `${name} calibration error ${formatShare(after.expectedCalibrationError)}` +
    (scaled ? `; ${formatShare(before.expectedCalibrationError)} without temperature scaling` : '');
  const note =
    'Bars: accuracy. Orange: the mean probability is too high; pale: too low.' +
    (scaled ? ` Grey: without temperature ${formatNumber(temperature)}.` : '');
  const { fontSize, top, left: margin } = frames[place];
  const [width, height] = place === 'file' ? [960, 680] : [480, 400];
  const rowFont = place === 'file' ? 12 : 9;
  const scale = linearScale(0, 1, place === 'file' ? 11 : 6);
  const percent = (value: number) => `${Math.round(value * 100)} %`;
  const left = Math.ceil(
    margin + Math.max(textWidth('100 %', fontSize) + 12, textWidth('answers', rowFont) + 10),
  );
  const rows = 2 * Math.round(rowFont * 1.7);
  const grid = {
    left,
    right: Math.ceil(Math.max(textWidth('100 %', fontSize) / 2, margin)),
    top,
    bottom: rows + (place === 'file' ? 88 : 54),
  };
  const axisText = { fontFamily: FONT_FAMILY, fontSize, color: light.muted };
  const axis = {
    type: 'value' as const,
    min: 0,
    max: 1,
    axisTick: { show: false, customValues: scale.ticks },
    axisLabel: { ...axisText, customValues: scale.ticks, margin: 9, formatter: percent },
  };
  const option: EChartsOption = {
    ...baseOption(place, width, title, note),
    grid: { ...grid, outerBoundsMode: 'none' },
    xAxis: {
      ...axis,
      name: 'highest probability',
      nameLocation: 'middle',
      nameGap: fontSize + 18,
      nameTextStyle: axisText,
      axisLine: { show: true, onZero: false, lineStyle: { color: light.axis, width: 1 } },
      splitLine: { show: false },
    },
    yAxis: {
      ...axis,
      axisLine: { show: false },
      splitLine: { show: true, lineStyle: { color: light.grid, width: 1 } },
    },
    series: [
      binSeries(after),
      {
        type: 'line',
        silent: true,
        clip: false,
        showSymbol: false,
        lineStyle: { color: light.ink, width: 1.25, type: [5, 4] },
        data: [
          [0, 0],
          [1, 1],
        ],
      },
      ...(scaled ? [unscaledLine(before)] : []),
    ],
    graphic: binTexts(after, {
      left,
      width: width - left - grid.right,
      y: height - rows - (place === 'file' ? 26 : 4),
      fontSize: rowFont,
    }),
  };
  return { name: `reliability-${part}`, title, note, width, height, option };
}

/** The bins that hold answers. */
type FilledBin = CalibrationBin & { confidence: number; accuracy: number };

function filledBins({ bins }: Calibration): FilledBin[] {
  return bins.filter((bin): bin is FilledBin => bin.confidence !== null && bin.accuracy !== null);
}

/** A bar up to the accuracy, and a box between it and the mean probability. */
function binSeries(calibration: Calibration): CustomSeriesOption {
  const bins = filledBins(calibration);
  return {
    type: 'custom',
    coordinateSystem: 'cartesian2d',
    silent: true,
    animation: false,
    data: bins.map(({ from, accuracy }) => [from, accuracy]),
    renderItem: (params, api) => {
      const { from, to, confidence, accuracy } = bins[params.dataIndex];
      const box = (low: number, high: number) => {
        const [x, y] = api.coord([from, high]);
        const [right, bottom] = api.coord([to, low]);
        return { x: x + 1, y, width: right - x - 2, height: bottom - y };
      };
      return {
        type: 'group',
        children: [
          { type: 'rect', shape: box(0, accuracy), style: { fill: light.correct[3] } },
          {
            type: 'rect',
            shape: box(Math.min(accuracy, confidence), Math.max(accuracy, confidence)),
            style:
              confidence > accuracy
                ? { fill: light.wrong[1], stroke: light.validation, lineWidth: 1 }
                : { fill: light.correct[0], stroke: light.training, lineWidth: 1 },
          },
        ],
      };
    },
  };
}

function unscaledLine(calibration: Calibration) {
  return {
    type: 'line' as const,
    silent: true,
    clip: false,
    symbol: 'circle',
    symbolSize: 5,
    lineStyle: { color: light.muted, width: 1 },
    itemStyle: { color: light.muted },
    data: filledBins(calibration).map(({ confidence, accuracy }) => [confidence, accuracy]),
  };
}

/** Two rows of text below the bins: the gap in percentage points, and the number of answers. */
function binTexts(
  { bins }: Calibration,
  { left, width, y, fontSize }: { left: number; width: number; y: number; fontSize: number },
): EChartsOption['graphic'] {
  const rowHeight = Math.round(fontSize * 1.7);
  const text = (x: number, row: number, content: string, align: 'center' | 'right', fill: string) => ({
    type: 'text' as const,
    silent: true,
    x,
    y: y + row * rowHeight,
    style: { text: content, fontFamily: FONT_FAMILY, fontSize, fill, align },
  });
  const names = ['gap', 'answers'].map((name, row) => text(left - 8, row, name, 'right', light.muted));
  const columns = bins.flatMap(({ from, to, count, confidence, accuracy }) => {
    const x = left + ((from + to) / 2) * width;
    const gap = confidence === null || accuracy === null ? '–' : shortGap(accuracy, confidence);
    return [
      text(x, 0, gap, 'center', light.ink),
      text(x, 1, shortCount(count), 'center', count > 0 ? light.ink : light.muted),
    ];
  });
  return [...names, ...columns];
}

/** `−3.1`, from 10 points on `−12`. */
function shortGap(accuracy: number, confidence: number): string {
  const points = (accuracy - confidence) * 100;
  const sign = points < 0 ? '−' : '+';
  const size = Math.abs(points);
  const text = size >= 9.95 ? size.toFixed(0) : size.toFixed(1);
  return Number(text) === 0 ? text : sign + text;
}

/** `9412`, from 10,000 on `12k`. */
function shortCount(count: number): string {
  if (count < 10_000) return String(count);
  return count < 999_500 ? `${Math.round(count / 1000)}k` : `${(count / 1e6).toFixed(1)}M`;
}
