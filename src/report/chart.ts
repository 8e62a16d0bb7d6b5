/**
 * What all charts share: their size, type, headings, and the scales that curves are drawn on. A chart is an echarts
 * option with nothing but data in it (and functions that format), so the same one becomes a file here and a picture
 * in a page.
 */

import type { EChartsOption } from 'echarts';
import { light } from './palette.js';

export type ChartName =
  | 'loss'
  | 'accuracy'
  | 'learning-rate'
  | 'confusion-matrix'
  | 'confusion-rates'
  | 'mistakes'
  | `bench-${string}`;

/** A picture that is ready to be drawn. Sizes in pixels. */
export interface Chart {
  name: ChartName;
  /** What the chart shows, in a sentence: its finding. */
  title: string;
  /** How to read it. */
  note: string;
  width: number;
  height: number;
  option: EChartsOption;
}

/**
 * Where a chart goes: a `file` carries its heading and stands alone; on the `page` the heading is the page's, and
 * the chart is small enough to be read on a telephone.
 */
export type Place = 'file' | 'page';

/** The family that `fonts.ts` has the files of. */
export const FONT_FAMILY = 'IBM Plex Sans';

/** Space around the contents of a chart, and the sizes of type. */
export interface Frame {
  left: number;
  top: number;
  fontSize: number;
}
export const frames: Record<Place, Frame> = {
  file: { left: 32, top: 104, fontSize: 14 },
  page: { left: 0, top: 12, fontSize: 13 },
};

/** About the width of a text set in the charts' family, generously: the page may have to use another one. */
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

/** A text cut to a width, with an ellipsis. */
export function fitText(text: string, width: number, fontSize: number): string {
  if (textWidth(text, fontSize) <= width) return text;
  const characters = [...text];
  while (characters.length > 1 && textWidth(`${characters.join('')}…`, fontSize) > width) characters.pop();
  return `${characters.join('').trimEnd()}…`;
}

/** The parts of an option that every chart has. On the page there is no heading and the card is the background. */
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

/** A range of values, the ticks in it, and how it is divided. */
export interface Scale {
  kind: 'linear' | 'log';
  min: number;
  max: number;
  ticks: number[];
}

/** Where a value lies on a scale: 0 at its minimum, 1 at its maximum, kept within both. */
export function position(scale: Scale, value: number): number {
  const at = scale.kind === 'log' ? Math.log10 : (x: number) => x;
  const share = (at(Math.max(value, scale.min)) - at(scale.min)) / (at(scale.max) - at(scale.min));
  return Math.min(1, Math.max(0, share));
}

/** The round number 1, 2 or 5 times a power of ten at or above `value`. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value) + 1e-9);
  const digit = value / power;
  const factor = [1, 2, 5, 10].find((candidate) => digit <= candidate * (1 + 1e-4)) ?? 10;
  return Number((factor * power).toPrecision(12));
}

/** A linear scale with at most `count` ticks at round numbers; minimum and maximum are ticks. */
export function linearScale(low: number, high: number, count: number): Scale {
  const span = high > low ? high - low : Math.max(Math.abs(high) * 0.1, 1e-9);
  const step = roundUp(span / Math.max(1, count - 1));
  // A thousandth of a step beyond a tick is not seen and makes no other tick.
  const first = Math.floor(low / step + 1e-3);
  let last = Math.ceil(high / step - 1e-3);
  if (last <= first) last = first + 1;
  const ticks: number[] = [];
  for (let index = first; index <= last; index++) ticks.push(Number((index * step).toPrecision(12)));
  return { kind: 'linear', min: ticks[0], max: ticks[ticks.length - 1], ticks };
}

/** A logarithmic scale round positive values: at least a factor of 4 high, with as many round ticks as there is room for. */
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
  return { kind: 'log', min, max, ticks: ticks.filter((_, index) => index % every === 0) };
}

/** Whole numbers from `first` to `last`, at most `count` of them, at round distances, the last one among them. */
export function wholeTicks(first: number, last: number, count: number): number[] {
  const step = Math.max(1, roundUp((last - first) / count));
  const ticks: number[] = [];
  for (let tick = Math.ceil(first / step) * step; tick <= last; tick += step) ticks.push(tick);
  if (last - ticks[ticks.length - 1] >= step * 0.6) ticks.push(last);
  return ticks;
}
