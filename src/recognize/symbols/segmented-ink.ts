/** The ink of an input, cut into pieces that may be whole symbols or parts of symbols. */
import type { Box } from '../../data/inputs/ink.js';
import type { RecognizerInput } from '../prepare-input.js';

/**
 * A part of the ink: of a drawing the points `from` to `to` - 1 of stroke `index`, of a picture the columns `from` to
 * `to` - 1 of component `index`. Mostly a whole stroke or component.
 */
export interface InkPart {
  /** Index of the stroke in the drawing, or of the connected component, in the order of their first pixels by rows. */
  index: number;
  /** First point of the stroke, or first column of the picture. */
  from: number;
  /** Past the last point or column. */
  to: number;
}

/** What a person says about a part of the ink. Stays true while strokes are added to the drawing. */
export interface SymbolCorrection {
  /** These strokes or components, and no others, are one symbol. */
  parts: InkPart[];
  /** Name of its class; null: no symbol, so it is left out. Without it the network says which class. */
  answer?: string | null;
}

/** What grouping moves as a whole. */
export interface Piece {
  /** One or more. */
  parts: InkPart[];
  /** Around the piece, in the input's unit. */
  box: Box;
  /** Indices of the pieces that it touches. */
  touching: number[];
  /** The piece is a whole symbol, says a person. */
  correction?: SymbolCorrection;
}

/** The two forms of ink, drawings and pictures. */
export interface SegmentedInk {
  /** What the parts are. */
  of: 'strokes' | 'components';
  /** Drawings: in the order of drawing. Pictures: in any order. */
  pieces: Piece[];
  /** Typical height of a symbol. */
  height: number;
  /** The part with its ends on points or whole columns; null if this ink has no such part. */
  partAt(part: InkPart): InkPart | null;
  /** The box of parts. */
  boxOf(parts: readonly InkPart[]): Box;
  /** Only these parts, as an input. */
  inputOf(parts: readonly InkPart[]): RecognizerInput;
  /** Ways to cut a part in two, likeliest first, for a symbol that must be split. */
  cutsOf(part: InkPart): [InkPart, InkPart][];
}

/** A box that is wider, in heights of its own, is a line: a dash, or what a number is underlined with. */
const FLAT = 4;

/** More pieces are no number and no word. Bounds the work. */
export const MAX_PIECES = 200;

/** The box around boxes. */
export function boxAround(boxes: readonly Box[]): Box {
  return {
    left: Math.min(...boxes.map((each) => each.left)),
    top: Math.min(...boxes.map((each) => each.top)),
    right: Math.max(...boxes.map((each) => each.right)),
    bottom: Math.max(...boxes.map((each) => each.bottom)),
  };
}

/**
 * The typical height of a symbol: the median height of the boxes that are at least 0.4 times as high as the highest but
 * whole tenths, so that dots and a few large shapes do not count. Flat lines count only where there is nothing else. A
 * figure's width counts as two thirds of a height.
 * @returns above 0, except without boxes
 */
export function typicalHeight(boxes: readonly Box[]): number {
  const figures = boxes.filter(
    ({ left, top, right, bottom }) => bottom > top && right - left <= FLAT * (bottom - top),
  );
  const heights = (figures.length > 0 ? figures : boxes)
    .map(({ left, top, right, bottom }) => Math.max(bottom - top, (right - left) / 1.5))
    .sort((a, b) => a - b);
  if (heights.length === 0) return 0;
  const high = heights[heights.length - 1 - Math.floor(heights.length / 10)];
  const large = heights.filter((each) => each >= 0.4 * high);
  // Points alone have no height; gaps and sizes are divided by it.
  return large[Math.floor((large.length - 1) / 2)] || Number.EPSILON;
}

/** Parts that follow each other become one. */
export function joinedParts(parts: readonly InkPart[]): InkPart[] {
  const result: InkPart[] = [];
  for (const part of [...parts].sort((a, b) => a.index - b.index || a.from - b.from)) {
    const last = result.at(-1);
    if (last?.index === part.index && last.to === part.from) last.to = part.to;
    else result.push({ ...part });
  }
  return result;
}

/** Distance between two boxes; 0 if they touch. */
export function distanceBetween(a: Box, b: Box): number {
  const across = Math.max(0, a.left - b.right, b.left - a.right);
  const down = Math.max(0, a.top - b.bottom, b.top - a.bottom);
  return Math.hypot(across, down);
}
