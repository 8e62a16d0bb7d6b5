/**
 * Paints strokes on the canvas. perfect-freehand computes outlines; their width follows pressure, or speed without it.
 */
import { getStroke } from 'perfect-freehand';
import type { Ink, InkStroke } from './ink.js';

/** Width of the pen in units: the same share of a canvas for one symbol as MNIST's pen has of its 20 × 20 box. */
export const PEN_WIDTH = 58;

export interface InkColors {
  ink: string;
  /** Colour of the points after the playhead. */
  ghost: string;
}

export class InkPainter {
  readonly #context: CanvasRenderingContext2D;
  readonly #ink: Ink;
  /** Cache: outlines of finished strokes. */
  readonly #outlines = new WeakMap<InkStroke, Path2D>();

  /** @param ink its size is that of the canvas, in units */
  constructor(canvas: HTMLCanvasElement, ink: Ink) {
    this.#ink = ink;
    this.#context = canvas.getContext('2d') as CanvasRenderingContext2D;
  }

  /**
   * @param all every stroke of the drawing
   * @param shown the strokes up to the playhead; the last may be cut
   * @param growing the unfinished stroke, if any
   */
  paint(
    all: readonly InkStroke[],
    shown: readonly InkStroke[],
    growing: InkStroke | null,
    colors: InkColors,
  ): void {
    const context = this.#context;
    const { width, height } = context.canvas;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    context.setTransform(width / this.#ink.width, 0, 0, height / this.#ink.height, 0, 0);
    if (shown !== all) {
      context.fillStyle = colors.ghost;
      for (const stroke of all) context.fill(this.#outline(stroke, stroke === growing));
    }
    context.fillStyle = colors.ink;
    for (const stroke of shown) context.fill(this.#outline(stroke, stroke === growing));
  }

  /** Marks the position of the keyboard's pen; filled while the pen is down. Coordinates in units. */
  paintCursor(x: number, y: number, down: boolean, color: string): void {
    const context = this.#context;
    context.beginPath();
    context.arc(x, y, PEN_WIDTH / 2, 0, 2 * Math.PI);
    context.lineWidth = 5;
    context.strokeStyle = color;
    context.fillStyle = color;
    if (down) context.fill();
    context.stroke();
  }

  #outline(stroke: InkStroke, isGrowing: boolean): Path2D {
    const known = this.#outlines.get(stroke);
    if (known && !isGrowing) return known;
    const outline = outlineOf(stroke, !isGrowing);
    if (!isGrowing) this.#outlines.set(stroke, outline);
    return outline;
  }
}

function outlineOf({ tool, xs, ys, pressures }: InkStroke, isFinished: boolean): Path2D {
  const outline = new Path2D();
  if (xs.length === 1) {
    outline.arc(xs[0], ys[0], PEN_WIDTH / 2, 0, 2 * Math.PI);
    return outline;
  }
  const hasPressure = tool === 'pen';
  const points = getStroke(
    xs.map((x, n) => [x, ys[n], hasPressure ? pressures[n] : 0.5]),
    {
      size: PEN_WIDTH,
      thinning: hasPressure ? 0.6 : 0.25,
      smoothing: 0.5,
      streamline: 0.25,
      simulatePressure: !hasPressure,
      last: isFinished,
    },
  );
  points.forEach(([x, y], n) => {
    const [u, v] = points[(n + 1) % points.length];
    if (n === 0) outline.moveTo((x + u) / 2, (y + v) / 2);
    else outline.quadraticCurveTo(x, y, (x + u) / 2, (y + v) / 2);
  });
  outline.closePath();
  return outline;
}
