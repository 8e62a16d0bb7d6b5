/** Whole data sets with every drawing drawn in another way: to measure how much a model depends on the order, or sorted. */
import { STROKE_COLUMNS } from '../../ink/image-to-strokes.js';
import { UserError } from '../../user-error.js';
import { StrokeSorter } from './sort-strokes.js';
import { emptyStrokes, type StrokeExamples, type StrokesInMemory } from './stroke-examples.js';
import { type Redrawing, redraw, StrokePoints } from './stroke-points.js';

const MAX_DIFFERENCE = 32767;

/**
 * Every drawing reversed (the last stroke first, each from its end), or reordered (each from its beginning). Drawings in
 * a file are changed when they are read.
 * @throws UserError naming a drawing with a move that does not fit 16 bits
 */
export function redrawnStrokes(examples: StrokesInMemory, how: Redrawing): StrokesInMemory;
export function redrawnStrokes(examples: StrokeExamples, how: Redrawing): StrokeExamples;
export function redrawnStrokes(examples: StrokeExamples, how: Redrawing): StrokeExamples {
  const { moves } = examples;
  if (!(moves instanceof Int16Array)) return { ...examples, moves: { ...moves, redrawn: how } };
  const starts = new Int32Array(longestOf(examples));
  return eachRedrawn({ ...examples, moves }, how, (before, after) => redraw(before, after, starts, how));
}

/**
 * Every drawing with its strokes sorted (sort-strokes.ts).
 * @param width of the pictures that contain the drawings
 * @throws UserError naming a drawing with a move that does not fit 16 bits
 */
export function sortedStrokes(examples: StrokesInMemory, width: number): StrokesInMemory {
  const sorter = new StrokeSorter(longestOf(examples), width);
  return eachRedrawn(examples, 'sorted', (before, after) => sorter.sort(before, after));
}

/** @param change writes the strokes of the first drawing to the second, as many points and strokes */
function eachRedrawn(
  examples: StrokeExamples & { moves: Int16Array },
  how: string,
  change: (before: StrokePoints, after: StrokePoints) => void,
): StrokesInMemory {
  const { count, moves, offsets, labels } = examples;
  const longest = longestOf(examples);
  const before = new StrokePoints(longest);
  const after = new StrokePoints(longest);
  // A drawing without an end move gets one.
  const written = new Float32Array((moves.length / STROKE_COLUMNS + count) * STROKE_COLUMNS);
  const ends = new Int32Array(count);
  let at = 0;
  for (let i = 0; i < count; i++) {
    before.readMoves(moves, offsets[i], offsets[i + 1], false);
    change(before, after);
    const from = at;
    at = after.writeMoves(written, at, 1);
    ends[i] = at / STROKE_COLUMNS;
    for (let k = from; k < at; k++) {
      if (Math.abs(written[k]) > MAX_DIFFERENCE) {
        throw new UserError(
          `strokes ${how}: drawing ${i} has a move of ${written[k]}; at most ${MAX_DIFFERENCE} is accepted`,
        );
      }
    }
  }
  const result = emptyStrokes(count, at / STROKE_COLUMNS, `strokes ${how}`);
  result.moves.set(written.subarray(0, at));
  result.offsets.set(ends, 1);
  result.labels.set(labels);
  return result;
}

/** Moves of the longest drawing. */
function longestOf({ count, offsets }: Pick<StrokeExamples, 'count' | 'offsets'>): number {
  let longest = 0;
  for (let i = 0; i < count; i++) longest = Math.max(longest, offsets[i + 1] - offsets[i]);
  return longest;
}
