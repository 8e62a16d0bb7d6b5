/**
 * The changes of test inputs under which `scanstroke evaluate --robustness` measures a network. A changed sample is an
 * input like a user's: a picture, or a drawing. Recognition then prepares it like any input, so that preparation is part
 * of what is measured.
 *
 * Networks that read images get changed pictures. Networks that read strokes get changed pictures too (thick, noisy),
 * and changed drawings (turned, drawn in reverse); the data set's moves are the reference.
 */
import { Random } from '../../random.js';
import { type Affine, rotation } from '../affine.js';
import type { KindName, Preprocessing } from '../input-kind.js';
import { kindOf } from '../kinds.js';
import * as drawings from './drawing-changes.js';
import { isDigitSized, type RecognizerInput } from './input.js';
import { edgeOf, PAPER } from './pad.js';
import * as pictures from './picture-changes.js';
import type { Sample } from './sample.js';

/** The form in which changed samples are given: as the data set has them, as drawings or as pictures. */
export type InputForm = 'data' | 'drawing' | 'picture';

/** One way of changing a sample. */
export interface Variant {
  name: string;
  /** @param random its numbers depend on the seed, the change and the sample alone */
  change(sample: Sample, random: Random): RecognizerInput;
}

/** A row of the table: a change, and the ways in which it is made, such as both directions of a rotation. */
export interface Change {
  name: string;
  form: InputForm;
  /** One or more. */
  variants: readonly Variant[];
}

/** Separates these random numbers from all others of the same seed. */
const CHANGE_STREAM = 0x6368616e; // 'chan'

/** The random numbers for a sample. @param change name of the variant: changes do not share random numbers */
export function randomOf(seed: number, change: string, sample: number): Random {
  const name = [...change].reduce((hash, character) => Math.imul(hash, 31) + character.charCodeAt(0), 0);
  return new Random(seed, CHANGE_STREAM, name >>> 0, sample);
}

const STILL: Affine = { xx: 1, xy: 0, yx: 0, yy: 1, shiftX: 0, shiftY: 0 };
const SHIFT = 4;

const scaling = (factor: number): Affine => ({ ...STILL, xx: factor, yy: factor });
const shifting = (shiftX: number, shiftY: number): Affine => ({ ...STILL, shiftX, shiftY });
/** @param amount pixels to the right for each pixel upwards */
const slanting = (amount: number): Affine => ({ ...STILL, xy: -amount });

/** Changes of the whole picture or drawing: the name of the row, and its variants. */
const MOVES: readonly [name: string, variants: readonly [name: string, map: Affine][]][] = [
  ...[10, 20].map((degrees): (typeof MOVES)[number] => [
    `rotated ${degrees}°`,
    [
      ['anticlockwise', rotation(-degrees)],
      ['clockwise', rotation(degrees)],
    ],
  ]),
  ...[0.7, 1.3].map((factor): (typeof MOVES)[number] => [
    `scaled to ${factor}`,
    [[`scaled to ${factor}`, scaling(factor)]],
  ]),
  [
    `shifted ${SHIFT} pixels`,
    [
      ['left', shifting(-SHIFT, 0)],
      ['right', shifting(SHIFT, 0)],
      ['up', shifting(0, -SHIFT)],
      ['down', shifting(0, SHIFT)],
    ],
  ],
  [
    'slanted 0.3',
    [
      ['left', slanting(-0.3)],
      ['right', slanting(0.3)],
    ],
  ],
];

function movesOf(
  form: 'drawing' | 'picture',
  move: (sample: Sample, map: Affine) => RecognizerInput,
): Change[] {
  return MOVES.map(([name, variants]) => ({
    name,
    form,
    variants: variants.map(([variant, map]) => ({ name: variant, change: (sample) => move(sample, map) })),
  }));
}

/** A change with a single variant, which has its name. */
function single(name: string, form: InputForm, change: Variant['change']): Change {
  return { name, form, variants: [{ name, change }] };
}

const unchanged = single('unchanged', 'data', (sample) => sample.own());

function ofPicture(
  name: string,
  change: (picture: pictures.Picture, random: Random) => pictures.Picture,
): Change {
  return single(name, 'picture', (sample, random) => ({
    kind: 'picture',
    ...change(sample.picture(), random),
  }));
}

function ofDrawing(name: string, change: typeof drawings.shuffledDrawing): Change {
  return single(name, 'drawing', (sample, random) => ({
    kind: 'drawing',
    ...change(sample.drawing(), random),
  }));
}

/** The paper of a picture: 0 in a grey one; in colours what its edge shows. */
function paperOf(picture: pictures.Picture): { paper: readonly number[]; isLight: boolean } {
  if (picture.channels === 1) return { paper: [0], isLight: false };
  const { paper, mean } = edgeOf(picture);
  return { paper, isLight: mean > PAPER };
}

const moved = (picture: pictures.Picture, map: Affine) =>
  pictures.movedPicture(picture, map, paperOf(picture).paper);
/** A change of the lines, which are dark on light paper. */
const ofLines = (change: (picture: pictures.Picture) => pictures.Picture) => (picture: pictures.Picture) =>
  paperOf(picture).isLight ? pictures.inverted(change(pictures.inverted(picture))) : change(picture);

const INK: readonly Change[] = [
  ofPicture('thick lines', ofLines(pictures.thickened)),
  ofPicture('thin lines', ofLines(pictures.thinned)),
  ...[16, 32].map((deviation) =>
    ofPicture(`noise ${deviation}`, (picture, random) => pictures.withNoise(picture, deviation, random)),
  ),
  ofPicture('salt and pepper 5 %', (picture, random) => pictures.withSaltAndPepper(picture, 0.05, random)),
  ofPicture('inverted', pictures.inverted),
];

const CHANGES: { readonly [K in KindName]: readonly Change[] } = {
  images: [
    unchanged,
    ...movesOf('picture', (sample, map) => ({
      kind: 'picture',
      ...moved(sample.picture(), map),
    })),
    ...INK,
  ],
  strokes: [
    unchanged,
    ofDrawing('as a drawing', (drawing) => drawing),
    ...movesOf('drawing', (sample, map) => ({
      kind: 'drawing',
      ...drawings.movedDrawing(sample.drawing(), map, sample.centre),
    })),
    ofDrawing('reversed', drawings.reversedDrawing),
    ofDrawing('strokes shuffled', drawings.shuffledDrawing),
    ofDrawing('half the points', drawings.sparseDrawing),
    ofDrawing('jitter 0.5 pixels', (drawing, random) => drawings.jitteredDrawing(drawing, 0.5, random)),
    ofPicture('as a picture', (picture) => picture),
    ...INK,
  ],
};

/** The changes for a network, `unchanged` first. Drawings are left out for networks that cannot read them. */
export function changesFor(preprocessing: Preprocessing): readonly Change[] {
  const readsDrawings = isDigitSized(kindOf(preprocessing).pictureSizeOf(preprocessing));
  return CHANGES[preprocessing.kind].filter(({ form }) => form !== 'drawing' || readsDrawings);
}
