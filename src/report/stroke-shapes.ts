/** The shapes of which drawings of strokes consist, and their output as SVG and as parts of a chart. */

/** A polyline or a dot. Colours are the light edition's; `themed` replaces them by the page's. */
export type StrokeShape =
  | { shape: 'polyline'; points: readonly Point[]; color: string; width: number }
  | { shape: 'dot'; at: Point; radius: number; fill: string; outline?: { color: string; width: number } };

type Point = readonly [x: number, y: number];

/** The shapes as SVG elements. */
export function shapesSvg(shapes: readonly StrokeShape[]): string {
  return shapes
    .map((each) => {
      if (each.shape === 'polyline') {
        const points = each.points.map(([x, y]) => `${shown(x)} ${shown(y)}`);
        return (
          `<path d="M${points.join('L')}" fill="none" stroke="${each.color}" stroke-width="${shown(each.width)}" ` +
          'stroke-linecap="round" stroke-linejoin="round"/>'
        );
      }
      const { at, radius, fill, outline } = each;
      const stroke = outline ? ` stroke="${outline.color}" stroke-width="${shown(outline.width)}"` : '';
      return `<circle cx="${shown(at[0])}" cy="${shown(at[1])}" r="${shown(radius)}" fill="${fill}"${stroke}/>`;
    })
    .join('');
}

/** The shapes as parts of a chart, moved by (`left`, `top`). */
export function shapesGraphic(shapes: readonly StrokeShape[], left: number, top: number) {
  return shapes.map((each) => {
    if (each.shape === 'polyline') {
      const { points, color, width } = each;
      return {
        type: 'polyline' as const,
        silent: true,
        shape: { points: points.map(([x, y]) => [left + x, top + y]) },
        style: {
          fill: 'none',
          stroke: color,
          lineWidth: width,
          lineCap: 'round' as const,
          lineJoin: 'round' as const,
        },
      };
    }
    const { at, radius, fill, outline } = each;
    return {
      type: 'circle' as const,
      silent: true,
      shape: { cx: left + at[0], cy: top + at[1], r: radius },
      style: { fill, ...(outline && { stroke: outline.color, lineWidth: outline.width }) },
    };
  });
}

/** The ink of a mask as one SVG path: a bar for each run of ink in a pixel row. (x, y) is the centre of pixel (0, 0). */
export function maskSvg(
  mask: { width: number; height: number; pixels: ArrayLike<number> },
  { x, y, cell }: { x: number; y: number; cell: number },
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

/** Rounded to hundredths. */
function shown(value: number): number {
  return Number(value.toFixed(2));
}
