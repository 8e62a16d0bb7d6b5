/**
 * Projects to begin with. Their drawings are made: outlines drawn by a made hand (data/drawn), each a function of the
 * seed. People replace them by their own drawings, or add to them.
 */
import { DIGIT_FORMS } from '../data/digits/forms.js';
import { Dice } from '../data/drawn/dice.js';
import { drawnByHand, type Hand } from '../data/drawn/handwriting.js';
import { chosenOutline, outlineStrokes } from '../data/drawn/outline.js';
import { classColour } from '../data/pens/class-colours.js';
import type { TeachDrawing, TeachProject } from '../data/pens/project.js';
import { requireSeed } from '../formats/argument.js';
import { shown } from '../formats/shape.js';
import { Random } from '../random.js';
import { UserError } from '../user-error.js';

/** What there is to begin with. */
export const STARTERS = [
  { name: 'digits', about: 'the digits 0 to 9' },
  { name: 'arrows', about: 'arrows to the left, to the right, up and down' },
  { name: 'shapes', about: 'circle, square, triangle, star, heart, check mark and cross' },
] as const;
/** Name of a starter. */
export type StarterName = (typeof STARTERS)[number]['name'];

/** Separates these random numbers from all others of the same seed. */
const STARTER_STREAM = 0x73746172; // 'star'
/** Sizes of a drawing: as if on a field of 256 × 256. */
const UNIT = 160;
const MIDDLE = 128;
const MOST_PER_CLASS = 1000;

const HAND: Hand = { rounding: 2, rotation: 10, stretch: 0.25, slant: 0.25, bend: 0.8, ends: 0.04 };
/** Rounded too far, a square becomes a circle. */
const CORNERS: Hand = { ...HAND, rounding: 1, rotation: 8, slant: 0.15 };
/** Turned and slanted too far, a 1 becomes a 7. */
const UPRIGHT: Hand = { ...HAND, rotation: 8, stretch: 0.2, slant: 0.2, bend: 0.6 };

/** A class: its name, its outlines (data/drawn/outline.ts) and the hand that draws them. */
interface Figure {
  name: string;
  outlines: readonly { outline: string; weight: number }[];
  hand: Hand;
}

const figure = (name: string, hand: Hand, ...outlines: string[]): Figure => ({
  name,
  hand,
  outlines: outlines.map((outline) => ({ outline, weight: 1 })),
});

const SHAPES: readonly Figure[] = [
  figure(
    'circle',
    HAND,
    'E.5 .5 .48~.52 .48~.52 -100~-80 255~290',
    'E.5 .5 .48~.52 .48~.52 280~260 -90~-70',
    'E.5 .5 .46~.5 .48~.52 -60~-30 300~330',
  ),
  figure(
    'square',
    CORNERS,
    'M0 0 L1 0~.04 L1 1 L0~.04 1 L0 .0~.06',
    'M0 0 L0 1 L1 .96~1 L.96~1 0 L.0~.06 0',
    'M0 0 L1 0 M1 0 L1 1 M1 1 L0 1 M0 1 L0 0',
  ),
  figure(
    'triangle',
    CORNERS,
    'M.46~.54 0 L1 1 L0 .96~1 L.48~.52 .0~.06',
    'M0 1 L.46~.54 0 L1 1 L.0~.08 1',
    'M.5 0 L0 1 L1 1 L.5 .0~.05',
  ),
  figure(
    'star',
    CORNERS,
    'M.2 1 L.48~.52 0 L.8 1 L0 .36~.4 L1 .36~.4 L.2 1',
    'M.5 0 L.62 .36 L1 .36 L.7 .6 L.81 1 L.5 .76 L.19 1 L.3 .6 L0 .36 L.38 .36 L.5 .0~.04',
  ),
  figure(
    'heart',
    HAND,
    'M.5 .24~.3 C.4 .05 .2 0 .04 .16 .06 .5 .3 .8 .5 1 .7 .8 .94 .5 .96 .16 .8 0 .6 .05 .5 .24~.3',
    'M.5 1 C.3 .8 .06 .5 .04 .2 .22 .02 .42 .08 .5 .28 .58 .08 .78 .02 .96 .2 .94 .5 .7 .8 .5 .97~1',
    'M.5 .26 C.38 .02 .1 .0 .03 .3 .2 .7 .5 1 M.5 .26 C.62 .02 .9 .0 .97 .3 .8 .7 .5 1',
  ),
  figure('check mark', CORNERS, 'M0 .5~.6 L.3~.4 1 L1 0', 'M0 .6~.7 L.26~.34 .9~1 L.9~1 .1~.2'),
  figure('cross', CORNERS, 'M0 0 L1 1 M1 0 L0 1', 'M1 0 L0 1 M0 0 L1 1', 'M0 0 L1 1 M0 1 L1 0'),
];

/** An arrow to the right; the other directions are turned (x and y change places, or are mirrored). */
const ARROWS = [
  'M0 .5 L1 .5 M.64~.72 .16~.24 L1 .5 L.64~.72 .76~.84',
  'M0 .5 L1 .5 L.66~.74 .2~.26 M1 .5 L.66~.74 .74~.8',
  'M.62~.7 .14~.22 L1 .5 L.62~.7 .78~.86 M1 .5 L0 .5',
];
type Turn = (x: number, y: number) => [number, number];
const DIRECTIONS: readonly { name: string; turn: Turn }[] = [
  { name: 'arrow left', turn: (x, y) => [1 - x, y] },
  { name: 'arrow right', turn: (x, y) => [x, y] },
  { name: 'arrow up', turn: (x, y) => [y, 1 - x] },
  { name: 'arrow down', turn: (x, y) => [y, x] },
];

interface Maker {
  name: string;
  draw(dice: Dice): number[][][];
}

const MAKERS: { readonly [S in StarterName]: readonly Maker[] } = {
  digits: DIGIT_FORMS.map((outlines, digit) =>
    makerOf({ name: String(digit), outlines, hand: digit === 1 || digit === 7 ? UPRIGHT : HAND }),
  ),
  arrows: DIRECTIONS.map(({ name, turn }) => makerOf(figure(name, CORNERS, ...ARROWS), turn)),
  shapes: SHAPES.map((shape) => makerOf(shape)),
};

/**
 * A project with made drawings.
 *
 * @param options `seed`, default 0, and the number of drawings of each class, 1 to 1000, default 8
 * @throws UserError for another name or number
 *
 * @example
 * import { starterProject } from 'scanstroke';
 *
 * const { classes, drawings } = starterProject('arrows', { perClass: 5 });
 * console.log(classes.map(({ name }) => name), drawings.length); // [ 'arrow left', … ] 20
 */
export function starterProject(
  name: StarterName,
  { seed = 0, perClass = 8 }: { seed?: number; perClass?: number } = {},
): TeachProject {
  if (!Object.hasOwn(MAKERS, name)) {
    const names = STARTERS.map((starter) => starter.name).join(', ');
    throw new UserError(`starter project: expected one of ${names}, found ${JSON.stringify(name)}`);
  }
  requireSeed('starter project: seed', seed);
  if (!Number.isInteger(perClass) || perClass < 1 || perClass > MOST_PER_CLASS) {
    throw new UserError(
      `starter project: perClass must be a whole number from 1 to ${MOST_PER_CLASS}, found ${shown(perClass)}`,
    );
  }
  const drawings: TeachDrawing[] = [];
  const classes = MAKERS[name].map((maker, k) => {
    const id = `${name}-${k}`;
    for (let n = 0; n < perClass; n++) {
      const dice = new Dice(
        new Random(
          seed,
          STARTER_STREAM,
          STARTERS.findIndex((s) => s.name === name),
          k,
          n,
        ),
      );
      drawings.push({ id: `${id}-${n}`, class: id, drawing: maker.draw(dice) });
    }
    return { id, name: maker.name, colour: classColour(k) };
  });
  return { name, classes, drawings, network: null };
}

function makerOf({ name, outlines, hand }: Figure, turn: Turn = (x, y) => [x, y]): Maker {
  const weights = Object.fromEntries(outlines.map(({ weight }, n) => [n, weight]));
  return {
    name,
    draw(dice) {
      const { outline } = outlines[Number(dice.weighted(weights))];
      const strokes = outlineStrokes(chosenOutline(outline, dice)).map(({ xs, ys }) => {
        const points = xs.map((x, n) => turn(x, ys[n]));
        return { xs: points.map(([x]) => x), ys: points.map(([, y]) => y) };
      });
      const place = (value: number) => Math.round(MIDDLE + UNIT * value);
      return drawnByHand(strokes, dice, hand).map(({ xs, ys }) => [xs.map(place), ys.map(place)]);
    },
  };
}
