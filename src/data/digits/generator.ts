/**
 * Generates digits as people draw them: a form of the digit (forms.ts), written by a made hand, with pens of several
 * widths. A digit is a function of the seed and its index. Runs in Node.js and in the page.
 */
import { DRAWING_SIZE } from '../../ink/drawing.js';
import { Random } from '../../random.js';
import { Dice } from '../drawn/dice.js';
import { drawnByHand, type Hand } from '../drawn/handwriting.js';
import { chosenOutline, outlineStrokes } from '../drawn/outline.js';
import { type Made, type Pen, pictureByPen } from '../drawn/pen.js';
import { preparePicture } from '../inputs/prepare-picture.js';
import { DIGIT_FORMS, type DigitForm } from './forms.js';

/** Increased whenever the same seed and index give another digit: it is part of the cache's keys. */
export const DIGITS_VERSION = 3;

/** A generated digit, with a drawing. */
export interface DrawnDigit extends Made {
  /** The digit. */
  label: number;
  /** The name of its form. */
  form: string;
}

export interface DigitOptions {
  /** A whole number from 0. */
  seed: number;
  /** Whether the pictures become strokes, which keeps thin lines thin. */
  strokes: boolean;
}

/** Separates these random numbers from all others of the same seed. */
const DIGIT_STREAM = 0x64696774; // 'digt'

/** A third of the drawings have the page's pen; people's screens have thinner and thicker ones. */
const PEN: Pen = { pages: 0.3, spread: 0.3, thinnest: 0.55, thickest: 1.7 };
const HAND: Hand = { rounding: 2, rotation: 14, stretch: 0.35, slant: 0.35, bend: 0.9, ends: 0.04 };
/** Turned and slanted too far, a 1 with a long upstroke becomes a 7, and a 7 a 1. */
const LINES: Hand = { ...HAND, rotation: 8, stretch: 0.2, slant: 0.2, bend: 0.6 };
/** Ones are slanted more often than sevens. */
const ONES: Hand = { ...LINES, slant: 0.3 };
/** A rounded corner makes a closed 4 a 9. */
const CORNERS: Hand = { ...HAND, rounding: 1 };
const HANDS = [HAND, ONES, HAND, HAND, CORNERS, HAND, HAND, LINES, HAND, HAND];

export class DigitGenerator {
  readonly #options: DigitOptions;

  constructor(options: DigitOptions) {
    this.#options = options;
  }

  /** The labels of the digits go round: 0 to 9, and again. */
  labelOf(i: number): number {
    return i % DIGIT_FORMS.length;
  }

  /**
   * Digit i.
   * @param form of the digit i mod 10; by default each is as likely as its weight
   * @param attempt another drawing for the same index
   */
  at(i: number, form?: DigitForm, attempt = 0): DrawnDigit {
    const { seed, strokes } = this.#options;
    const dice = new Dice(new Random(seed, DIGIT_STREAM, i, attempt));
    const label = this.labelOf(i);
    const chosen = weighted(DIGIT_FORMS[label], dice);
    const { name, outline } = form ?? chosen;
    const lines = drawnByHand(outlineStrokes(chosenOutline(outline, dice)), dice, HANDS[label]);
    const drawing = { strokes: lines };
    const pixels = pictureByPen(drawing, dice, PEN);
    // As recognition prepares pictures.
    const prepared = preparePicture({ ...DRAWING_SIZE, pixels }, strokes);
    return { label, form: name, drawing, pixels: prepared ?? pixels };
  }
}

function weighted(forms: readonly DigitForm[], dice: Dice): DigitForm {
  const position = dice.weighted(Object.fromEntries(forms.map(({ weight }, n) => [n, weight])));
  return forms[Number(position)];
}
