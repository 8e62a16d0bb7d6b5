/** Pen strokes as sequences for the model: a move `dx dy eos eod` is a step, with its position and context where chosen. */
import { quote } from '../../formats/quotation.js';
import { STROKE_COLUMNS } from '../../ink/image-to-strokes.js';
import { UserError } from '../../user-error.js';
import { readDeslanted } from '../deslant.js';
import type { SequenceSource } from '../sequences/sequence.js';
import { SortedMoves } from './sorted-moves.js';
import type { MovesReader } from './stored/stored-moves.js';
import { ContextMaps, MAX_CONTEXT_MOVES } from './stroke-context.js';
import { openMoves, type StrokeExamples } from './stroke-examples.js';
import { writePositions } from './stroke-positions.js';
import { type StrokePreprocessing, strokeInputSize } from './stroke-preprocessing.js';

/** The data of StrokeSequences; can be posted to a worker thread. */
export interface StrokeSequencesData {
  /** For messages: the data set's name. */
  name: string;
  examples: StrokeExamples;
  preprocessing: StrokePreprocessing;
}

/** Pen strokes, a move a step. */
export class StrokeSequences implements SequenceSource {
  readonly count: number;
  readonly inputSize: number;
  readonly maxSteps: number;
  readonly #moves: MovesReader;
  readonly #offsets: ArrayLike<number>;
  readonly #labels: ArrayLike<number>;
  readonly #preprocessing: StrokePreprocessing;
  /** Null where strokes are read as they are given. */
  readonly #sorted: SortedMoves | null;
  readonly #context: ContextMaps | null;

  /** @throws UserError if the examples are none, or one of them has no moves */
  constructor({ name, examples, preprocessing }: StrokeSequencesData) {
    const { count, offsets, labels } = examples;
    if (count < 1) throw new UserError(`data set ${quote(name)}: there are no strokes in it`);
    let longest = 0;
    for (let i = 0; i < count; i++) {
      const length = offsets[i + 1] - offsets[i];
      if (length < 1) throw new UserError(`data set ${quote(name)}: sequence ${i} has no moves`);
      if (length > longest) longest = length;
    }
    if (preprocessing.context && longest > MAX_CONTEXT_MOVES) {
      throw new UserError(
        `data set ${quote(name)}: a drawing has ${longest} moves; with context at most ${MAX_CONTEXT_MOVES} are accepted`,
        { settings: ['strokeContext'] },
      );
    }
    this.count = count;
    this.maxSteps = longest;
    this.#moves = openMoves(examples);
    this.#offsets = offsets;
    this.#labels = labels;
    this.#preprocessing = { ...preprocessing, scale: Math.fround(preprocessing.scale) };
    this.#sorted = preprocessing.sorted ? new SortedMoves(longest, preprocessing) : null;
    this.#context = preprocessing.context ? new ContextMaps(longest, this.#preprocessing) : null;
    this.inputSize = strokeInputSize(preprocessing);
  }

  lengthOf(i: number): number {
    return this.#offsets[i + 1] - this.#offsets[i];
  }

  labelOf(i: number): number {
    return this.#labels[i];
  }

  read(i: number, target: Float32Array, rowStarts: Int32Array, column: number): void {
    const first = this.#moves.seek(i);
    const { moves } = this.#moves;
    const { scale, deslant, position } = this.#preprocessing;
    const size = this.inputSize;
    const end = first + this.lengthOf(i);
    if (deslant && !this.#sorted) {
      readDeslanted(moves, first, end, scale, target, (t) => (rowStarts[t] + column) * size);
    } else {
      const read = this.#sorted?.read(moves, first, end) ?? moves;
      let from = this.#sorted ? 0 : first * STROKE_COLUMNS;
      for (let t = 0; t < end - first; t++, from += STROKE_COLUMNS) {
        const to = (rowStarts[t] + column) * size;
        target[to] = read[from] * scale;
        target[to + 1] = read[from + 1] * scale;
        target[to + 2] = read[from + 2];
        target[to + 3] = read[from + 3];
      }
    }
    if (position) writePositions(target, rowStarts, column, end - first, this.#preprocessing);
    this.#context?.write(target, rowStarts, column, end - first);
  }
}
