/**
 * Generates drawings and pictures that are no example of a data set's classes: what a recogniser learns to refuse. A
 * negative is a function of the seed and its index. Runs in Node.js and in the page.
 */
import { DRAWING_SIZE, type Drawing } from '../../ink/drawing.js';
import { Random } from '../../random.js';
import { Dice } from '../drawn/dice.js';
import { drawnByHand, type Hand } from '../drawn/handwriting.js';
import { outlineStrokes, type Polyline } from '../drawn/outline.js';
import { type Made, type Pen, pictureByPen } from '../drawn/pen.js';
import { preparePicture } from '../inputs/prepare-picture.js';
import { GLYPHS } from './glyphs.js';
import { type PieceExamples, piecePicture, pieceStrokes, planPiece } from './pieces.js';
import { scribble } from './scribbles.js';
import { SHAPES } from './shapes.js';
import { blankPicture, clothing, texturePicture } from './surfaces.js';

/** Letters and signs; scribbles; shapes; pieces and mixtures of examples; clothes; textures; blank pictures. */
export const NEGATIVE_KINDS = [
  'letters',
  'scribbles',
  'shapes',
  'pieces',
  'clothes',
  'textures',
  'blanks',
] as const;
export type NegativeKind = (typeof NEGATIVE_KINDS)[number];

/** Increased whenever the same seed and index give another negative: it is part of the cache's keys. */
export const NEGATIVES_VERSION = 2;

/** A drawing or a picture of none of the classes. */
export interface Negative extends Made {
  kind: NegativeKind;
}

export interface NegativeOptions {
  /** A whole number from 0. */
  seed: number;
  /** Whether the classes are the digits 0 to 9, in this order. */
  digits: boolean;
  /** Examples of the classes, for pieces and mixtures; 28 × 28 pixels. */
  examples: PieceExamples;
  /** Whether the recogniser reads strokes: a blank picture has none. */
  strokes: boolean;
}

/** Separates these random numbers from all others of the same seed. */
const NEGATIVE_STREAM = 0x6e6f6e65; // 'none'

/** Shares of the kinds. Letters, shapes and clothes can be the classes of other data sets. */
const FOR_DIGITS = {
  letters: 0.38,
  scribbles: 0.13,
  shapes: 0.1,
  pieces: 0.16,
  clothes: 0.15,
  textures: 0.05,
  blanks: 0.03,
} satisfies Record<NegativeKind, number>;
const FOR_OTHERS = { scribbles: 0.35, pieces: 0.5, textures: 0.12, blanks: 0.03 };

/** Half of the drawings have the pen of the page, the others a thinner or thicker one, as in MNIST. */
const PEN: Pen = { pages: 0.5, spread: 0.3, thinnest: 0.6, thickest: 1.8 };
const LETTER_HAND: Hand = { rounding: 3, rotation: 12, stretch: 0.35, slant: 0.4 };
const SHAPE_HAND: Hand = { rounding: 1, rotation: 12, stretch: 0.25, slant: 0.2 };
const SCRIBBLE_HAND: Hand = { rounding: 2, rotation: 180, stretch: 0.35, slant: 0.3 };

/** Outlines by their texts, as strokes. */
const outlines = new Map<string, Polyline[]>();
const LETTERS = Object.values(GLYPHS);
const FIGURES = Object.values(SHAPES);

export class NegativeGenerator {
  readonly #options: NegativeOptions;
  readonly #shares: Readonly<Partial<Record<NegativeKind, number>>>;

  constructor(options: NegativeOptions) {
    this.#options = options;
    const { blanks, ...drawn } = options.digits ? FOR_DIGITS : FOR_OTHERS;
    this.#shares = options.strokes ? drawn : { ...drawn, blanks };
  }

  /** The kinds that there are for these classes. */
  get kinds(): NegativeKind[] {
    return NEGATIVE_KINDS.filter((kind) => kind in this.#shares);
  }

  /**
   * Negative i.
   * @param kind one of `kinds`; by default each is as likely as its share
   * @param attempt another negative for the same index, where one is of no use
   */
  at(i: number, kind?: NegativeKind, attempt = 0): Negative {
    const dice = new Dice(new Random(this.#options.seed, NEGATIVE_STREAM, i, attempt));
    const chosen = dice.weighted(this.#shares);
    return this.#prepared(this.#make(kind ?? chosen, dice));
  }

  /** As recognition prepares pictures for networks that learnt MNIST's digits. */
  #prepared(negative: Negative): Negative {
    const { digits, strokes } = this.#options;
    if (!digits || strokes) return negative;
    const pixels = preparePicture({ ...DRAWING_SIZE, pixels: negative.pixels });
    return pixels === null ? negative : { ...negative, pixels };
  }

  #make(kind: NegativeKind, dice: Dice): Negative {
    const { digits } = this.#options;
    switch (kind) {
      case 'letters':
        return drawn(kind, outlineOf(dice.pick(dice.pick(LETTERS))), dice, LETTER_HAND);
      case 'shapes':
        return drawn(kind, outlineOf(dice.pick(FIGURES)), dice, SHAPE_HAND);
      case 'scribbles':
        return drawn(kind, scribble(dice, digits), dice, SCRIBBLE_HAND);
      case 'pieces':
        return this.#piece(dice);
      case 'clothes':
        return { kind, drawing: null, pixels: clothing(dice) };
      case 'textures':
        return { kind, drawing: null, pixels: texturePicture(dice) };
      case 'blanks':
        return { kind, drawing: null, pixels: blankPicture(dice) };
    }
  }

  /** A piece or mixture; a scribble if the examples have too little ink. */
  #piece(dice: Dice): Negative {
    const { examples, digits } = this.#options;
    const kind = 'pieces';
    for (let tries = 0; tries < 5; tries++) {
      const plan = planPiece(examples, dice, digits);
      const strokes = pieceStrokes(plan, examples);
      if (strokes === null) {
        const pixels = piecePicture(plan, examples);
        if (pixels !== null) return { kind, drawing: null, pixels };
      } else if (strokes.reduce((sum, { xs }) => sum + xs.length, 0) > LEAST_POINTS) {
        return withPicture(kind, { strokes }, dice);
      }
    }
    return drawn(kind, scribble(dice, digits), dice, SCRIBBLE_HAND);
  }
}

/** A piece with fewer points is a speck. */
const LEAST_POINTS = 4;

function outlineOf(text: string): Polyline[] {
  let strokes = outlines.get(text);
  if (strokes === undefined) {
    strokes = outlineStrokes(text);
    outlines.set(text, strokes);
  }
  return strokes;
}

function drawn(kind: NegativeKind, strokes: readonly Polyline[], dice: Dice, hand: Hand): Negative {
  return withPicture(kind, { strokes: drawnByHand(strokes, dice, hand) }, dice);
}

function withPicture(kind: NegativeKind, drawing: Drawing, dice: Dice): Negative {
  return { kind, drawing, pixels: pictureByPen(drawing, dice, PEN) };
}
