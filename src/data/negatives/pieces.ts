/**
 * Pieces and mixtures of a data set's examples: halves, two at once, quarters in another order, and digits in a mirror
 * or turned, as far as no other digit comes out. A plan says which examples go where; pictures and drawings follow it.
 */
import { DRAWING_SIZE } from '../../ink/drawing.js';
import { movesToStrokes } from '../../ink/render-strokes.js';
import type { Dice } from '../drawn/dice.js';
import type { Polyline } from '../drawn/outline.js';
import type { ExampleInput } from '../inputs/input.js';
import { preparePicture } from '../inputs/prepare-picture.js';

/** Examples to make pieces of. */
export interface PieceExamples {
  count: number;
  labelOf(i: number): number;
  at(i: number): ExampleInput;
}

/** Part of an example in its new place, in shares of the picture's side. */
interface Part {
  example: number;
  /** What is kept: left, top, right, bottom. */
  clip: readonly [number, number, number, number];
  /** (x, y) goes to (a x + b y + e, c x + d y + f). */
  map: readonly [number, number, number, number, number, number];
}

/** Side of an example's picture in pixels. */
const SIDE = DRAWING_SIZE.width;

type Clip = Part['clip'];
type Map2 = Part['map'];

const WHOLE: Clip = [0, 0, 1, 1];
const LEFT: Clip = [0, 0, 0.5, 1];
const RIGHT: Clip = [0.5, 0, 1, 1];
const TOP: Clip = [0, 0, 1, 0.5];
const BOTTOM: Clip = [0, 0.5, 1, 1];
const SAME: Map2 = [1, 0, 0, 1, 0, 0];
const MIRRORED: Map2 = [-1, 0, 0, 1, 1, 0];
const TURNED: Map2 = [-1, 0, 0, -1, 1, 1];
const CLOCKWISE: Map2 = [0, -1, 1, 0, 1, 0];
const COUNTERCLOCKWISE: Map2 = [0, 1, -1, 0, 0, 1];

/** What may be done to each digit so that no digit comes out: halves that are kept, and maps of the whole. */
const OF_DIGITS: readonly { halves: readonly Clip[]; maps: readonly Map2[] }[] = [
  { halves: [LEFT, RIGHT, TOP, BOTTOM], maps: [] },
  { halves: [], maps: [CLOCKWISE, COUNTERCLOCKWISE] },
  { halves: [LEFT], maps: [CLOCKWISE, COUNTERCLOCKWISE] },
  { halves: [LEFT], maps: [MIRRORED, TURNED, CLOCKWISE, COUNTERCLOCKWISE] },
  { halves: [TOP], maps: [TURNED] },
  { halves: [LEFT], maps: [CLOCKWISE, COUNTERCLOCKWISE] },
  { halves: [RIGHT], maps: [MIRRORED, CLOCKWISE] },
  { halves: [], maps: [MIRRORED, TURNED] },
  { halves: [LEFT], maps: [CLOCKWISE, COUNTERCLOCKWISE] },
  { halves: [], maps: [MIRRORED, COUNTERCLOCKWISE] },
];

const QUARTERS: readonly Clip[] = [
  [0, 0, 0.5, 0.5],
  [0.5, 0, 1, 0.5],
  [0, 0.5, 0.5, 1],
  [0.5, 0.5, 1, 1],
];
/** Orders of four quarters in which none stays in its place. */
const ORDERS = [
  [3, 2, 1, 0],
  [1, 3, 0, 2],
  [2, 0, 3, 1],
  [1, 2, 3, 0],
  [3, 0, 1, 2],
] as const;

/** A piece or a mixture of the examples. @param digits whether the labels are the digits 0 to 9 */
export function planPiece(examples: PieceExamples, dice: Dice, digits: boolean): Part[] {
  const example = dice.whole(0, examples.count - 1);
  const label = examples.labelOf(example);
  const kind = dice.weighted({ own: digits ? 4 : 0, beside: 3, over: 2, quarters: 3, broken: 1 });
  const allowed = OF_DIGITS[label];
  const choices: Omit<Part, 'example'>[] =
    kind === 'own'
      ? [
          ...allowed.halves.map((clip) => ({ clip, map: SAME })),
          ...allowed.maps.map((map) => ({ clip: WHOLE, map })),
        ]
      : [];
  if (choices.length > 0) return [{ example, ...dice.pick(choices) }];
  // Ones and sevens are lines: one over another digit, or in quarters, often looks like a digit.
  const isLine = digits && (label === 1 || label === 7);
  if (kind === 'quarters' && !isLine) {
    const order = dice.pick(ORDERS);
    return QUARTERS.map((clip, n) => ({ example, clip, map: shift(clip, QUARTERS[order[n]]) }));
  }
  const other = otherExample(examples, dice, label);
  const otherIsLine = digits && (examples.labelOf(other) === 1 || examples.labelOf(other) === 7);
  if (kind === 'over' && !isLine && !otherIsLine) {
    const [x, y] = [dice.between(-0.2, 0.2), dice.between(-0.2, 0.2)];
    return [
      { example, clip: WHOLE, map: SAME },
      { example: other, clip: WHOLE, map: [1, 0, 0, 1, x, y] },
    ];
  }
  if (kind === 'broken' && !isLine) {
    const x = (dice.chance(0.5) ? 1 : -1) * dice.between(0.3, 0.45);
    return [
      { example, clip: TOP, map: SAME },
      { example: other, clip: BOTTOM, map: [1, 0, 0, 1, x, dice.between(-0.05, 0.1)] },
    ];
  }
  // Beside or below one another.
  const gap = dice.between(0.5, 0.9);
  const map: Map2 = dice.chance(0.8)
    ? [1, 0, 0, 1, gap, dice.between(-0.15, 0.15)]
    : [1, 0, 0, 1, dice.between(-0.15, 0.15), gap + 0.1];
  return [
    { example, clip: WHOLE, map: SAME },
    { example: other, clip: WHOLE, map },
  ];
}

function shift([left, top]: Clip, [toLeft, toTop]: Clip): Map2 {
  return [1, 0, 0, 1, toLeft - left, toTop - top];
}

/** An example of another class, if one is found soon. */
function otherExample(examples: PieceExamples, dice: Dice, label: number): number {
  let example = 0;
  for (let tries = 0; tries < 8; tries++) {
    example = dice.whole(0, examples.count - 1);
    if (examples.labelOf(example) !== label) break;
  }
  return example;
}

/** The strokes of a plan; null where the examples are pictures. */
export function pieceStrokes(plan: readonly Part[], examples: PieceExamples): Polyline[] | null {
  const strokes: Polyline[] = [];
  for (const { example, clip, map } of plan) {
    const input = examples.at(example);
    if (input.kind === 'picture') return null;
    for (const { xs, ys } of movesToStrokes(input.moves)) {
      let open: Polyline | null = null;
      for (let n = 0; n < xs.length; n++) {
        const [x, y] = [xs[n] / SIDE, ys[n] / SIDE];
        if (x < clip[0] || y < clip[1] || x > clip[2] || y > clip[3]) {
          open = null;
          continue;
        }
        if (open === null) {
          open = { xs: [], ys: [] };
          strokes.push(open);
        }
        open.xs.push(map[0] * x + map[1] * y + map[4]);
        open.ys.push(map[2] * x + map[3] * y + map[5]);
      }
    }
  }
  return strokes;
}

/** Side of the sheet on which parts of pictures are put together: twice the side of a picture, and a margin. */
const SHEET = 64;

/** The picture of a plan, fitted into 28 × 28 as recognition fits pictures; null if it has no ink. */
export function piecePicture(plan: readonly Part[], examples: PieceExamples): Uint8Array | null {
  const sheet = new Uint8Array(SHEET * SHEET);
  for (const { example, clip, map } of plan) {
    const input = examples.at(example);
    if (input.kind !== 'picture') throw new Error('pieces: pictures and drawings in one data set');
    paste(sheet, input, clip, map);
  }
  return preparePicture({ width: SHEET, height: SHEET, pixels: sheet });
}

/** Pastes the clipped pixels; the darker pixel stays. The maps turn by quarters, so pixels fall on pixels. */
function paste(
  sheet: Uint8Array,
  { width, height, pixels }: { width: number; height: number; pixels: Uint8Array },
  [left, top, right, bottom]: Clip,
  map: Map2,
): void {
  const margin = 12;
  for (let y = Math.ceil(top * height); y < bottom * height; y++) {
    for (let x = Math.ceil(left * width); x < right * width; x++) {
      const value = pixels[y * width + x];
      if (value === 0) continue;
      const [u, v] = [(x + 0.5) / width, (y + 0.5) / height];
      const column = Math.floor((map[0] * u + map[1] * v + map[4]) * width + margin);
      const row = Math.floor((map[2] * u + map[3] * v + map[5]) * height + margin);
      const at = row * SHEET + column;
      if (row >= 0 && row < SHEET && column >= 0 && column < SHEET && sheet[at] < value) sheet[at] = value;
    }
  }
}
