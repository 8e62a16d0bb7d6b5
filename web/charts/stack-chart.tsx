/**
 * Stacked area chart of probabilities over time, one band per class; the bands sum to 1. A band that widens shows a
 * class that becomes likelier. Bands carry their class's name where there is room.
 */
import type { ComponentChildren } from 'preact';
import { isNone } from '#src/recognize/guess-name.js';
import { fitText } from '#src/report/charts/chart.js';
import { useSize } from '../hooks.js';
import { shownNames } from './class-name.js';
import { classHue } from './classes.js';

/** Probabilities at one time; null: nothing to recognise. */
export interface StackPoint {
  at: number;
  /** [K] */
  probabilities: ArrayLike<number> | null;
}

export interface StackChartProps {
  points: readonly StackPoint[];
  classes: readonly string[];
  /** First and last time. */
  domain: readonly [number, number];
  /** Time of the vertical cursor line. */
  cursor?: number | null;
  /** Times to mark with dotted lines. */
  marks?: readonly number[];
  label: string;
  children?: ComponentChildren;
}

/** Least size in pixels of a band that carries its name. */
const MIN_BAND_HEIGHT = 17;
const MIN_BAND_WIDTH = 22;
/** Font size of the names in pixels, as in the style sheet. */
const NAME_SIZE = 15;

export function StackChart({
  points,
  classes,
  domain,
  cursor,
  marks = [],
  label,
  children,
}: StackChartProps) {
  const [frame, { width, height }] = useSize<HTMLDivElement>();
  const [first, last] = domain;
  const x = (at: number) => (last > first ? ((at - first) / (last - first)) * width : width / 2);
  const segments = segmentsOf(thinned(points, width / 2));
  return (
    <div ref={frame} class="stack-chart">
      {width > 0 && (
        <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
          {segments.flatMap((segment) => bands(segment, classes, x, height))}
          {marks.map((at) => (
            <line key={`mark ${at}`} class="mark" x1={x(at)} x2={x(at)} y1={0} y2={height} />
          ))}
          {segments.flatMap((segment) => names(segment, shownNames(classes), x, height))}
          {cursor != null && <line class="cursor" x1={x(cursor)} x2={x(cursor)} y1={0} y2={height} />}
        </svg>
      )}
      {children}
    </div>
  );
}

/** About `most` points, evenly spaced, and the last point. */
function thinned(points: readonly StackPoint[], most: number): readonly StackPoint[] {
  const every = Math.ceil(points.length / Math.max(2, most));
  return every < 2 ? points : points.filter((_, n) => n % every === 0 || n === points.length - 1);
}

interface Segment {
  at: number[];
  /** [points][K + 1] cumulative probabilities, from 0 to 1. */
  sums: number[][];
}

/** Segments of consecutive points with probabilities; points without probabilities separate them. */
function segmentsOf(points: readonly StackPoint[]): Segment[] {
  const segments: Segment[] = [];
  let isOpen = false;
  for (const { at, probabilities } of points) {
    if (probabilities && !isOpen) segments.push({ at: [], sums: [] });
    isOpen = probabilities !== null;
    if (!probabilities) continue;
    const segment = segments[segments.length - 1];
    const sums = [0];
    for (let k = 0; k < probabilities.length; k++) sums.push(sums[k] + probabilities[k]);
    segment.at.push(at);
    segment.sums.push(sums);
  }
  return segments;
}

function bands({ at, sums }: Segment, names: readonly string[], x: (at: number) => number, height: number) {
  const classes = names.length;
  // A single point is shown as a thin column.
  const places = at.length > 1 ? at.map(x) : [x(at[0]) - 1.5, x(at[0]) + 1.5];
  const sumsAtPlaces = at.length > 1 ? sums : [sums[0], sums[0]];
  // Neighbouring bands share an edge. Math.round is much faster than toFixed, which took most of a frame.
  const across = places.map(tenths);
  const edges = Array.from({ length: classes + 1 }, (_, k) =>
    sumsAtPlaces.map((row, n) => `${across[n]} ${tenths((1 - row[k]) * height)}`),
  );
  return Array.from({ length: classes }, (_, k) => {
    if (sumsAtPlaces.every((row) => row[k + 1] - row[k] < 0.002)) return null;
    const [lower, upper] = [edges[k].toReversed(), edges[k + 1]];
    return (
      <path
        key={`${at[0]} ${k}`}
        class={`band${isNone(names[k]) ? ' none' : ''}`}
        style={{ '--hue': classHue(k, classes) }}
        d={`M${upper.join('L')}L${lower.join('L')}Z`}
      />
    );
  });
}

function tenths(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

/** Places each class's name in the middle of the longest stretch where its band is high enough. */
function names({ at, sums }: Segment, classes: readonly string[], x: (at: number) => number, height: number) {
  return classes.map((name, k) => {
    const isHighEnough = sums.map((row) => (row[k + 1] - row[k]) * height >= MIN_BAND_HEIGHT);
    let [from, to] = [0, 0];
    for (let n = 0; n < at.length; n++) {
      const begin = n;
      while (isHighEnough[n] && isHighEnough[n + 1]) n++;
      if (at[n] - at[begin] > at[to] - at[from]) [from, to] = [begin, n];
    }
    const width = x(at[to]) - x(at[from]);
    if (width < MIN_BAND_WIDTH) return null;
    const middle = (at[from] + at[to]) / 2;
    // Bands are straight between points.
    const next = at.findIndex((each) => each >= middle);
    const back = (at[next] - middle) / (at[next] - at[next - 1]);
    const centre = (n: number) => (1 - (sums[n][k] + sums[n][k + 1]) / 2) * height;
    return (
      <text
        key={`name ${k}`}
        class={`band-name${isNone(name) ? ' none' : ''}`}
        x={x(middle)}
        y={centre(next) + back * (centre(next - 1) - centre(next))}
        style={{ '--hue': classHue(k, classes.length) }}
      >
        {fitText(name, width, NAME_SIZE)}
      </text>
    );
  });
}
