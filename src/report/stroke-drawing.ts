/**
 * Pen strokes as a drawing: lines whose colour runs from the first point to the last, a ring where the pen begins, a
 * dot where it ends, and dots across the gaps over which it was lifted.
 */

import { light } from './palette.js';

/** A line that was drawn without lifting the pen: columns and rows of its points. */
export interface DrawnPath {
  xs: ArrayLike<number>;
  ys: ArrayLike<number>;
}

/** Red, green and blue, 0 to 255. */
export type Rgb = readonly [number, number, number];

/** From dark to light, so that the direction is seen without colours too. */
const RAMP: readonly Rgb[] = [
  [23, 42, 135],
  [104, 36, 160],
  [196, 56, 118],
  [232, 108, 54],
  [244, 170, 40],
];

/** The colour of a point, from 0 at the first to 1 at the last. */
export function penColor(share: number): Rgb {
  const at = Math.min(1, Math.max(0, share)) * (RAMP.length - 1);
  const low = Math.min(RAMP.length - 2, Math.floor(at));
  const mix = (channel: 0 | 1 | 2) =>
    Math.round(RAMP[low][channel] + (RAMP[low + 1][channel] - RAMP[low][channel]) * (at - low));
  return [mix(0), mix(1), mix(2)];
}

export function hexColor(rgb: Rgb): string {
  return `#${rgb.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}

/** Where a picture's pixels go: the centre of pixel (0, 0), and how large a pixel is. */
export interface Placement {
  x: number;
  y: number;
  cell: number;
}

/** The strokes as SVG elements. */
export function strokeElements(paths: readonly DrawnPath[], { x, y, cell }: Placement): string[] {
  const total = paths.reduce((sum, { xs }) => sum + xs.length, 0);
  if (total === 0) return [];
  const at = (path: DrawnPath, n: number) => [shown(x + path.xs[n] * cell), shown(y + path.ys[n] * cell)];
  const colorAt = (point: number) => hexColor(penColor(total > 1 ? point / (total - 1) : 0));
  const gaps: string[] = [];
  const lines: string[] = [];
  let before = 0;
  paths.forEach((path, index) => {
    const last = path.xs.length - 1;
    for (let n = 0; n < last; n++) {
      const [[x1, y1], [x2, y2]] = [at(path, n), at(path, n + 1)];
      lines.push(`<path d="M${x1} ${y1}L${x2} ${y2}" stroke="${colorAt(before + n + 0.5)}"/>`);
    }
    if (last === 0) {
      const [cx, cy] = at(path, 0);
      lines.push(
        `<circle cx="${cx}" cy="${cy}" r="${shown(0.22 * cell)}" fill="${colorAt(before)}" stroke="none"/>`,
      );
    }
    if (index > 0) {
      const [from, to] = [at(paths[index - 1], paths[index - 1].xs.length - 1), at(path, 0)];
      gaps.push(`M${from[0]} ${from[1]}L${to[0]} ${to[1]}`);
    }
    before += path.xs.length;
  });
  const [firstX, firstY] = at(paths[0], 0);
  const end = paths[paths.length - 1];
  const [endX, endY] = at(end, end.xs.length - 1);
  const radius = 0.68 * cell;
  return [
    ...(gaps.length > 0
      ? [
          `<path d="${gaps.join('')}" fill="none" stroke="${light.muted}" stroke-width="${shown(0.3 * cell)}" ` +
            `stroke-dasharray="0 ${shown(0.8 * cell)}" stroke-linecap="round"/>`,
        ]
      : []),
    `<g fill="none" stroke-width="${shown(0.6 * cell)}" stroke-linecap="round">${lines.join('')}</g>`,
    `<circle cx="${firstX}" cy="${firstY}" r="${shown(radius)}" fill="${light.surface}" ` +
      `stroke="${colorAt(0)}" stroke-width="${shown(0.4 * cell)}"/>`,
    ...(total > 1
      ? [`<circle cx="${endX}" cy="${endY}" r="${shown(radius)}" fill="${colorAt(total - 1)}"/>`]
      : []),
  ];
}

/** The ink of a mask as one SVG path of squares, joined to bars within a row. */
export function maskElement(
  mask: { width: number; height: number; pixels: ArrayLike<number> },
  { x, y, cell }: Placement,
  color: string,
): string {
  const { width, height, pixels } = mask;
  const parts: string[] = [];
  for (let v = 0; v < height; v++) {
    for (let u = 0; u < width; u++) {
      if (pixels[v * width + u] === 0) continue;
      const first = u;
      while (u + 1 < width && pixels[v * width + u + 1] !== 0) u++;
      const length = shown((u - first + 1) * cell);
      parts.push(
        `M${shown(x + (first - 0.5) * cell)} ${shown(y + (v - 0.5) * cell)}h${length}v${shown(cell)}h-${length}z`,
      );
    }
  }
  return `<path d="${parts.join('')}" fill="${color}"/>`;
}

/** With as many digits as are seen. */
function shown(value: number): number {
  return Number(value.toFixed(2));
}
