/**
 * Made drawings in the forms of Quick, Draw!'s files, for tests and measurements at any size without the real data. A class
 * is a figure of a few parametrised strokes; a drawing is the figure with a hand's variation. A function of (seed, class,
 * index) alone.
 */

import { Dice } from '#src/data/drawn/dice.js';
import { binaryRecord } from '#src/data/pens/binary-drawings.js';
import type { Drawing } from '#src/ink/drawing.js';
import { movesToStrokes } from '#src/ink/render-strokes.js';
import { pointMoves } from '#src/ink/simplify.js';
import { Random } from '#src/random.js';

/** Categories of Quick, Draw!. */
export const CLASSES = 345;
const FIGURE_STREAM = 0x66696775; // 'figu'
const DRAWING_STREAM = 0x6d616465; // 'made'
/** Points of a curve before it is simplified. */
const CURVE_POINTS = 40;

/** A part of a figure: a curve around a centre whose radius and angle change along its way. */
interface Part {
  x: number;
  y: number;
  radius: number;
  /** Turns in all; 0 is a straight line. */
  turns: number;
  start: number;
  /** The radius at the end, as a share of that at the start. */
  narrowing: number;
  /** Corners of a polygon; 0 for a round curve. */
  corners: number;
}

export function className(k: number): string {
  return `figure ${k}`;
}

/** The figure of a class: two to six parts. */
function figureOf(seed: number, k: number): Part[] {
  const dice = new Dice(new Random(seed, FIGURE_STREAM, k));
  return Array.from({ length: dice.whole(2, 6) }, () => ({
    x: dice.between(-1, 1),
    y: dice.between(-1, 1),
    radius: dice.between(0.2, 1),
    turns: dice.pick([0, 0.25, 0.5, 1, 1, 2]),
    start: dice.between(0, 1),
    narrowing: dice.pick([1, 1, 0.4]),
    corners: dice.pick([0, 0, 3, 4, 5]),
  }));
}

/** Drawing `index` of class k, simplified as Quick, Draw!'s are: whole coordinates from 0 to 255. */
export function madeDrawing(seed: number, k: number, index: number): Drawing {
  const dice = new Dice(new Random(seed, DRAWING_STREAM, k, index));
  const [turn, wide, high] = [0.05 * dice.normal(), 1 + 0.15 * dice.normal(), 1 + 0.15 * dice.normal()];
  const strokes = figureOf(seed, k).map((part) => {
    const varied = {
      ...part,
      x: part.x + 0.08 * dice.normal(),
      y: part.y + 0.08 * dice.normal(),
      radius: part.radius * (1 + 0.12 * dice.normal()),
      start: part.start + 0.02 * dice.normal(),
    };
    const points = Array.from({ length: CURVE_POINTS }, (_, n) => {
      const [x, y] = pointOf(varied, n / (CURVE_POINTS - 1));
      const [dx, dy] = [0.012 * dice.normal(), 0.012 * dice.normal()];
      return [wide * (x - turn * y) + dx, high * (y + turn * x) + dy];
    });
    if (dice.chance(0.3)) points.reverse();
    return { xs: points.map(([x]) => 1000 * x), ys: points.map(([, y]) => 1000 * y) };
  });
  return { strokes: movesToStrokes(pointMoves({ strokes })) };
}

/** The point at a share of the way along a part. */
function pointOf({ x, y, radius, turns, start, narrowing, corners }: Part, along: number): [number, number] {
  const reach = radius * (1 + (narrowing - 1) * along);
  if (turns === 0) {
    const angle = 2 * Math.PI * start;
    return [x + reach * (2 * along - 1) * Math.cos(angle), y + reach * (2 * along - 1) * Math.sin(angle)];
  }
  const angle = 2 * Math.PI * (start + turns * along);
  if (corners === 0) return [x + reach * Math.cos(angle), y + reach * Math.sin(angle)];
  // On the line between two corners of a polygon.
  const side = (2 * Math.PI) / corners;
  const within = angle - side * Math.floor(angle / side) - side / 2;
  const flat = (reach * Math.cos(side / 2)) / Math.cos(within);
  return [x + flat * Math.cos(angle), y + flat * Math.sin(angle)];
}

/** A line of a simplified `.ndjson` file, with its line break. */
export function ndjsonLine({ strokes }: Drawing, k: number, index: number): string {
  const drawing = strokes.map(({ xs, ys }) => [Array.from(xs), Array.from(ys)]);
  const about = { word: className(k), countrycode: 'XX', timestamp: '2017-03-01 20:41:36.70725 UTC' };
  return `${JSON.stringify({ ...about, recognized: true, key_id: String(1e12 + index), drawing })}\n`;
}

/** A record of a `.bin` file. */
export function recordOf({ strokes }: Drawing, index: number): Uint8Array {
  return binaryRecord(strokes, { key: 1e12 + index, country: 'XX', seconds: 1_488_400_896 });
}
