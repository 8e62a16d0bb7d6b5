/** A small drawing: its strokes as lines, scaled into a square. */
import type { TeachDrawing } from '#src/data/pens/project.js';

const SIDE = 100;
const MARGIN = 12;

/** Cache: paths of drawings, which never change. */
const paths = new WeakMap<TeachDrawing['drawing'], string>();

export function DrawingThumb({ drawing }: Pick<TeachDrawing, 'drawing'>) {
  return (
    <svg class="thumb" viewBox={`0 0 ${SIDE} ${SIDE}`} aria-hidden="true">
      <path d={pathOf(drawing)} />
    </svg>
  );
}

function pathOf(drawing: TeachDrawing['drawing']): string {
  const known = paths.get(drawing);
  if (known !== undefined) return known;
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [xs, ys] of drawing) {
    for (let n = 0; n < xs.length; n++) {
      left = Math.min(left, xs[n]);
      right = Math.max(right, xs[n]);
      top = Math.min(top, ys[n]);
      bottom = Math.max(bottom, ys[n]);
    }
  }
  const longer = Math.max(right - left, bottom - top) || 1;
  const scale = (SIDE - 2 * MARGIN) / longer;
  const x = (value: number) => (SIDE / 2 + (value - (left + right) / 2) * scale).toFixed(1);
  const y = (value: number) => (SIDE / 2 + (value - (top + bottom) / 2) * scale).toFixed(1);
  const path = drawing
    .filter(([xs]) => xs.length > 0)
    // A stroke of one point is a line to itself: a dot with round ends.
    .map(
      ([xs, ys]) =>
        `M${xs.map((value, n) => `${x(value)} ${y(ys[n])}`).join('L')}${xs.length === 1 ? 'h0' : ''}`,
    )
    .join('');
  paths.set(drawing, path);
  return path;
}
