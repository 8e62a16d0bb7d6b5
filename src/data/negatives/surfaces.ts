/** Grey pictures without lines: clothes, bags and other filled outlines, and textures. All are 28 × 28, 0 is paper. */
import { DRAWING_SIZE } from '../../ink/drawing.js';
import type { Dice } from '../drawn/dice.js';

const SIDE = DRAWING_SIZE.width;
const PIXELS = SIDE * SIDE;
/** Samples of a pixel in each direction, for soft edges. */
const FINE = 2;

type Point = readonly [x: number, y: number];
type Polygon = readonly Point[];
/** Value from 0 to 1 at a place of the picture, both from 0 to 1. */
type Shade = (x: number, y: number) => number;

/** Both halves of an outline that is symmetric about x = 0.5, given the right half from top to bottom. */
function symmetric(right: Polygon): Polygon {
  return [...right, ...right.map(([x, y]): Point => [1 - x, y]).reverse()];
}

/** A shirt, a pullover or a coat. */
function top(dice: Dice): Polygon[] {
  const [neck, shoulder] = [dice.between(0.05, 0.14), dice.between(0.2, 0.32)];
  const [width, start, hem] = [dice.between(0.18, 0.32), dice.between(0.02, 0.15), dice.between(0.85, 1)];
  const [reach, length, cuff] = [dice.between(0.06, 0.2), dice.between(0.2, 0.8), dice.between(0.07, 0.13)];
  const end = start + 0.05 + length * (hem - start);
  const body = symmetric([
    [0.5 + neck, start],
    [0.5 + shoulder, start + 0.06],
    [0.5 + width * 0.95, start + 0.3],
    [0.5 + width, hem],
  ]);
  if (dice.chance(0.15)) return [body];
  const sleeve: Polygon = [
    [0.5 + shoulder * 0.7, start + 0.03],
    [0.5 + shoulder, start + 0.06],
    [0.5 + shoulder + reach, end],
    [0.5 + shoulder + reach - cuff * 1.3, end + 0.02],
    [0.5 + shoulder * 0.75, start + 0.28],
  ];
  const legs = dice.chance(0.3) ? [] : [sleeve, sleeve.map(([x, y]): Point => [1 - x, y])];
  return [body, ...legs];
}

function trousers(dice: Dice): Polygon[] {
  const [waist, hip] = [dice.between(0.1, 0.2), dice.between(0.14, 0.24)];
  const [start, crotch, hem] = [dice.between(0, 0.08), dice.between(0.25, 0.5), dice.between(0.9, 1)];
  const [outer, inner] = [dice.between(0.13, 0.3), dice.between(0.01, 0.08)];
  return [
    symmetric([
      [0.5 + waist, start],
      [0.5 + hip, crotch - 0.1],
      [0.5 + outer, hem],
      [0.5 + inner, hem],
      [0.5 + 0.005, crotch],
    ]),
  ];
}

function dress(dice: Dice): Polygon[] {
  const [shoulder, waist, hem] = [
    dice.between(0.08, 0.2),
    dice.between(0.08, 0.18),
    dice.between(0.12, 0.35),
  ];
  const middle = dice.between(0.3, 0.5);
  return [
    symmetric([
      [0.5 + shoulder * 0.5, dice.between(0, 0.08)],
      [0.5 + shoulder, 0.06],
      [0.5 + waist, middle],
      [0.5 + hem, dice.between(0.92, 1)],
    ]),
  ];
}

/** A shoe or a boot from the side. */
function shoe(dice: Dice): Polygon[] {
  const sole = dice.between(0.66, 0.85);
  const toe = sole - dice.between(0.06, 0.16);
  const [opening, shaft] = [
    dice.between(0.55, 0.75),
    dice.chance(0.4) ? dice.between(0.05, 0.3) : dice.between(0.35, 0.5),
  ];
  const flip = dice.chance(0.3);
  const upper: Polygon = [
    [0.02, sole],
    [0.03, toe],
    [0.25, toe - 0.06],
    [opening - 0.08, Math.min(toe - 0.1, shaft + 0.2)],
    [opening, shaft],
    [0.95, shaft - dice.between(-0.05, 0.05)],
    [0.97, sole],
    [0.97, sole + (dice.chance(0.3) ? dice.between(0.05, 0.15) : 0.03)],
    [0.8, sole + 0.03],
  ];
  return [upper.map(([x, y]): Point => [flip ? 1 - x : x, y])];
}

function bag(dice: Dice): Polygon[] {
  const [half, start, end] = [dice.between(0.3, 0.48), dice.between(0.3, 0.45), dice.between(0.75, 0.95)];
  const taper = dice.between(-0.06, 0.1);
  const body = symmetric([
    [0.5 + half - Math.max(0, taper), start],
    [0.5 + half + Math.min(0, taper), end],
  ]);
  const [wide, thick, high] = [
    half * dice.between(0.4, 0.8),
    dice.between(0.04, 0.08),
    dice.between(0.05, 0.2),
  ];
  const handle: Polygon[] = [
    [
      [0.5 - wide, start],
      [0.5 - wide * 0.7, high],
      [0.5 + wide * 0.7, high],
      [0.5 + wide, start],
      [0.5 + wide - thick, start],
      [0.5 + wide * 0.7 - thick, high + thick],
      [0.5 - wide * 0.7 + thick, high + thick],
      [0.5 - wide + thick, start],
    ],
  ];
  return dice.chance(0.75) ? [body, ...handle] : [body];
}

/** A filled outline of no kind. */
function blob(dice: Dice): Polygon[] {
  const corners = dice.whole(3, 9);
  const [width, height] = [dice.between(0.25, 0.5), dice.between(0.25, 0.5)];
  const start = dice.between(0, 2 * Math.PI);
  const outline = Array.from({ length: corners }, (_, n): Point => {
    const angle = start + (2 * Math.PI * (n + dice.between(-0.3, 0.3))) / corners;
    const radius = dice.between(0.5, 1);
    return [0.5 + width * radius * Math.cos(angle), 0.5 + height * radius * Math.sin(angle)];
  });
  return [outline];
}

/** Clothes and other filled things, with shades of grey. */
export function clothing(dice: Dice): Uint8Array {
  const polygons = dice.pick([top, top, trousers, dress, shoe, shoe, bag, blob])(dice);
  const shades = polygons.map(() => cloth(dice));
  const pixels = new Uint8Array(PIXELS);
  // The first polygon that covers a pixel hides the others there.
  polygons.forEach((polygon, n) => {
    const shade = shades[n];
    fill(polygon, (x, y, share) => {
      const i = y * SIDE + x;
      if (pixels[i] > 0) return;
      pixels[i] = Math.round(255 * share * shade((x + 0.5) / SIDE, (y + 0.5) / SIDE));
    });
  });
  return pixels;
}

/** Visits the pixels of the picture that a polygon covers, with the share that is covered. */
function fill(polygon: Polygon, visit: (x: number, y: number, share: number) => void): void {
  const covered = new Uint8Array(PIXELS);
  const crossings: number[] = [];
  for (let line = 0; line < SIDE * FINE; line++) {
    const y = (line + 0.5) / (SIDE * FINE);
    crossings.length = 0;
    for (let n = 0, last = polygon.length - 1; n < polygon.length; last = n++) {
      const [x1, y1] = polygon[n];
      const [x2, y2] = polygon[last];
      if (y1 > y !== y2 > y) crossings.push(x1 + ((y - y1) * (x2 - x1)) / (y2 - y1));
    }
    crossings.sort((a, b) => a - b);
    for (let n = 0; n + 1 < crossings.length; n += 2) {
      const first = Math.max(0, Math.round(crossings[n] * SIDE * FINE));
      const end = Math.min(SIDE * FINE, Math.round(crossings[n + 1] * SIDE * FINE));
      for (let x = first; x < end; x++) covered[Math.floor(line / FINE) * SIDE + Math.floor(x / FINE)]++;
    }
  }
  covered.forEach((count, i) => {
    if (count > 0) visit(i % SIDE, Math.floor(i / SIDE), count / FINE ** 2);
  });
}

/** Plain cloth, or with stripes, a pattern or folds. */
function cloth(dice: Dice): Shade {
  const base = dice.between(0.25, 0.95);
  const strength = dice.chance(0.4) ? dice.between(0.1, 0.6) : dice.between(0, 0.1);
  const pattern = texture(dice);
  const fold = dice.between(0, 0.25);
  const [middle, width] = [dice.between(0.3, 0.7), dice.between(0.1, 0.4)];
  return (x, y) => {
    const folds = fold * Math.min(1, Math.abs(x - middle) / width);
    return clamp(base - folds + strength * (pattern(x, y) - 0.5));
  };
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}

/** A pattern with values from 0 to 1: a grating, squares, or clouds of one of several sizes. */
function texture(dice: Dice): Shade {
  switch (dice.pick(['grating', 'squares', 'clouds', 'clouds'] as const)) {
    case 'grating': {
      const [frequency, angle, phase] = [dice.between(8, 70), dice.between(0, Math.PI), dice.between(0, 6)];
      const [across, down] = [frequency * Math.cos(angle), frequency * Math.sin(angle)];
      const sharp = dice.chance(0.5) ? 20 : 0.5;
      return (x, y) => clamp(0.5 + sharp * Math.sin(across * x + down * y + phase));
    }
    case 'squares': {
      const [columns, rows] = [dice.between(2, 12), dice.between(2, 12)];
      return (x, y) => (Math.floor(x * columns) + Math.floor(y * rows)) % 2;
    }
    case 'clouds':
      return clouds(dice, dice.whole(3, 14));
  }
}

/** Random values at the points of a grid, and straight between them. */
function clouds(dice: Dice, cells: number): Shade {
  const values = Array.from({ length: (cells + 2) ** 2 }, () => dice.between(0, 1));
  return (x, y) => {
    const [column, row] = [Math.floor(x * cells), Math.floor(y * cells)];
    const [u, v] = [x * cells - column, y * cells - row];
    const at = row * (cells + 2) + column;
    const above = values[at] + u * (values[at + 1] - values[at]);
    const below = values[at + cells + 2] + u * (values[at + cells + 3] - values[at + cells + 2]);
    return above + v * (below - above);
  };
}

/** A texture over the whole picture, or noise. */
export function texturePicture(dice: Dice): Uint8Array {
  const pixels = new Uint8Array(PIXELS);
  const level = dice.between(0.3, 1);
  if (dice.chance(0.3)) {
    const density = dice.chance(0.5) ? 1 : dice.between(0.05, 0.6);
    return pixels.map(() => (dice.chance(density) ? Math.round(255 * level * dice.between(0, 1)) : 0));
  }
  const shade = texture(dice);
  const floor = dice.chance(0.5) ? 0 : dice.between(0, 0.6);
  return pixels.map((_, i) => {
    const value = shade(((i % SIDE) + 0.5) / SIDE, (Math.floor(i / SIDE) + 0.5) / SIDE);
    return Math.round(255 * level * Math.max(0, (value - floor) / (1 - floor)));
  });
}

/** An empty picture, of one grey, or with a few specks. */
export function blankPicture(dice: Dice): Uint8Array {
  const grey = dice.chance(0.5) ? 0 : dice.whole(0, 255);
  const pixels = new Uint8Array(PIXELS).fill(grey);
  if (dice.chance(0.3)) return pixels;
  const specks = dice.whole(1, 8);
  for (let n = 0; n < specks; n++) pixels[dice.whole(0, PIXELS - 1)] = dice.whole(0, 255);
  return pixels;
}
