/**
 * What all charts share: sizes, fonts, headings and scales. A chart is an echarts option of data and formatting functions
 * only, so the same option is rendered to a file or into the report.
 */

import type { EChartsOption } from 'echarts';
import { light } from '../palette.js';

export type ChartName =
  | 'loss'
  | 'accuracy'
  | 'learning-rate'
  | 'confusion-matrix'
  | 'confusion-rates'
  | 'mistakes'
  | 'robustness'
  | 'parallel-coordinates'
  | `reliability-${string}`
  | `bench-${string}`;

/** A chart that is ready to be rendered. Sizes in pixels. */
export interface Chart {
  name: ChartName;
  /** The chart's finding, in a sentence. */
  title: string;
  /** How to read it. */
  note: string;
  width: number;
  height: number;
  option: EChartsOption;
}

/**
 * Where a chart is shown. In a `file` it includes its heading. On the `page` the heading is HTML, and the chart is small
 * enough for a telephone.
 */
export type Place = 'file' | 'page';

/** Font family of all charts; fonts.ts has its files. */
export const FONT_FAMILY = 'IBM Plex Sans';

/** Margins of a chart and its font size, in pixels. */
export interface Frame {
  left: number;
  top: number;
  fontSize: number;
}
export const frames: Record<Place, Frame> = {
  file: { left: 32, top: 104, fontSize: 14 },
  page: { left: 0, top: 12, fontSize: 13 },
};

/** Estimated width of a text in pixels. It is an overestimate, because the page may use a wider font. */
export function textWidth(text: string, fontSize: number): number {
  let ems = 0;
  for (const character of text) {
    if (/[ijlI.,:;'|!]/.test(character)) ems += 0.31;
    else if (/[frt/\-()[\]\s"\\]/.test(character)) ems += 0.42;
    else if (/[mwMW%@→]/.test(character)) ems += 0.92;
    else if (/\p{Lu}/u.test(character)) ems += 0.68;
    else ems += character <= '\u04ff' ? 0.59 : 1;
  }
  return ems * fontSize;
}

/** A text, cut with an ellipsis where it is wider than `width` pixels. */
export function fitText(text: string, width: number, fontSize: number): string {
  if (textWidth(text, fontSize) <= width) return text;
  const characters = [...text];
  while (characters.length > 1 && textWidth(`${characters.join('')}…`, fontSize) > width) characters.pop();
  return `${characters.join('').trimEnd()}…`;
}

/** The members of an option that every chart has. On the page the heading is left out. */
export function baseOption(place: Place, width: number, title: string, note: string): EChartsOption {
  const lineWidth = width - 2 * frames.file.left;
  return {
    animation: false,
    backgroundColor: light.surface,
    textStyle: { fontFamily: FONT_FAMILY, color: light.ink },
    title:
      place === 'page'
        ? undefined
        : {
            left: frames.file.left,
            top: 26,
            padding: 0,
            itemGap: 9,
            text: fitText(title, lineWidth, 22),
            textStyle: { fontFamily: FONT_FAMILY, fontSize: 22, fontWeight: 600, color: light.ink },
            subtext: fitText(note, lineWidth, 14),
            subtextStyle: { fontFamily: FONT_FAMILY, fontSize: 14, color: light.muted },
          },
  };
}

/** The range of an axis, and its ticks. */
export interface Scale {
  spacing: 'linear' | 'log';
  min: number;
  max: number;
  ticks: number[];
}

/** Decimals with which the ticks of a scale of shares differ from each other as percentages. */
export function shareDecimals({ ticks }: Scale): number {
  return Math.max(0, Math.ceil(-Math.log10((ticks[1] - ticks[0]) * 100) - 1e-9));
}

/** Position of a value on a scale: 0 at its minimum, 1 at its maximum; values outside are clamped. */
export function position(scale: Scale, value: number): number {
  return Math.min(1, Math.max(0, shareOf(scale, Math.max(value, scale.min))));
}

/** Whether a value lies beyond an end of a scale, by more than a thousandth of its length. */
export function isBeyond(scale: Scale, value: number): boolean {
  const share = shareOf(scale, value);
  return share < -1e-3 || share > 1 + 1e-3;
}

function shareOf({ spacing, min, max }: Scale, value: number): number {
  const at = spacing === 'log' ? Math.log10 : (x: number) => x;
  return (at(value) - at(min)) / (at(max) - at(min));
}

/** The smallest number ≥ `value` that is 1, 2 or 5 times a power of ten. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value) + 1e-9);
  const digit = value / power;
  const factor = [1, 2, 5, 10].find((candidate) => digit <= candidate * (1 + 1e-4)) ?? 10;
  return Number((factor * power).toPrecision(12));
}

/** A linear scale around [low, high] with about `count` ticks at round numbers. Minimum and maximum are ticks. */
export function linearScale(low: number, high: number, count: number): Scale {
  const span = high > low ? high - low : Math.max(Math.abs(high) * 0.1, 1e-9);
  const distance = roundUp(span / Math.max(1, count - 1));
  // A value less than a thousandth of the distance beyond a tick does not need another tick.
  const first = Math.floor(low / distance + 1e-3);
  let last = Math.ceil(high / distance - 1e-3);
  if (last <= first) last = first + 1;
  const ticks: number[] = [];
  for (let index = first; index <= last; index++) ticks.push(Number((index * distance).toPrecision(12)));
  return { spacing: 'linear', min: ticks[0], max: ticks[ticks.length - 1], ticks };
}

/** A logarithmic scale around [low, high], low > 0: at least a factor of 4, at most `count` round ticks. */
export function logScale(low: number, high: number, count: number): Scale {
  const spread = Math.max(1, Math.sqrt(4 / (high / low)));
  const min = (low / spread) * 0.88;
  const max = high * spread * 1.14;
  const decades: number[] = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); power++)
    decades.push(power);
  const candidates = [[1, 1.5, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]].map((digits) =>
    decades
      .flatMap((power) => digits.map((digit) => Number((digit * 10 ** power).toPrecision(12))))
      .filter((tick) => tick >= min && tick <= max),
  );
  const ticks = candidates.find((list) => list.length <= count) ?? candidates[3];
  const every = Math.ceil(ticks.length / count);
  return { spacing: 'log', min, max, ticks: ticks.filter((_, index) => index % every === 0) };
}

/** About `count` ticks at whole numbers from `first` to `last`, at round distances; also `last` if there is room. */
export function wholeTicks(first: number, last: number, count: number): number[] {
  const distance = Math.max(1, roundUp((last - first) / count));
  const ticks: number[] = [];
  for (let tick = Math.ceil(first / distance) * distance; tick <= last; tick += distance) ticks.push(tick);
  if (last - ticks[ticks.length - 1] >= distance * 0.6) ticks.push(last);
  return ticks;
}
