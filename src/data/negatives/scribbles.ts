/** Scribbles: lines without a meaning, in a box of about size 1. */
import type { Dice } from '../drawn/dice.js';
import type { Polyline } from '../drawn/outline.js';

type Scribble = (dice: Dice) => Polyline[];

const { cos, sin, PI } = Math;

/** A line through a function of t in [0, 1]. */
function line(points: number, at: (t: number) => [number, number]): Polyline {
  const stroke: Polyline = { xs: [], ys: [] };
  for (let n = 0; n < points; n++) {
    const [x, y] = at(n / (points - 1));
    stroke.xs.push(x);
    stroke.ys.push(y);
  }
  return stroke;
}

/** A smooth line through random points (Catmull and Rom 1974). With six points or more it hardly looks like a digit. */
const curve: Scribble = (dice) => {
  const count = dice.whole(6, 11);
  const points = Array.from({ length: count + 2 }, () => [dice.between(0, 1), dice.between(0, 1)]);
  return [
    line(6 * (count - 1) + 1, (t) => {
      const place = Math.min(count - 2, Math.floor(t * (count - 1)));
      const u = t * (count - 1) - place;
      const [p0, p1, p2, p3] = points.slice(place, place + 4);
      const along = (k: number) =>
        p1[k] +
        0.5 *
          u *
          (p2[k] -
            p0[k] +
            u * (2 * p0[k] - 5 * p1[k] + 4 * p2[k] - p3[k] + u * (3 * (p1[k] - p2[k]) + p3[k] - p0[k])));
      return [along(0), along(1)];
    }),
  ];
};

/** Straight lines that do not hang together. */
const lines: Scribble = (dice) =>
  Array.from({ length: dice.whole(3, 7) }, () => ({
    xs: [dice.between(0, 1), dice.between(0, 1)],
    ys: [dice.between(0, 1), dice.between(0, 1)],
  }));

/** A line to and fro that fills an area. */
const tangle: Scribble = (dice) => {
  const count = dice.whole(10, 22);
  const [width, height] = [dice.between(0.5, 1), dice.between(0.4, 1)];
  const stroke: Polyline = { xs: [], ys: [] };
  for (let n = 0; n < count; n++) {
    stroke.xs.push((n / count) * 0.6 * width + (n % 2) * width * dice.between(0.3, 0.6));
    stroke.ys.push((n / count) * height + dice.between(-0.15, 0.15) + (n % 2) * 0.2);
  }
  return [stroke];
};

/** Parallel lines. */
const hatching: Scribble = (dice) => {
  const count = dice.whole(3, 6);
  const height = dice.between(0.5, 1.2);
  return Array.from({ length: count }, (_, n) => {
    const x = n / (count - 1);
    return { xs: [x + dice.between(-0.05, 0.05), x + dice.between(-0.05, 0.05)], ys: [0, height] };
  });
};

const zigzag: Scribble = (dice) => {
  const count = dice.whole(5, 11);
  const height = dice.between(0.2, 0.8);
  return [
    line(count, (t) => [
      t + dice.between(-0.03, 0.03),
      (Math.round(t * (count - 1)) % 2) * height * dice.between(0.7, 1),
    ]),
  ];
};

const spiral: Scribble = (dice) => {
  const turns = dice.between(1.9, 4);
  const way = dice.chance(0.5) ? 1 : -1;
  const start = dice.between(0, 2 * PI);
  return [
    line(Math.ceil(16 * turns), (t) => {
      const angle = start + way * 2 * PI * turns * t;
      return [0.5 + 0.5 * t * cos(angle), 0.5 + 0.5 * t * sin(angle)];
    }),
  ];
};

/** Loops like a row of e or l. */
const loops: Scribble = (dice) => {
  const turns = dice.whole(3, 6);
  const [wide, high] = [dice.between(0.1, 0.22), dice.between(0.15, 0.4)];
  const way = dice.chance(0.5) ? 1 : -1;
  return [
    line(14 * turns, (t) => {
      const angle = way * 2 * PI * turns * t;
      return [t - wide * sin(angle), 0.5 - high * cos(angle)];
    }),
  ];
};

const wave: Scribble = (dice) => {
  const periods = dice.between(2, 5);
  const height = dice.between(0.08, 0.3);
  const phase = dice.between(0, 2 * PI);
  return [line(Math.ceil(10 * periods), (t) => [t, 0.5 + height * sin(2 * PI * periods * t + phase)])];
};

/** Short thick dots. */
const dots: Scribble = (dice) =>
  Array.from({ length: dice.whole(2, 9) }, () => {
    const [x, y] = [dice.between(0, 1), dice.between(0, 1)];
    return { xs: [x, x + dice.between(0, 0.06)], ys: [y, y + dice.between(0, 0.06)] };
  });

/** Scribbles that are no symbol. */
const FREE = { curve, lines, tangle, hatching };
/** With those that a class of symbols might look like. */
const ALL = { ...FREE, zigzag, spiral, loops, wave, dots };

/** @param any also spirals, waves and the like, which could be symbols of a data set */
export function scribble(dice: Dice, any: boolean): Polyline[] {
  const strokes = dice.pick<Scribble>(Object.values(any ? ALL : FREE))(dice);
  // Two scribbles, one over the other.
  return any && dice.chance(0.12) ? [...strokes, ...dice.pick<Scribble>(Object.values(FREE))(dice)] : strokes;
}
