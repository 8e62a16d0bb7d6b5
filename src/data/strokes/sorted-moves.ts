/** Moves of a drawing as a network reads them where strokes are sorted: without slant first, where that is chosen. */
import { STROKE_COLUMNS } from '../../ink/image-to-strokes.js';
import { strokeSlant } from '../deslant.js';
import { StrokeSorter } from './sort-strokes.js';
import { StrokePoints } from './stroke-points.js';
import type { StrokePreprocessing } from './stroke-preprocessing.js';

const PEN_UP = [0, 0, 1, 0] as const;

/** Sorts drawings of up to `capacity` moves, one after the other in one buffer. */
export class SortedMoves {
  readonly #preprocessing: StrokePreprocessing;
  readonly #sorter: StrokeSorter;
  readonly #given: StrokePoints;
  readonly #sorted: StrokePoints;
  /** [capacity + 1, 4]; a drawing without an end move gets one, which is left out again. */
  readonly #moves: Float32Array;

  constructor(capacity: number, preprocessing: StrokePreprocessing) {
    this.#preprocessing = preprocessing;
    this.#sorter = new StrokeSorter(capacity);
    this.#given = new StrokePoints(capacity);
    this.#sorted = new StrokePoints(capacity);
    this.#moves = new Float32Array((capacity + 1) * STROKE_COLUMNS);
  }

  /**
   * Sorts moves first … end − 1, a drawing. A pen that is lifted more often than between strokes is lifted so often
   * before the end: the number of moves stays.
   * @returns [end − first, 4] valid until the next call
   */
  read(moves: Int16Array, first: number, end: number): Float32Array {
    const { deslant, order } = this.#preprocessing;
    const target = this.#moves;
    this.#given.readMoves(moves, first, end, order === 'tour');
    if (deslant) this.#given.deslant(strokeSlant(moves, first, end));
    this.#sorter.sort(this.#given, this.#sorted);
    const written = this.#sorted.writeMoves(target, 0, 1);
    const length = (end - first) * STROKE_COLUMNS;
    if (written < length) {
      target.copyWithin(length - STROKE_COLUMNS, written - STROKE_COLUMNS, written);
      for (let at = written - STROKE_COLUMNS; at < length - STROKE_COLUMNS; at += STROKE_COLUMNS) {
        target.set(PEN_UP, at);
      }
    }
    return target.subarray(0, length);
  }
}
