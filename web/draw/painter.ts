/** Paints strokes as ink: outlines by perfect-freehand, which take on the pen's pressure, or its speed where none is felt. */
import { getStroke } from 'perfect-freehand';
import { type InkStroke, SIDE } from './ink.js';

/** Width of the pen in units: as broad as MNIST's pen is in its box. */
const PEN = 58;

export interface InkColors {
  ink: string;
  /** Of what is still to come in a replay. */
  ghost: string;
}

export class InkPainter {
  readonly #context: CanvasRenderingContext2D;
  /** Outlines of strokes that do not change any more. */
  readonly #outlines = new WeakMap<InkStroke, Path2D>();

  constructor(canvas: HTMLCanvasElement) {
    this.#context = canvas.getContext('2d') as CanvasRenderingContext2D;
  }

  /**
   * @param all every stroke there is
   * @param shown those, whole or cut, that are drawn already
   * @param live the one that is still growing
   */
  paint(
    all: readonly InkStroke[],
    shown: readonly InkStroke[],
    live: InkStroke | null,
    colors: InkColors,
  ): void {
    const context = this.#context;
    const { width, height } = context.canvas;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    context.setTransform(width / SIDE, 0, 0, height / SIDE, 0, 0);
    if (shown !== all) {
      context.fillStyle = colors.ghost;
      for (const stroke of all) context.fill(this.#outline(stroke, stroke === live));
    }
    context.fillStyle = colors.ink;
    for (const stroke of shown) context.fill(this.#outline(stroke, stroke === live));
  }

  /** Where the pen of the keyboard is. */
  paintCursor(x: number, y: number, down: boolean, color: string): void {
    const context = this.#context;
    context.beginPath();
    context.arc(x, y, PEN / 2, 0, 2 * Math.PI);
    context.lineWidth = 5;
    context.strokeStyle = color;
    context.fillStyle = color;
    if (down) context.fill();
    context.stroke();
  }

  #outline(stroke: InkStroke, growing: boolean): Path2D {
    const known = this.#outlines.get(stroke);
    if (known && !growing) return known;
    const outline = outlineOf(stroke, !growing);
    if (!growing) this.#outlines.set(stroke, outline);
    return outline;
  }
}

function outlineOf({ tool, xs, ys, pressures }: InkStroke, finished: boolean): Path2D {
  const path = new Path2D();
  if (xs.length === 1) {
    path.arc(xs[0], ys[0], PEN / 2, 0, 2 * Math.PI);
    return path;
  }
  const felt = tool === 'pen';
  const points = getStroke(
    xs.map((x, n) => [x, ys[n], felt ? pressures[n] : 0.5]),
    {
      size: PEN,
      thinning: felt ? 0.6 : 0.25,
      smoothing: 0.5,
      streamline: 0.25,
      simulatePressure: !felt,
      last: finished,
    },
  );
  points.forEach(([x, y], n) => {
    const [u, v] = points[(n + 1) % points.length];
    if (n === 0) path.moveTo((x + u) / 2, (y + v) / 2);
    else path.quadraticCurveTo(x, y, (x + u) / 2, (y + v) / 2);
  });
  path.closePath();
  return path;
}
