/**
 * Line chart over epochs: names at the lines' ends, values at the pointer. Uses the same scales as the reports' charts.
 */
import { useState } from 'preact/hooks';
import { position, type Scale, wholeTicks } from '#src/report/charts/chart.js';
import { useSize } from '../hooks.js';

export interface ChartLine {
  name: string;
  color: string;
  points: readonly (readonly [x: number, y: number])[];
  /** Thin and pale, for a line in the background. */
  faint?: boolean;
  dashed?: boolean;
  /** Also draws the points, up to 40 of them. */
  marked?: boolean;
  /** Draws no name at the line's end. */
  unnamed?: boolean;
}

export interface LineChartProps {
  lines: readonly ChartLine[];
  /** First and last value of the horizontal axis, in epochs. */
  domain: readonly [number, number];
  scale: Scale;
  format: (value: number) => string;
  label: string;
}

const LEFT = 52;
const TOP = 10;
const BOTTOM = 26;
const LINE_HEIGHT = 17;

export function LineChart({ lines, domain, scale, format, label }: LineChartProps) {
  const [frame, { width, height }] = useSize<HTMLDivElement>();
  const [at, setAt] = useState<number | null>(null);
  const named = lines.filter(({ unnamed, points }) => !unnamed && points.length > 0);
  const right = Math.min(150, 14 + 7.6 * Math.max(0, ...named.map(({ name }) => name.length)));
  const [first, last] = domain;
  const plot = { width: Math.max(1, width - LEFT - right), height: Math.max(1, height - TOP - BOTTOM) };
  const x = (value: number) => LEFT + ((value - first) / Math.max(1e-9, last - first)) * plot.width;
  const y = (value: number) => TOP + (1 - position(scale, value)) * plot.height;
  const move = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const value = first + ((event.clientX - box.left - LEFT) / plot.width) * (last - first);
    setAt(value < first || value > last ? null : value);
  };
  return (
    <div ref={frame} class="line-chart" onPointerMove={move} onPointerLeave={() => setAt(null)}>
      {width > 0 && (
        <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
          {scale.ticks.map((tick) => (
            <g key={tick} class="tick">
              <line x1={LEFT} x2={LEFT + plot.width} y1={y(tick)} y2={y(tick)} />
              <text x={LEFT - 8} y={y(tick)}>
                {format(tick)}
              </text>
            </g>
          ))}
          {wholeTicks(first, last, Math.max(2, plot.width / 60)).map((tick) => (
            <text key={`epoch ${tick}`} class="epoch" x={x(tick)} y={height - 6}>
              {tick}
            </text>
          ))}
          {lines.map((line) => (
            <Line key={line.name} line={line} x={x} y={y} />
          ))}
          {endLabels(named, y, plot.height).map(({ line, top }) => (
            <text key={line.name} class="end" x={LEFT + plot.width + 9} y={top} style={{ fill: line.color }}>
              {line.name}
            </text>
          ))}
          {at !== null && <line class="cursor" x1={x(at)} x2={x(at)} y1={TOP} y2={TOP + plot.height} />}
        </svg>
      )}
      {at !== null && <Readout lines={lines} at={at} format={format} left={x(at)} width={width} />}
    </div>
  );
}

function Line({
  line,
  x,
  y,
}: {
  line: ChartLine;
  x: (value: number) => number;
  y: (value: number) => number;
}) {
  const { points, color, faint, dashed, marked } = line;
  const places = points.map(([u, v]) => `${x(u).toFixed(1)} ${y(v).toFixed(1)}`);
  const style = ['line', faint ? 'faint' : '', dashed ? 'dashed' : ''].join(' ');
  return (
    <g>
      {points.length > 1 && <path class={style} d={`M${places.join('L')}`} style={{ stroke: color }} />}
      {(points.length === 1 || (marked && points.length <= 40)) &&
        points.map(([u, v]) => <circle key={u} cx={x(u)} cy={y(v)} r={3.2} style={{ fill: color }} />)}
    </g>
  );
}

/** Values of all lines at the pointer: for each line, its point nearest to `at`. */
function Readout({
  lines,
  at,
  format,
  left,
  width,
}: {
  lines: readonly ChartLine[];
  at: number;
  format: (value: number) => string;
  left: number;
  width: number;
}) {
  const read = lines.flatMap((line) => {
    if (line.points.length === 0) return [];
    const [u, v] = line.points.reduce((best, point) =>
      Math.abs(point[0] - at) < Math.abs(best[0] - at) ? point : best,
    );
    return [{ line, u, v }];
  });
  if (read.length === 0) return null;
  return (
    <div class={`readout${left > width / 2 ? ' left' : ''}`} style={{ left: `${left}px` }} aria-hidden="true">
      {read.map(({ line, u, v }) => (
        <p key={line.name}>
          <i style={{ background: line.color }} />
          {line.name}
          <b>{format(v)}</b>
          <span>epoch {Number.isInteger(u) ? u : u.toFixed(2)}</span>
        </p>
      ))}
    </div>
  );
}

/** Positions of the names at the lines' ends, moved apart to avoid overlaps. */
function endLabels(lines: readonly ChartLine[], y: (value: number) => number, height: number) {
  const labels = lines
    .map((line) => ({ line, top: y(line.points[line.points.length - 1][1]) }))
    .sort((a, b) => a.top - b.top);
  labels.forEach((label, n) => {
    if (n > 0) label.top = Math.max(label.top, labels[n - 1].top + LINE_HEIGHT);
  });
  for (let n = labels.length - 1; n >= 0; n--) {
    const lowest = n === labels.length - 1 ? TOP + height : labels[n + 1].top - LINE_HEIGHT;
    labels[n].top = Math.min(labels[n].top, lowest);
  }
  return labels;
}
