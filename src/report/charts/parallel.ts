/**
 * The trials of a sweep as parallel coordinates: an axis for each option that is tried, and one for the validation
 * accuracy. A line is a trial, which crosses each axis at its value.
 */
import type { Axis } from '../../runs/sweep/sweep-folder.js';
import { bestFinished, type TrialResult } from '../../runs/sweep/sweep-results.js';
import { light } from '../palette.js';
import { formatShare, plural } from '../text.js';
import { baseOption, type Chart, FONT_FAMILY, fitText, frames, type Place, textWidth } from './chart.js';
import { parallelAxes, rankShare } from './parallel-axes.js';

const AXIS_GAP = 170;
const WIDTHS = { file: 960, page: 900 } as const;
const HEIGHTS = { file: 560, page: 420 } as const;
/**
 * @param results the best first
 * @param nameOf the name of an option on the chart
 */
export function parallelChart(
  results: readonly TrialResult[],
  axes: readonly Axis[],
  nameOf: (option: string) => string,
  place: Place,
): Chart {
  const known = results.filter(
    ({ state, bestValAccuracy }) => state !== 'failed' && bestValAccuracy !== null,
  );
  const finished = bestFinished(known);
  const best = finished ?? known.at(0);
  const ranked = known.toSorted((a, b) => Number(b === best) - Number(a === best));
  const title =
    best === undefined
      ? 'No trial has a validation accuracy yet'
      : `Trial ${best.trial} is the best${finished ? '' : ' so far'}: ${formatShare(best.bestValAccuracy ?? 0)} of the validation samples`;
  const early = ranked.some(({ state }) => state !== 'finished') ? ' Dashed: not trained to the end.' : '';
  const note = `A line is a trial; ${plural(ranked.length, 'trial')}. Orange: the best; the darker the blue, the better.${early}`;
  const drawn = parallelAxes(ranked, axes, nameOf);

  const { top, left, fontSize } = frames[place];
  const height = HEIGHTS[place];
  const widest = Math.max(...drawn[0].ticks.map(({ text }) => textWidth(text, fontSize)));
  const from = Math.ceil(left + Math.max(widest + 14, textWidth(drawn[0].name, fontSize) / 2));
  const lastWidth = Math.max(...(drawn.at(-1)?.ticks ?? []).map(({ text }) => textWidth(text, fontSize)));
  const right = Math.ceil(left + Math.max(lastWidth + 14, textWidth('validation', fontSize) / 2));
  const width = Math.max(WIDTHS[place], from + right + AXIS_GAP * (drawn.length - 1));
  const gap = (width - from - right) / (drawn.length - 1);
  const upper = top + 2 * fontSize;
  const lower = height - (place === 'file' ? 48 : 24);
  const x = (n: number) => from + n * gap;
  const y = (share: number) => lower - share * (lower - upper);

  const lines = ranked.map((result, rank) => {
    const points = drawn.map((axis, n) => {
      const at = axis.place(result, rankShare(rank, ranked.length));
      return at === null ? null : [x(n), y(at)];
    });
    return { points: points.filter((point) => point !== null), rank, result };
  });
  return {
    name: 'parallel-coordinates',
    title: fitText(title, width, 22),
    note,
    width,
    height,
    option: {
      ...baseOption(place, width, title, note),
      series: [],
      graphic: [
        // The best is drawn last, above the others.
        ...lines.toReversed().map(({ points, rank, result }) => ({
          type: 'polyline' as const,
          silent: true,
          z: 2,
          shape: { points },
          style: {
            fill: 'none',
            stroke: rank === 0 ? light.validation : shadeOf(rank, ranked.length),
            lineWidth: rank === 0 ? 3 : 1.5,
            lineDash: result.state === 'finished' ? undefined : [5, 4],
            lineJoin: 'round' as const,
          },
        })),
        ...drawn.flatMap((axis, n) => [
          {
            type: 'line' as const,
            silent: true,
            z: 3,
            shape: { x1: x(n), y1: upper, x2: x(n), y2: lower },
            style: { stroke: light.axis, lineWidth: 1.5 },
          },
          text(
            fitText(axis.name, gap, fontSize),
            x(n),
            upper - 1.2 * fontSize,
            fontSize,
            light.ink,
            'center',
          ),
          ...axis.ticks.map(({ at, text: label }) =>
            n === drawn.length - 1
              ? text(label, x(n) + 8, y(at), fontSize, light.muted, 'left')
              : text(fitText(label, gap - 20, fontSize), x(n) - 8, y(at), fontSize, light.muted, 'right'),
          ),
        ]),
      ],
    },
  };
}

/** From pale for the worst to strong for the second best. */
function shadeOf(rank: number, count: number): string {
  const shades = light.correct.slice(1);
  const share = count > 2 ? (rank - 1) / (count - 2) : 0;
  return shades[Math.round((1 - share) * (shades.length - 1))];
}

function text(
  label: string,
  x: number,
  y: number,
  fontSize: number,
  fill: string,
  align: 'left' | 'right' | 'center',
) {
  return {
    type: 'text' as const,
    silent: true,
    z: 4,
    x,
    y,
    style: {
      text: label,
      fontFamily: FONT_FAMILY,
      fontSize,
      fill,
      align,
      verticalAlign: 'middle' as const,
      // Lines end before the letters.
      stroke: light.surface,
      lineWidth: 4,
    },
  };
}
