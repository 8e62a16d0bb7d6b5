/**
 * Makes an outline look as if a hand had drawn it: corners are rounded, lines bend, strokes are shifted against each
 * other and too long or too short, and the whole is slanted, turned and stretched.
 */
import type { Dice } from './dice.js';
import type { Polyline } from './outline.js';

/** Amounts of the variation, for a figure of size 1. */
export interface Hand {
  /** Corners are rounded by averaging neighbouring points up to this many times. */
  rounding: number;
  /** Largest rotation in degrees, either way. */
  rotation: number;
  /** Width and height differ by a factor of up to 1 + this. */
  stretch: number;
  /** Largest shift of x per y, to the right at the top; half as much to the left. */
  slant: number;
  /** How much lines bend; default 1. */
  bend?: number;
  /** Ends of strokes are longer or shorter by up to this; default 0. */
  ends?: number;
}

/** The points of a stroke are at most this far apart before corners are rounded. */
const SPACING = 0.08;

/** The strokes drawn by hand. Dots stay dots. */
export function drawnByHand(strokes: readonly Polyline[], dice: Dice, hand: Hand): Polyline[] {
  const rounds = dice.whole(0, hand.rounding);
  const bend = waves(dice, hand.bend ?? 1);
  const angle = (dice.between(-hand.rotation, hand.rotation) * Math.PI) / 180;
  const aspect = (1 + hand.stretch) ** dice.between(-1, 1);
  const slant = hand.slant * dice.between(-0.5, 1);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return strokes.map((stroke) => {
    const fine = rounded(dense(hand.ends === undefined ? stroke : withEnds(stroke, dice, hand.ends)), rounds);
    const place = ownPlace(fine, dice);
    const drawn: Polyline = { xs: [], ys: [] };
    for (let n = 0; n < fine.xs.length; n++) {
      const [px, py] = place(fine.xs[n], fine.ys[n]);
      const [bx, by] = bend(px, py);
      const x = (px + bx - 0.5) * aspect - (py - 0.5) * slant;
      const y = py + by - 0.5;
      drawn.xs.push(cos * x - sin * y);
      drawn.ys.push(sin * x + cos * y);
    }
    return drawn;
  });
}

/** A smooth displacement of the plane: the sum of two waves. */
function waves(dice: Dice, factor: number): (x: number, y: number) => [number, number] {
  const strength = factor * dice.between(0.01, 0.06);
  const wave = () => {
    const [across, down] = [dice.between(-5, 5), dice.between(-5, 5)];
    const phase = dice.between(0, 2 * Math.PI);
    const [dx, dy] = [strength * dice.normal(), strength * dice.normal()];
    return (x: number, y: number) => {
      const height = Math.sin(across * x + down * y + phase);
      return [dx * height, dy * height];
    };
  };
  const [one, other] = [wave(), wave()];
  return (x, y) => {
    const [ax, ay] = one(x, y);
    const [bx, by] = other(x, y);
    return [ax + bx, ay + by];
  };
}

/** A stroke's own small shift, turn and size about its middle. */
function ownPlace({ xs, ys }: Polyline, dice: Dice): (x: number, y: number) => [number, number] {
  const [cx, cy] = [middle(xs), middle(ys)];
  const [dx, dy] = [0.025 * dice.normal(), 0.025 * dice.normal()];
  const size = 1 + 0.06 * dice.normal();
  const angle = 0.06 * dice.normal();
  const [cos, sin] = [size * Math.cos(angle), size * Math.sin(angle)];
  return (x, y) => [cx + dx + cos * (x - cx) - sin * (y - cy), cy + dy + sin * (x - cx) + cos * (y - cy)];
}

function middle(values: readonly number[]): number {
  return (Math.min(...values) + Math.max(...values)) / 2;
}

/** The stroke with its first and last point moved along it, inwards or outwards, by at most two thirds of a segment. */
function withEnds({ xs, ys }: Polyline, dice: Dice, most: number): Polyline {
  const line: Polyline = { xs: [...xs], ys: [...ys] };
  const last = xs.length - 1;
  for (const [end, inner] of [
    [0, 1],
    [last, last - 1],
  ]) {
    const [dx, dy] = [xs[end] - xs[inner], ys[end] - ys[inner]];
    const share = Math.max(-2 / 3, dice.between(-most, most) / Math.max(Math.sqrt(dx * dx + dy * dy), 1e-6));
    line.xs[end] += share * dx;
    line.ys[end] += share * dy;
  }
  return line;
}

/** The same line with points at most SPACING apart. */
function dense({ xs, ys }: Polyline): Polyline {
  const line: Polyline = { xs: [xs[0]], ys: [ys[0]] };
  for (let n = 1; n < xs.length; n++) {
    const [dx, dy] = [xs[n] - xs[n - 1], ys[n] - ys[n - 1]];
    const steps = Math.max(1, Math.ceil(Math.sqrt(dx * dx + dy * dy) / SPACING));
    for (let k = 1; k <= steps; k++) {
      line.xs.push(xs[n - 1] + (dx * k) / steps);
      line.ys.push(ys[n - 1] + (dy * k) / steps);
    }
  }
  return line;
}

/** Every inner point becomes the mean of itself and its neighbours, `rounds` times. */
function rounded({ xs, ys }: Polyline, rounds: number): Polyline {
  const mean = (values: number[]) =>
    values.map((value, n) =>
      n === 0 || n === values.length - 1 ? value : (values[n - 1] + 2 * value + values[n + 1]) / 4,
    );
  let line = { xs, ys };
  for (let round = 0; round < rounds; round++) line = { xs: mean(line.xs), ys: mean(line.ys) };
  return line;
}
