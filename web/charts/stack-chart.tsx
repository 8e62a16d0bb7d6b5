/**
 * Probabilities over time as bands stacked to one: where a band widens, the network comes to believe in its class;
 * where another takes its place, it has changed its mind. Bands carry their class's name where there is room.
 */
import type { ComponentChildren } from 'preact';
import { useSize } from '../hooks.js';
import { classHue } from './classes.js';

/** Probabilities at one time; null where there was nothing to recognise. */
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
  /** Where a line is drawn across. */
  cursor?: number | null;
  /** Times that are marked: where strokes begin. */
  marks?: readonly number[];
  label: string;
  children?: ComponentChildren;
}

/** Room for a band's name. */
const LEAST_BAND_HEIGHT = 17;
const LEAST_BAND_WIDTH = 22;

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
  const runs = unbroken(thinned(points, width / 2));
  return (
    <div ref={frame} class="stack-chart">
      {width > 0 && (
        <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
          {runs.flatMap((run) => bands(run, classes.length, x, height))}
          {marks.map((at) => (
            <line key={`mark ${at}`} class="mark" x1={x(at)} x2={x(at)} y1={0} y2={height} />
          ))}
          {runs.flatMap((run) => names(run, classes, x, height))}
          {cursor != null && <line class="cursor" x1={x(cursor)} x2={x(cursor)} y1={0} y2={height} />}
        </svg>
      )}
      {children}
    </div>
  );
}

/** As many points as a screen shows, the last among them. */
function thinned(points: readonly StackPoint[], most: number): readonly StackPoint[] {
  const every = Math.ceil(points.length / Math.max(2, most));
  return every < 2 ? points : points.filter((_, n) => n % every === 0 || n === points.length - 1);
}

interface Run {
  at: number[];
  /** [points][K + 1] sums of the classes' probabilities, from 0 to 1. */
  sums: number[][];
}

/** Stretches in which there is something to recognise at every time. */
function unbroken(points: readonly StackPoint[]): Run[] {
  const runs: Run[] = [];
  let open = false;
  for (const { at, probabilities } of points) {
    if (probabilities && !open) runs.push({ at: [], sums: [] });
    open = probabilities !== null;
    if (!probabilities) continue;
    const run = runs[runs.length - 1];
    const sums = [0];
    for (let k = 0; k < probabilities.length; k++) sums.push(sums[k] + probabilities[k]);
    run.at.push(at);
    run.sums.push(sums);
  }
  return runs;
}

function bands({ at, sums }: Run, classes: number, x: (at: number) => number, height: number) {
  // A single point is shown as a thin column.
  const places = at.length > 1 ? at.map(x) : [x(at[0]) - 1.5, x(at[0]) + 1.5];
  const rows = at.length > 1 ? sums : [sums[0], sums[0]];
  // Of neighbouring bands one is below the edge, the other above. Rounding beats toFixed, which took most of a frame.
  const across = places.map(tenths);
  const edges = Array.from({ length: classes + 1 }, (_, k) =>
    rows.map((row, n) => `${across[n]} ${tenths((1 - row[k]) * height)}`),
  );
  return Array.from({ length: classes }, (_, k) => {
    if (rows.every((row) => row[k + 1] - row[k] < 0.002)) return null;
    const [lower, upper] = [edges[k].toReversed(), edges[k + 1]];
    return (
      <path
        key={`${at[0]} ${k}`}
        class="band"
        style={{ '--hue': classHue(k, classes) }}
        d={`M${upper.join('L')}L${lower.join('L')}Z`}
      />
    );
  });
}

function tenths(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

/** Each class's name in the middle of its broadest place, if it is broad enough. */
function names({ at, sums }: Run, classes: readonly string[], x: (at: number) => number, height: number) {
  return classes.map((name, k) => {
    const tall = sums.map((row) => (row[k + 1] - row[k]) * height >= LEAST_BAND_HEIGHT);
    let best: [number, number] | null = null;
    for (let n = 0; n < at.length; n++) {
      if (!tall[n]) continue;
      const begin = n;
      while (n + 1 < at.length && tall[n + 1]) n++;
      if (!best || at[n] - at[begin] > at[best[1]] - at[best[0]]) best = [begin, n];
    }
    if (!best || x(at[best[1]]) - x(at[best[0]]) < LEAST_BAND_WIDTH) return null;
    const [begin, end] = best;
    const middle = x((at[begin] + at[end]) / 2);
    const n = at.findIndex((each) => x(each) >= middle);
    const y = (1 - (sums[n][k] + sums[n][k + 1]) / 2) * height;
    if ((sums[n][k + 1] - sums[n][k]) * height < LEAST_BAND_HEIGHT) return null;
    return (
      <text
        key={`name ${k}`}
        class="band-name"
        x={x(at[n])}
        y={y}
        style={{ '--hue': classHue(k, classes.length) }}
      >
        {name}
      </text>
    );
  });
}
