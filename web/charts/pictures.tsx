/** Small pictures: pixels on a canvas, and strokes whose colour shows the direction of the pen. */
import { useEffect, useRef } from 'preact/hooks';
import { movesToStrokes } from '#src/ink/render-strokes.js';
import { colorEntries, light } from '#src/report/palette.js';
import { fitSquare, strokeShapes } from '#src/report/stroke-drawing.js';

/** strokeShapes gives the reports' light colours; this map turns them into CSS variables of the current theme. */
const VARIABLES = new Map(colorEntries(light).map(([name, color]) => [color, `var(--${name})`]));
const themed = (color: string) => VARIABLES.get(color) ?? color;

export interface PixelsProps {
  /** [height, width] 0 is paper, 255 is ink. */
  pixels: Uint8Array | null;
  width: number;
  height: number;
  label: string;
  /** [height, width] drawn on top, scaled to the largest absolute value: orange is positive, blue is negative. */
  overlay?: Float32Array | null;
  /** The first pixel row and column to mark as those being read; −1 for none. */
  row?: number;
  column?: number;
  /** Rows and columns that are read at once. Default 1. */
  rows?: number;
  columns?: number;
}

/** A grey picture, pixel by pixel. */
export function Pixels({
  pixels,
  width,
  height,
  label,
  overlay = null,
  row = -1,
  column = -1,
  rows = 1,
  columns = 1,
}: PixelsProps) {
  const element = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = element.current?.getContext('2d');
    if (!context || width === 0) return;
    const image = context.createImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      // Only the opacity: the style sheet sets the colour.
      image.data[4 * i + 3] = pixels?.[i] ?? 0;
    }
    context.putImageData(image, 0, 0);
  }, [pixels, width, height]);
  return (
    <div class="pixels" role="img" aria-label={label}>
      <canvas ref={element} width={width || 28} height={height || 28} />
      {overlay && <Overlay values={overlay} width={width} height={height} />}
      {row >= 0 && <span class="scan" style={scanStyle(row, rows, height)} />}
      {column >= 0 && <span class="scan column" style={scanStyle(column, columns, width)} />}
    </div>
  );
}

/** From the middle of the first line that is read to the middle of the last. */
function scanStyle(first: number, lines: number, all: number) {
  return { '--at': (first + 0.5) / all, '--thick': (lines - 1) / all };
}

const WARM = [214, 106, 20];
const COOL = [44, 110, 214];

/** Values as a translucent colour layer. */
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
  /** [N, 4] moves `dx dy eos eod`; null for none. */
  moves: ArrayLike<number> | null;
  label: string;
  /** Width and height in pixels of the picture that the strokes belong to. Default, and if they reach beyond: scale the
   * strokes to the square. */
  within?: number;
  /** [N] influence of each move, 0 to 1; proportional to the area of its circle. */
  weights?: ArrayLike<number> | null;
  /** Draws only the first `upTo` moves in full colour; the others are faint. */
  upTo?: number | null;
}

/** Width and height of the SVG in its own units. */
const SIDE = 100;

/** Strokes of a drawing, coloured in reading order. */
export function Strokes({ moves, label, within, weights = null, upTo = null }: StrokesProps) {
  const strokes = moves ? movesToStrokes(moves) : [];
  const cell = within ? SIDE / within : 0;
  const fits = within && strokes.every(({ xs, ys }) => Math.max(...xs, ...ys) < within);
  const placement = fits ? { x: cell / 2, y: cell / 2, cell, pen: 2.4 } : fitSquare(strokes, SIDE);
  const cut = upTo === null || !moves ? moves : firstMoves(moves, upTo);
  const shown = cut === moves ? strokes : cut ? movesToStrokes(cut) : [];
  return (
    <svg class="strokes" viewBox={`0 0 ${SIDE} ${SIDE}`} role="img" aria-label={label}>
      {cut !== moves &&
        strokes.map(({ xs, ys }, n) => (
          <polyline
            key={`ghost ${n}`}
            class="ghost"
            stroke-width={placement.pen}
            points={pointsOf(xs, ys, placement)}
          />
        ))}
      {strokeShapes(shown, placement).map((shape, n) =>
        shape.shape === 'polyline' ? (
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
      {moves &&
        weights &&
        placesOf(moves).map(({ x, y, move }) => (
          <circle
            key={`weight ${move}`}
            class="weight"
            cx={placement.x + placement.cell * x}
            cy={placement.y + placement.cell * y}
            r={6 * Math.sqrt(weights[move])}
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

/** The first `count` moves, plus a last move that ends the drawing. */
function firstMoves(moves: ArrayLike<number>, count: number): number[] {
  return [...Array.from(moves).slice(0, 4 * count), 0, 0, 1, 1];
}

/** Position after each move, in pixels. */
function placesOf(moves: ArrayLike<number>): { x: number; y: number; move: number }[] {
  let [x, y] = [-1, -1];
  return Array.from({ length: moves.length / 4 }, (_, move) => {
    x += moves[4 * move];
    y += moves[4 * move + 1];
    return { x, y, move };
  });
}
