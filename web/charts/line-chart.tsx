/**
 * Line chart over epochs: names at the lines' ends or, where these have no room, in a legend; values at the pointer.
 * Whoever shows it gives the values as text, too: in `label`, or as a table beside the chart. Uses the same scales as the
 * reports' charts.
 */
import { useState } from 'preact/hooks';
import { position, type Scale, textWidth, wholeTicks } from '#src/report/charts/chart.js';
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
  /** Has its name in the legend, not at the line's end. */
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

const TOP = 10;
const BOTTOM = 26;
const LINE_HEIGHT = 17;
const FONT_SIZE = 13;
/** Names at the lines' ends take at most this share of the chart's width; longer ones go into the legend. */
const MAX_NAMES_SHARE = 0.28;

export function LineChart({ lines, domain, scale, format, label }: LineChartProps) {
  const [frame, { width, height }] = useSize<HTMLDivElement>();
  const [at, setAt] = useState<number | null>(null);
  // Fonts grow with the font size that the reader has chosen in the browser.
  const zoom = width > 0 ? Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16 : 1;
  const widest = (texts: readonly string[]) =>
    texts.reduce((most, text) => Math.max(most, textWidth(text, FONT_SIZE * zoom)), 0);
  const present = lines.filter(({ points }) => points.length > 0);
  const named = present.filter(({ unnamed }) => !unnamed);
  const namesWidth = 14 + widest(named.map(({ name }) => name));
  const hasEndNames = namesWidth <= MAX_NAMES_SHARE * width;
  const legend = hasEndNames ? present.filter(({ unnamed }) => unnamed) : present;
  const [first, last] = domain;
  const left = 12 + widest(scale.ticks.map(format));
  const right = hasEndNames ? namesWidth : 8 + widest([String(last)]) / 2;
  const plot = {
    width: Math.max(1, width - left - right),
    height: Math.max(1, height - TOP - BOTTOM * zoom),
  };
  const x = (value: number) => left + ((value - first) / Math.max(1e-9, last - first)) * plot.width;
  const y = (value: number) => TOP + (1 - position(scale, value)) * plot.height;
  const move = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const value = first + ((event.clientX - box.left - left) / plot.width) * (last - first);
    setAt(value < first || value > last ? null : value);
  };
  return (
    <>
      <div
        ref={frame}
        class="line-chart"
        onPointerDown={move}
        onPointerMove={move}
        // A finger leaves when it is lifted; what it has touched stays.
        onPointerLeave={({ pointerType }) => pointerType === 'mouse' && setAt(null)}
      >
        {width > 0 && (
          <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
            {scale.ticks.map((tick) => (
              <g key={tick} class="tick">
                <line x1={left} x2={left + plot.width} y1={y(tick)} y2={y(tick)} />
                <text x={left - 8} y={y(tick)}>
                  {format(tick)}
                </text>
              </g>
            ))}
            {wholeTicks(first, last, Math.max(2, plot.width / (60 * zoom))).map((tick) => (
              <text key={`epoch ${tick}`} class="epoch" x={x(tick)} y={height - 6}>
                {tick}
              </text>
            ))}
            {present.map((line) => (
              <Line key={line.name} line={line} x={x} y={y} />
            ))}
            {hasEndNames &&
              endLabels(named, y, plot.height, LINE_HEIGHT * zoom).map(({ line, top }) => (
                <text
                  key={line.name}
                  class="end"
                  x={left + plot.width + 9}
                  y={top}
                  style={{ fill: line.color }}
                >
                  {line.name}
                </text>
              ))}
            {at !== null && <line class="cursor" x1={x(at)} x2={x(at)} y1={TOP} y2={TOP + plot.height} />}
          </svg>
        )}
        {at !== null && <Readout lines={present} at={at} format={format} left={x(at)} width={width} />}
      </div>
      {legend.length > 0 && (
        <ul class="legend" aria-hidden="true">
          {legend.map(({ name, color, faint }) => (
            <li key={name} class={faint ? 'faint' : ''}>
              <i style={{ background: color }} />
              <span title={name}>{name}</span>
            </li>
          ))}
        </ul>
      )}
    </>
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
          <em>{line.name}</em>
          <b>{format(v)}</b>
          <span>epoch {Number.isInteger(u) ? u : u.toFixed(2)}</span>
        </p>
      ))}
    </div>
  );
}

/** Positions of the names at the lines' ends, moved apart to avoid overlaps. */
function endLabels(
  lines: readonly ChartLine[],
  y: (value: number) => number,
  height: number,
  lineHeight: number,
) {
  const labels = lines
    .map((line) => ({ line, top: y(line.points[line.points.length - 1][1]) }))
    .sort((a, b) => a.top - b.top);
  labels.forEach((label, n) => {
    if (n > 0) label.top = Math.max(label.top, labels[n - 1].top + lineHeight);
  });
  for (let n = labels.length - 1; n >= 0; n--) {
    const lowest = n === labels.length - 1 ? TOP + height : labels[n + 1].top - lineHeight;
    labels[n].top = Math.min(labels[n].top, lowest);
  }
  return labels;
}
