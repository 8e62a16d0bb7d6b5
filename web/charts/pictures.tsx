/** Small pictures: pixels on a canvas, and strokes as lines whose colour says which way the pen went. */
import { useEffect, useRef } from 'preact/hooks';
import { penPaths } from '#src/ink/render-strokes.js';
import { colorEntries, light } from '#src/report/palette.js';
import { fitSquare, strokeShapes } from '#src/report/stroke-drawing.js';

/** The reports' drawings are made in the light edition's colours; here they follow the theme. */
const VARIABLES = new Map(colorEntries(light).map(([name, color]) => [color, `var(--${name})`]));
const themed = (color: string) => VARIABLES.get(color) ?? color;

export interface PixelsProps {
  /** [height, width] 0 is paper, 255 is ink. */
  pixels: Uint8Array | null;
  width: number;
  height: number;
  label: string;
  /** [height, width] What is laid over it, −1 to 1: blue for less ink, orange for more. */
  overlay?: Float32Array | null;
  /** Rows above this one are marked as read. */
  row?: number | null;
}

/** A grey picture, pixel by pixel. */
export function Pixels({ pixels, width, height, label, overlay = null, row = null }: PixelsProps) {
  const element = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = element.current?.getContext('2d');
    if (!context || width === 0) return;
    const image = context.createImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      // Ink as opacity: its colour is the style sheet's.
      image.data[4 * i + 3] = pixels?.[i] ?? 0;
    }
    context.putImageData(image, 0, 0);
  }, [pixels, width, height]);
  return (
    <div class="pixels" role="img" aria-label={label}>
      <canvas ref={element} width={width || 28} height={height || 28} />
      {overlay && <Overlay values={overlay} width={width} height={height} />}
      {row !== null && height > 0 && <span class="scan" style={{ '--row': (row + 0.5) / height }} />}
    </div>
  );
}

const WARM = [214, 106, 20];
const COOL = [44, 110, 214];

/** Values as a veil of colour. */
function Overlay({ values, width, height }: { values: Float32Array; width: number; height: number }) {
  const element = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = element.current?.getContext('2d');
    if (!context) return;
    const image = context.createImageData(width, height);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
    values.forEach((value, i) => {
      const [red, green, blue] = value > 0 ? WARM : COOL;
      image.data.set([red, green, blue, Math.round(235 * (Math.abs(value) / largest) ** 0.8)], 4 * i);
    });
    context.putImageData(image, 0, 0);
  }, [values, width, height]);
  return <canvas ref={element} class="overlay" width={width} height={height} />;
}

export interface StrokesProps {
  /** [N, 4] `dx dy eos eod`; null for none. */
  rows: ArrayLike<number> | null;
  label: string;
  /** Draw them where they stand in a picture of this side, instead of filling the square. */
  within?: number;
  /** [N] how much each row mattered, 0 to 1: rings of that size. */
  weights?: ArrayLike<number> | null;
  /** Only the first so many rows; the rest is faint. */
  upTo?: number | null;
}

/** Units a side of the drawing. */
const SIDE = 100;

/** Strokes in the order in which a network reads them. */
export function Strokes({ rows, label, within, weights = null, upTo = null }: StrokesProps) {
  const paths = rows ? penPaths(rows) : [];
  const cell = within ? SIDE / within : 0;
  const placement = within ? { x: cell / 2, y: cell / 2, cell, pen: 2.4 } : fitSquare(paths, SIDE);
  const cut = upTo === null || !rows ? rows : firstRows(rows, upTo);
  const shown = cut === rows ? paths : cut ? penPaths(cut) : [];
  return (
    <svg class="strokes" viewBox={`0 0 ${SIDE} ${SIDE}`} role="img" aria-label={label}>
      {cut !== rows &&
        paths.map(({ xs, ys }, n) => (
          <polyline
            key={`ghost ${n}`}
            class="ghost"
            stroke-width={placement.pen}
            points={pointsOf(xs, ys, placement)}
          />
        ))}
      {strokeShapes(shown, placement).map((shape, n) =>
        shape.kind === 'line' ? (
          <polyline
            key={n}
            class="pen"
            stroke={themed(shape.color)}
            stroke-width={shape.width}
            points={shape.points.map((point) => point.map((value) => value.toFixed(1)).join(' ')).join(',')}
          />
        ) : (
          <circle
            key={n}
            cx={shape.at[0]}
            cy={shape.at[1]}
            r={shape.radius}
            fill={themed(shape.fill)}
            stroke={shape.outline && themed(shape.outline.color)}
            stroke-width={shape.outline?.width}
          />
        ),
      )}
      {rows &&
        weights &&
        placesOf(rows).map(({ x, y, row }) => (
          <circle
            key={`weight ${row}`}
            class="weight"
            cx={placement.x + placement.cell * x}
            cy={placement.y + placement.cell * y}
            r={6 * Math.sqrt(weights[row])}
          />
        ))}
    </svg>
  );
}

function pointsOf(
  xs: ArrayLike<number>,
  ys: ArrayLike<number>,
  { x, y, cell }: { x: number; y: number; cell: number },
): string {
  return Array.from(
    xs,
    (column, n) => `${(x + cell * column).toFixed(1)} ${(y + cell * ys[n]).toFixed(1)}`,
  ).join(',');
}

/** The first rows, with an end so that they are a drawing. */
function firstRows(rows: ArrayLike<number>, count: number): number[] {
  return [...Array.from(rows).slice(0, 4 * count), 0, 0, 1, 1];
}

/** Where each row leads, from 0; rows that lift the pen stay where they are. */
function placesOf(rows: ArrayLike<number>): { x: number; y: number; row: number }[] {
  let [x, y] = [-1, -1];
  return Array.from({ length: rows.length / 4 }, (_, row) => {
    x += rows[4 * row];
    y += rows[4 * row + 1];
    return { x, y, row };
  });
}
