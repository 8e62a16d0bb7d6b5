/** Sorts pieces of ink into lines of text, from top to bottom. */
import type { Piece } from './segmented-ink.js';

/** Pieces that are at least this high, in heights of a symbol, make the lines; others join the nearest. */
const LARGE = 0.7;
/** Share of a piece's height that counts, around its middle: neighbours in a line may be at different heights. */
const CORE = 0.5;
/** Lines whose middles are nearer, in heights of a symbol, are one: symbols below each other need a whole height. */
const LEAST_DISTANCE = 0.8;

interface Line {
  top: number;
  bottom: number;
  /** Indices and middles of the large pieces. */
  members: { index: number; middle: number }[];
}

/**
 * The lines. The middle halves of the pieces in a line overlap in a chain, so a line may rise or fall.
 * @param height typical height of a symbol
 * @returns indices of pieces, line by line; within a line in no order
 */
export function linesOf(pieces: readonly Piece[], height: number): number[][] {
  if (pieces.length === 0) return [];
  const spans = pieces.map(({ box }, index) => {
    const middle = (box.top + box.bottom) / 2;
    const half = (CORE * (box.bottom - box.top)) / 2;
    return {
      index,
      middle,
      top: middle - half,
      bottom: middle + half,
      isLarge: 2 * half >= CORE * LARGE * height,
    };
  });
  const large = spans.filter(({ isLarge }) => isLarge).sort((a, b) => a.top - b.top);
  const lines: Line[] = [];
  for (const { index, middle, top, bottom } of large) {
    const line = lines.at(-1);
    const isSame = line && (top <= line.bottom || middle - middleOf(line) < LEAST_DISTANCE * height);
    if (isSame) {
      line.members.push({ index, middle });
      line.bottom = Math.max(line.bottom, bottom);
    } else lines.push({ top, bottom, members: [{ index, middle }] });
  }
  if (lines.length === 0) return [pieces.map((_, index) => index)];
  const indices = lines.map(({ members }) => members.map(({ index }) => index));
  for (const { index, middle } of spans.filter(({ isLarge }) => !isLarge)) {
    const distances = lines.map(({ top, bottom }) => Math.max(0, top - middle, middle - bottom));
    indices[distances.indexOf(Math.min(...distances))].push(index);
  }
  return indices;
}

function middleOf({ members }: Line): number {
  return members.reduce((sum, { middle }) => sum + middle, 0) / members.length;
}
