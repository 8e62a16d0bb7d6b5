/**
 * Augmentation of pen strokes, in this order: another order or direction of strokes, unless strokes are sorted; rotation,
 * scale, shear and shift about the picture's centre; noise; removal of points; resampling along the lines; sorting. This
 * runs for every batch, so buffers are reused and random words are drawn many at a time.
 */

import { STROKE_COLUMNS } from '../../ink/image-to-strokes.js';
import { AFFINE_WORDS, type Affine, drawAffine, factorOf, isMoving } from '../affine.js';
import { type Augmentation, isAugmenting } from '../augmentation.js';
import { readDeslanted, strokeSlant } from '../deslant.js';
import { SampleWords, STREAM, uniformOf } from '../sample-words.js';
import type { AugmentedSource, SequenceSource } from '../sequences/sequence.js';
import { StrokeSorter } from './sort-strokes.js';
import { SortedMoves } from './sorted-moves.js';
import type { MovesReader } from './stored/stored-moves.js';
import { ContextMaps } from './stroke-context.js';
import { movesOf, openMoves } from './stroke-examples.js';
import { ARRIVAL, StrokePoints } from './stroke-points.js';
import { writePositions } from './stroke-positions.js';
import { type StrokePreprocessing, strokeInputSize } from './stroke-preprocessing.js';
import { StrokeSequences, type StrokeSequencesData } from './stroke-sequences.js';

/** The data of AugmentedStrokes; can be posted to a worker thread. */
export interface AugmentedStrokesData {
  data: StrokeSequencesData;
  augmentation: Augmentation;
  /** The run's seed. */
  seed: number;
}

/** Standard deviation of the sum of four bytes. */
const BYTES_DEVIATION = Math.sqrt((4 * (256 ** 2 - 1)) / 12);
const BYTES_MEAN = (4 * 255) / 2;

/** StrokeSequences with variation; identical to it if all amounts are 0. */
export class AugmentedStrokes implements AugmentedSource {
  readonly maxSteps: number;
  readonly #data: StrokeSequencesData;
  readonly #augmentation: Augmentation;
  readonly #words: SampleWords;
  /** [2 · points] or more, and even. */
  readonly #buffer: Int32Array;
  /** Double buffer: operations that add or remove points read one drawing and write the other. */
  #points: StrokePoints;
  #spare: StrokePoints;
  readonly #map: Affine = { xx: 1, xy: 0, yx: 0, yy: 1, shiftX: 0, shiftY: 0 };
  /** [strokes] */
  readonly #starts: Int32Array;
  readonly #order: Int32Array;
  /** [points] length of the line to the next point */
  readonly #distances: Float64Array;
  readonly #drawn: DrawnStrokes;
  readonly #moves: MovesReader;
  /** Null where strokes keep their order. */
  readonly #sorter: StrokeSorter | null;
  readonly #sorted: SortedMoves | null;

  /** @throws UserError if the examples are none, or one of them has no moves */
  constructor({ data, augmentation, seed }: AugmentedStrokesData) {
    const { maxSteps: longest } = new StrokeSequences(data);
    this.#data = data;
    this.#moves = openMoves(data.examples);
    this.#augmentation = augmentation;
    this.#words = new SampleWords(seed);
    this.maxSteps = 0;
    for (let i = 0; i < data.examples.count; i++) this.maxSteps = Math.max(this.maxSteps, this.mostSteps(i));
    this.#drawn = new DrawnStrokes(data.preprocessing, this.maxSteps);
    this.#buffer = new Int32Array(2 * longest + 2 * AFFINE_WORDS);
    const { preprocessing } = data;
    this.#sorter = preprocessing.sorted ? new StrokeSorter(this.maxSteps, preprocessing.width) : null;
    this.#sorted = preprocessing.sorted ? new SortedMoves(longest, preprocessing) : null;
    this.#points = new StrokePoints(this.maxSteps);
    this.#spare = new StrokePoints(this.maxSteps);
    this.#starts = new Int32Array(longest + 1);
    this.#order = new Int32Array(longest);
    this.#distances = new Float64Array(longest);
  }

  /** Upper bound of the steps of sample i: (1 + resample) times its points, pen-ups and end. */
  mostSteps(i: number): number {
    const { count, moves, offsets } = this.#data.examples;
    if (!(i >= 0 && i < count)) throw new Error(`augmentation: sample ${i} of ${count}`);
    // A drawing whose last move is a point gets an end move.
    const endsInPoint =
      moves instanceof Int16Array && moves[offsets[i + 1] * STROKE_COLUMNS - 2] === 0 ? 1 : 0;
    return Math.floor((offsets[i + 1] - offsets[i] + endsInPoint) * (1 + this.#augmentation.resample));
  }

  draw(indices: Int32Array, epoch: number): SequenceSource {
    const { examples, preprocessing } = this.#data;
    const { offsets, labels } = examples;
    const scale = Math.fround(preprocessing.scale);
    const unchanged = !isAugmenting(this.#augmentation);
    let most = 0;
    for (let n = 0; n < indices.length; n++) most += this.mostSteps(indices[n]);
    const drawn = this.#drawn;
    drawn.begin(indices.length, most);
    for (let n = 0; n < indices.length; n++) {
      const i = indices[n];
      if (unchanged) {
        const first = this.#moves.seek(i);
        const end = first + offsets[i + 1] - offsets[i];
        const { moves } = this.#moves;
        if (this.#sorted) drawn.addSorted(this.#sorted.read(moves, first, end), scale, labels[i]);
        else drawn.addMoves(moves, first, end, scale, labels[i], preprocessing.deslant === true);
      } else {
        this.#vary(i, epoch);
        drawn.add(this.#points, scale, labels[i]);
      }
    }
    return drawn;
  }

  /**
   * A sample as it is varied in an epoch, for display.
   * @returns [N, 4] moves `dx dy eos eod` in pixels, not multiplied by the preprocessing's scale
   */
  movesOf(index: number, epoch: number): Float32Array {
    const moves = new Float32Array(this.mostSteps(index) * STROKE_COLUMNS);
    if (!isAugmenting(this.#augmentation)) {
      const { examples, preprocessing } = this.#data;
      const given = movesOf(examples, index);
      if (this.#sorted) return this.#sorted.read(given, 0, given.length / STROKE_COLUMNS).slice();
      const result = Float32Array.from(given);
      if (preprocessing.deslant) {
        readDeslanted(given, 0, given.length / STROKE_COLUMNS, 1, result, (t) => t * STROKE_COLUMNS);
      }
      return result;
    }
    this.#vary(index, epoch);
    return moves.slice(0, this.#points.writeMoves(moves, 0, 1));
  }

  /** Writes sample i, varied for the epoch, to #points. */
  #vary(i: number, epoch: number): void {
    const { examples, preprocessing } = this.#data;
    const { drop, jitter, resample, reverse, shuffle, flip } = this.#augmentation;
    this.#words.begin(epoch, i);
    const first = this.#moves.seek(i);
    const end = first + examples.offsets[i + 1] - examples.offsets[i];
    const { moves } = this.#moves;
    this.#points.readMoves(moves, first, end, preprocessing.order === 'tour');
    if (preprocessing.deslant) this.#points.deslant(strokeSlant(moves, first, end));
    if (!this.#sorter && (reverse > 0 || shuffle > 0 || flip > 0)) this.#reorder();
    if (isMoving(this.#augmentation)) this.#move();
    if (jitter > 0) this.#tremble();
    if (drop > 0) this.#leaveOut();
    if (resample > 0) this.#setAnew();
    this.#sorter?.sort(this.#points, this.#spare);
    if (this.#sorter) this.#swap();
  }

  #reorder(): void {
    const { reverse, shuffle, flip } = this.#augmentation;
    const from = this.#points;
    const to = this.#spare;
    const starts = this.#starts;
    const order = this.#order;
    const strokes = from.findStrokes(starts);
    starts[strokes] = from.count;
    const words = this.#buffer;
    this.#words.fill(STREAM.order, words, 2 + strokes);
    const isReversed = uniformOf(words[0]) < reverse;
    const isShuffled = strokes > 1 && uniformOf(words[1]) < shuffle;
    // Flipping reverses the current direction of a stroke. These bits are kept while `words` is reused.
    for (let s = 0; s < strokes; s++) {
      const isFlipped = uniformOf(words[2 + s]) < flip;
      order[s] = isFlipped !== isReversed ? ~s : s;
    }
    if (isReversed) reverseFirst(order, strokes);
    if (isShuffled) this.#shuffle(strokes);
    to.count = 0;
    for (let k = 0; k < strokes; k++) {
      const s = order[k] < 0 ? ~order[k] : order[k];
      if (order[k] < 0) to.appendReversed(from, starts[s], starts[s + 1]);
      else to.append(from, starts[s], starts[s + 1]);
    }
    this.#swap();
  }

  /** A random order of the strokes other than the current one, all equally likely (Fisher–Yates). */
  #shuffle(strokes: number): void {
    const order = this.#order;
    const words = this.#buffer;
    let stream: number = STREAM.shuffle;
    for (let moved = false; !moved; stream++) {
      this.#words.fill(stream, words, strokes);
      for (let k = strokes - 1; k > 0; k--) {
        const j = Math.floor(uniformOf(words[k]) * (k + 1));
        if (j === k) continue;
        const held = order[k];
        order[k] = order[j];
        order[j] = held;
        moved = true;
      }
    }
  }

  #move(): void {
    const { xs, ys, count } = this.#points;
    const { width, height, deslant } = this.#data.preprocessing;
    const spread = deslant ? this.#points.spread() : null;
    drawAffine(this.#words, this.#buffer, this.#augmentation, this.#map, spread);
    const { xx, xy, yx, yy, shiftX, shiftY } = this.#map;
    const centreX = (width + 1) / 2;
    const centreY = (height + 1) / 2;
    for (let n = 0; n < count; n++) {
      const x = xs[n] - centreX;
      const y = ys[n] - centreY;
      xs[n] = xx * x + xy * y + (centreX + shiftX);
      ys[n] = yx * x + yy * y + (centreY + shiftY);
    }
  }

  /** Adds noise to every point: sums of four random bytes, nearly normally distributed (Irwin–Hall). */
  #tremble(): void {
    const { xs, ys, count } = this.#points;
    const words = this.#buffer;
    this.#words.fill(STREAM.jitter, words, 2 * count);
    const unit = this.#augmentation.jitter / BYTES_DEVIATION;
    for (let n = 0; n < count; n++) {
      xs[n] += (byteSum(words[2 * n]) - BYTES_MEAN) * unit;
      ys[n] += (byteSum(words[2 * n + 1]) - BYTES_MEAN) * unit;
    }
  }

  /** Removes points within lines; the ends of lines stay. Sixteen random bits decide on each point. */
  #leaveOut(): void {
    const points = this.#points;
    const { xs, ys, arrival, count } = points;
    const words = this.#buffer;
    this.#words.fill(STREAM.drop, words, (count + 1) >> 1);
    const limit = Math.round(this.#augmentation.drop * 2 ** 16);
    let kept = 0;
    for (let n = 0; n < count; n++) {
      const bits = (n & 1) === 0 ? words[n >> 1] & 0xffff : words[n >> 1] >>> 16;
      const isInner = arrival[n] === ARRIVAL.drawn && n + 1 < count && arrival[n + 1] === ARRIVAL.drawn;
      if (isInner && bits < limit) continue;
      xs[kept] = xs[n];
      ys[kept] = ys[n];
      arrival[kept++] = arrival[n];
    }
    points.count = kept;
  }

  /** Resamples every line at equal distances; the ends of lines stay. */
  #setAnew(): void {
    const { resample } = this.#augmentation;
    const from = this.#points;
    const to = this.#spare;
    const { arrival, count } = from;
    const words = this.#buffer;
    this.#words.fill(STREAM.shape, words, AFFINE_WORDS + 1);
    const factor = factorOf(resample, words[AFFINE_WORDS]);
    to.count = 0;
    let end = 0;
    for (let first = 0; first < count; first = end) {
      end = first + 1;
      while (end < count && arrival[end] === ARRIVAL.drawn) end++;
      const lines = end - first - 1;
      // The second bound is that of mostSteps.
      const parts = Math.min(Math.round(lines / factor), Math.floor(lines * (1 + resample)));
      this.#setLine(from, to, first, end, lines > 0 ? Math.max(1, parts) : 0);
    }
    this.#swap();
  }

  /** Adds the line through points first … end − 1 of `from` to `to`, cut into equal parts. */
  #setLine(from: StrokePoints, to: StrokePoints, first: number, end: number, parts: number): void {
    const { xs, ys, arrival } = from;
    const distances = this.#distances;
    let total = 0;
    for (let n = first; n < end - 1; n++) {
      const dx = xs[n + 1] - xs[n];
      const dy = ys[n + 1] - ys[n];
      distances[n] = Math.sqrt(dx * dx + dy * dy);
      total += distances[n];
    }
    let at = to.count;
    to.xs[at] = xs[first];
    to.ys[at] = ys[first];
    to.arrival[at++] = arrival[first];
    let n = first;
    let passed = 0;
    for (let part = 1; part < parts; part++) {
      const goal = (total * part) / parts;
      while (n < end - 2 && passed + distances[n] <= goal) passed += distances[n++];
      const share = distances[n] > 0 ? Math.min(1, (goal - passed) / distances[n]) : 0;
      to.xs[at] = xs[n] + share * (xs[n + 1] - xs[n]);
      to.ys[at] = ys[n] + share * (ys[n + 1] - ys[n]);
      to.arrival[at++] = ARRIVAL.drawn;
    }
    if (parts > 0) {
      to.xs[at] = xs[end - 1];
      to.ys[at] = ys[end - 1];
      to.arrival[at++] = ARRIVAL.drawn;
    }
    to.count = at;
  }

  #swap(): void {
    const held = this.#points;
    this.#points = this.#spare;
    this.#spare = held;
  }
}

/** Reverses the first `count` numbers. */
function reverseFirst(numbers: Int32Array, count: number): void {
  for (let k = 0, last = count - 1; k < last; k++, last--) {
    const held = numbers[k];
    numbers[k] = numbers[last];
    numbers[last] = held;
  }
}

/** The sum of a word's four bytes. */
function byteSum(word: number): number {
  const pairs = (word & 0x00ff00ff) + ((word >>> 8) & 0x00ff00ff);
  return (pairs + (pairs >>> 16)) & 0xffff;
}

/** Varied sequences, one after the other in a reused buffer. */
class DrawnStrokes implements SequenceSource {
  count = 0;
  readonly inputSize: number;
  maxSteps = 0;
  readonly #preprocessing: StrokePreprocessing;
  readonly #context: ContextMaps | null;
  /** [total, 4] */
  #moves = new Float32Array(0);
  /** [count + 1] in floats */
  #offsets = new Int32Array(1);
  #labels = new Int32Array(0);

  /** @param capacity moves of a sequence, at most */
  constructor(preprocessing: StrokePreprocessing, capacity: number) {
    this.#preprocessing = { ...preprocessing, scale: Math.fround(preprocessing.scale) };
    this.#context = preprocessing.context ? new ContextMaps(capacity, this.#preprocessing) : null;
    this.inputSize = strokeInputSize(preprocessing);
  }

  /** Empties the buffer and reserves room for sequences and moves. */
  begin(sequences: number, moves: number): void {
    this.count = 0;
    this.maxSteps = 0;
    if (this.#labels.length < sequences) {
      this.#labels = new Int32Array(sequences);
      this.#offsets = new Int32Array(sequences + 1);
    }
    if (this.#moves.length < moves * STROKE_COLUMNS) this.#moves = new Float32Array(moves * STROKE_COLUMNS);
  }

  add(points: StrokePoints, scale: number, label: number): void {
    this.#end(points.writeMoves(this.#moves, this.#offsets[this.count], scale), label);
  }

  /** Adds moves first … end − 1 without variation, scaled. */
  addMoves(
    moves: Int16Array,
    first: number,
    end: number,
    scale: number,
    label: number,
    deslant: boolean,
  ): void {
    if (deslant) {
      const start = this.#offsets[this.count];
      readDeslanted(moves, first, end, scale, this.#moves, (t) => start + t * STROKE_COLUMNS);
      this.#end(start + (end - first) * STROKE_COLUMNS, label);
      return;
    }
    this.#copy(moves, first * STROKE_COLUMNS, end * STROKE_COLUMNS, scale, label);
  }

  /** Adds sorted moves [T, 4] without variation, scaled. */
  addSorted(moves: Float32Array, scale: number, label: number): void {
    this.#copy(moves, 0, moves.length, scale, label);
  }

  #copy(moves: Int16Array | Float32Array, begin: number, end: number, scale: number, label: number): void {
    let to = this.#offsets[this.count];
    for (let from = begin; from < end; from += STROKE_COLUMNS) {
      this.#moves[to++] = moves[from] * scale;
      this.#moves[to++] = moves[from + 1] * scale;
      this.#moves[to++] = moves[from + 2];
      this.#moves[to++] = moves[from + 3];
    }
    this.#end(to, label);
  }

  #end(at: number, label: number): void {
    const n = this.count++;
    this.#offsets[n + 1] = at;
    this.#labels[n] = label;
    this.maxSteps = Math.max(this.maxSteps, this.lengthOf(n));
  }

  lengthOf(n: number): number {
    return (this.#offsets[n + 1] - this.#offsets[n]) / STROKE_COLUMNS;
  }

  labelOf(n: number): number {
    return this.#labels[n];
  }

  read(n: number, target: Float32Array, rowStarts: Int32Array, column: number): void {
    const moves = this.#moves;
    let from = this.#offsets[n];
    const steps = (this.#offsets[n + 1] - from) / STROKE_COLUMNS;
    for (let t = 0; t < steps; t++, from += STROKE_COLUMNS) {
      const to = (rowStarts[t] + column) * this.inputSize;
      target[to] = moves[from];
      target[to + 1] = moves[from + 1];
      target[to + 2] = moves[from + 2];
      target[to + 3] = moves[from + 3];
    }
    if (this.#preprocessing.position) writePositions(target, rowStarts, column, steps, this.#preprocessing);
    this.#context?.write(target, rowStarts, column, steps);
  }
}
