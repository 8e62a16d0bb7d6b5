/** Moves of a drawing with its strokes sorted: as a network reads them, or as they were given. */
import { STROKE_COLUMNS } from '../../ink/image-to-strokes.js';
import { strokeSlant } from '../deslant.js';
import { StrokeSorter } from './sort-strokes.js';
import { StrokePoints } from './stroke-points.js';
import type { StrokePreprocessing } from './stroke-preprocessing.js';

const PEN_UP = [0, 0, 1, 0] as const;
const MAX_DIFFERENCE = 32_767;

/** Sorts drawings of up to `capacity` moves, one after the other in one buffer. */
export class SortedMoves {
  readonly #preprocessing: StrokePreprocessing;
  readonly #sorter: StrokeSorter;
  readonly #given: StrokePoints;
  /** Without slant, where that is chosen; else the given ones. */
  readonly #upright: StrokePoints;
  readonly #sorted: StrokePoints;
  /** [capacity + 1, 4]; a drawing without an end move gets one, which is left out again. */
  readonly #moves: Float32Array;

  constructor(capacity: number, preprocessing: StrokePreprocessing) {
    this.#preprocessing = preprocessing;
    this.#sorter = new StrokeSorter(capacity, preprocessing.width);
    this.#given = new StrokePoints(capacity);
    this.#upright = preprocessing.deslant ? new StrokePoints(capacity) : this.#given;
    this.#sorted = new StrokePoints(capacity);
    this.#moves = new Float32Array((capacity + 1) * STROKE_COLUMNS);
  }

  /**
   * Moves first … end − 1, which are a drawing, as a network reads them: without slant, where that is chosen, and sorted.
   * Pen-ups that are not between strokes move before the end, so the number of moves stays.
   * @returns [end − first, 4] valid until the next call
   */
  read(moves: Int16Array, first: number, end: number): Float32Array {
    this.#readPoints(moves, first, end);
    this.#sorter.sort(this.#upright, this.#sorted);
    return this.#written(end - first);
  }

  /** As `read`, with the slant that the drawing has. */
  readGiven(moves: Int16Array, first: number, end: number): Float32Array {
    this.#readPoints(moves, first, end);
    this.#sorter.sort(this.#given, this.#sorted, this.#upright);
    return this.#written(end - first);
  }

  #readPoints(moves: Int16Array, first: number, end: number): void {
    const { deslant, order } = this.#preprocessing;
    this.#given.readMoves(moves, first, end, order === 'tour');
    if (!deslant) return;
    this.#upright.readMoves(moves, first, end, order === 'tour');
    this.#upright.deslant(strokeSlant(moves, first, end));
  }

  #written(count: number): Float32Array {
    const target = this.#moves;
    const written = this.#sorted.writeMoves(target, 0, 1);
    const length = count * STROKE_COLUMNS;
    if (written < length) {
      target.copyWithin(length - STROKE_COLUMNS, written - STROKE_COLUMNS, written);
      for (let at = written - STROKE_COLUMNS; at < length - STROKE_COLUMNS; at += STROKE_COLUMNS) {
        target.set(PEN_UP, at);
      }
    }
    return target.subarray(0, length);
  }
}

/** The moves of a drawing, sorted; those that were given where a sorted one does not fit into 16 bits. */
export function sortedMoves(moves: Int16Array, preprocessing: StrokePreprocessing): Int16Array {
  const count = moves.length / STROKE_COLUMNS;
  const sorted = new SortedMoves(count, preprocessing).readGiven(moves, 0, count);
  return sorted.every((value) => Math.abs(value) <= MAX_DIFFERENCE) ? Int16Array.from(sorted) : moves;
}
