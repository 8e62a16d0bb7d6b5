/**
 * Slow, literal implementations of the original algorithm's stages. Tests compare the fast ones in src/ink with them.
 * They share no code with src/ink.
 */

export type Mask = number[][];

export function maskOf(pixels: ArrayLike<number>, width: number, height: number, threshold = 0): Mask {
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => (pixels[y * width + x] > threshold ? 1 : 0)),
  );
}

/** Components as lists of [x, y], by flood fill. */
export function components(mask: Mask, neighbours: 4 | 8): [number, number][][] {
  const seen = mask.map((row) => row.map(() => false));
  const found: [number, number][][] = [];
  mask.forEach((row, y0) => {
    row.forEach((ink, x0) => {
      if (!ink || seen[y0][x0]) return;
      const component: [number, number][] = [[x0, y0]];
      seen[y0][x0] = true;
      for (const [x, y] of component) {
        for (const [u, v] of around(x, y)) {
          if (neighbours === 4 && u !== x && v !== y) continue;
          if (!mask[v]?.[u] || seen[v][u]) continue;
          seen[v][u] = true;
          component.push([u, v]);
        }
      }
      found.push(component);
    });
  });
  return found;
}

/** The neighbours p2 … p9, clockwise from north. */
function around(x: number, y: number): [number, number][] {
  return [
    [x, y - 1],
    [x + 1, y - 1],
    [x + 1, y],
    [x + 1, y + 1],
    [x, y + 1],
    [x - 1, y + 1],
    [x - 1, y],
    [x - 1, y - 1],
  ];
}

export function thresholdByDefinition(pixels: ArrayLike<number>, width: number, height: number): number {
  const measure = (t: number) => {
    const mask = maskOf(pixels, width, height, t);
    const count = mask.flat().reduce((sum, ink) => sum + ink, 0);
    return { count, four: components(mask, 4).length, eight: components(mask, 8).length };
  };
  const whole = measure(0);
  for (let t = 0; ; t += 25) {
    const { count, four, eight } = measure(t);
    if (count < 0.5 * whole.count || four !== whole.four || eight !== whole.eight || t >= 250) {
      return Math.max(0, t - 25);
    }
  }
}

export function thinByDefinition(mask: Mask): Mask {
  const now = mask.map((row) => [...row]);
  for (let pass = 0; pass < 2; pass++) {
    let deleted = 0;
    for (const half of ['A', 'B']) {
      const before = now.map((row) => [...row]);
      for (let y = 1; y < now.length - 1; y++) {
        for (let x = 1; x < now[y].length - 1; x++) {
          if (!before[y][x]) continue;
          const ring = around(x, y).map(([u, v]) => before[v][u]);
          const [p2, , p4, , p6, , p8] = ring;
          const sum = ring.reduce((total, ink) => total + ink, 0);
          const turns = ring.filter((ink, k) => ink === 0 && ring[(k + 1) % 8] === 1).length;
          const allowed =
            half === 'A'
              ? p2 * p4 * p6 === 0 && p4 * p6 * p8 === 0
              : p2 * p4 * p8 === 0 && p2 * p6 * p8 === 0;
          if (sum >= 2 && sum <= 6 && turns === 1 && allowed) {
            now[y][x] = 0;
            deleted++;
          }
        }
      }
    }
    if (deleted === 0) break;
  }
  return now;
}

export function cleanByDefinition(mask: Mask): Mask {
  const clean = mask.map((row) => [...row]);
  for (const component of components(mask, 8)) {
    if (component.length <= 2) for (const [x, y] of component) clean[y][x] = 0;
  }
  return clean;
}

/** The start as [x, y]; null without ink. */
export function startByDefinition(mask: Mask): [number, number] | null {
  const points: [number, number][] = [];
  mask.forEach((row, y) => {
    row.forEach((ink, x) => {
      if (ink) points.push([x, y]);
    });
  });
  if (points.length === 0) return null;
  const ends = points.filter(
    ([x, y]) => around(x, y).reduce((sum, [u, v]) => sum + (mask[v]?.[u] ?? 0), 0) <= 1,
  );
  // `points` is in row-major order. Without ends, the first point in column-major order is needed.
  const candidates = ends.length > 0 ? ends : points.sort(([x, y], [u, v]) => x - u || y - v);
  const least = Math.min(...candidates.map(([x, y]) => x + y));
  return candidates.find(([x, y]) => x + y === least) ?? null;
}

export interface DecodedStrokes {
  /** Coordinates from 0. */
  points: [number, number][];
  /** Indices of the points after which the pen is lifted. */
  breaks: number[];
}

/** Decodes moves. Throws unless they are whole numbers, with `0 0 1 0` for each break and one `0 0 1 1` at the end. */
export function decode(moves: ArrayLike<number>): DecodedStrokes {
  const points: [number, number][] = [];
  const breaks: number[] = [];
  let [x, y] = [-1, -1];
  if (moves.length === 0 || moves.length % 4 !== 0) throw new Error(`${moves.length} values`);
  for (let at = 0; at < moves.length; at += 4) {
    const [dx, dy, eos, eod] = [moves[at], moves[at + 1], moves[at + 2], moves[at + 3]];
    if (![dx, dy].every(Number.isInteger)) throw new Error(`move ${at / 4}: ${dx} ${dy}`);
    const isLast = at + 4 === moves.length;
    if (eod !== (isLast ? 1 : 0)) throw new Error(`move ${at / 4}: eod ${eod}`);
    if (eos !== 0 && eos !== 1) throw new Error(`move ${at / 4}: eos ${eos}`);
    if (eos === 1 && (dx !== 0 || dy !== 0)) throw new Error(`move ${at / 4}: a break that moves the pen`);
    if (isLast) {
      if (eos !== 1) throw new Error('the last move does not end a stroke');
    } else if (eos === 1) {
      breaks.push(points.length - 1);
    } else {
      x += dx;
      y += dy;
      points.push([x, y]);
    }
  }
  return { points, breaks };
}

/** Indices of points after which the pen is lifted: those whose successor is no neighbour, except the last but one. */
export function breaksByDefinition(points: readonly [number, number][]): number[] {
  return points
    .map((_, n) => n)
    .filter((n) => {
      if (n >= points.length - 2) return false;
      const [[x, y], [u, v]] = [points[n], points[n + 1]];
      return Math.max(Math.abs(x - u), Math.abs(y - v)) > 1;
    });
}

export function cost([x, y]: readonly [number, number], [u, v]: readonly [number, number]): number {
  return Math.abs(x - u) ** 3 + Math.abs(y - v) ** 3;
}

/** Cost of the tour, including the return to the start. */
export function closedLength(points: readonly [number, number][]): number {
  return points.reduce((sum, point, n) => sum + cost(point, points[(n + 1) % points.length]), 0);
}

/** Index of the first move that does not go to a nearest unvisited point; −1 if there is none. */
export function firstWrongMove(points: readonly [number, number][]): number {
  const left = new Set(points.slice(1));
  for (let n = 0; n + 1 < points.length; n++) {
    const least = Math.min(...[...left].map((point) => cost(points[n], point)));
    if (cost(points[n], points[n + 1]) !== least) return n;
    left.delete(points[n + 1]);
  }
  return -1;
}
