/**
 * Smooth curves through points: centripetal Catmull-Rom splines (Barry and Goldman 1988; Yuksel, Schaefer and Keyser
 * 2011), which have no loops or cusps between neighbouring points.
 */
type Point = readonly [x: number, y: number];

/** Points of the polyline between two points of the curve. */
const BETWEEN = 6;
/** Least difference of two knots, so that equal points divide by nothing. */
const LEAST_KNOT = 1e-4;

/** Continues a stroke by a smooth curve through points. @param numbers x and y of each point */
export function curveThrough({ xs, ys }: { xs: number[]; ys: number[] }, numbers: readonly number[]): void {
  const points: Point[] = [[xs[xs.length - 1], ys[ys.length - 1]]];
  for (let n = 0; n < numbers.length; n += 2) points.push([numbers[n], numbers[n + 1]]);
  const last = points.length - 1;
  // Mirrored neighbours of the ends.
  const at = (n: number): Point =>
    n < 0 ? mirrored(points[0], points[1]) : n > last ? mirrored(points[last], points[last - 1]) : points[n];
  for (let n = 0; n < last; n++) {
    const span = [at(n - 1), at(n), at(n + 1), at(n + 2)] as const;
    for (let k = 1; k <= BETWEEN; k++) {
      const [x, y] = between(span, k / BETWEEN);
      xs.push(x);
      ys.push(y);
    }
  }
}

function mirrored([x, y]: Point, [otherX, otherY]: Point): Point {
  return [2 * x - otherX, 2 * y - otherY];
}

/** The curve between the second and the third of four points. @param share from 0 to 1 */
function between([a, b, c, d]: readonly [Point, Point, Point, Point], share: number): Point {
  const knot = (from: number, [x1, y1]: Point, [x2, y2]: Point) =>
    from + Math.max(LEAST_KNOT, ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.25);
  const [t0, t1] = [0, knot(0, a, b)];
  const t2 = knot(t1, b, c);
  const t3 = knot(t2, c, d);
  const t = t1 + share * (t2 - t1);
  const mix = (p: Point, q: Point, from: number, to: number): Point => {
    const weight = (t - from) / (to - from);
    return [p[0] + weight * (q[0] - p[0]), p[1] + weight * (q[1] - p[1])];
  };
  const [ab, bc, cd] = [mix(a, b, t0, t1), mix(b, c, t1, t2), mix(c, d, t2, t3)];
  return mix(mix(ab, bc, t0, t2), mix(bc, cd, t1, t3), t1, t2);
}
