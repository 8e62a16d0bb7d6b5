/**
 * Pen strokes as sequences for the model: a row `dx dy eos eod` is a step. What was done to make and to scale the
 * strokes is stored with the model, so that recognition does the same.
 */

import { snakeCase } from '../../formats/key-case.js';
import { quote } from '../../formats/quotation.js';
import { STROKE_COLUMNS } from '../../ink/image-to-strokes.js';
import { UserError } from '../../user-error.js';
import type { SequenceSource } from '../sequence.js';
import type { StrokeExamples } from './stroke-examples.js';

/** From a drawing to a sequence [T, 4]. Stored with the model. */
export interface StrokePreprocessing {
  /** Tells this from the preprocessing of images read row by row. */
  kind: 'strokes';
  /** The picture in which the strokes' coordinates count. */
  width: number;
  height: number;
  /**
   * In which order a drawing's points come: `tour`, that of a tour over the thinned picture, whichever way it was
   * drawn; `pen`, as the pen drew them.
   */
  order: StrokeOrder;
  /** dx and dy are multiplied by this. */
  scale: number;
}
export type StrokeOrder = 'tour' | 'pen';

/** Values of a step: dx, dy, end of stroke, end of drawing. */
export const STROKE_INPUT_SIZE = STROKE_COLUMNS;

/** Strokes as they are: MNIST's size, toured, not scaled. */
export const DEFAULT_STROKE_PREPROCESSING: Readonly<StrokePreprocessing> = {
  kind: 'strokes',
  width: 28,
  height: 28,
  order: 'tour',
  scale: 1,
};

/** What StrokeSequences is made of; can be posted to a worker thread. */
export interface StrokeSequencesData {
  /** For messages: the data set's name. */
  name: string;
  examples: StrokeExamples;
  preprocessing: StrokePreprocessing;
}

/** Pen strokes, a row a step. */
export class StrokeSequences implements SequenceSource {
  readonly count: number;
  readonly inputSize = STROKE_COLUMNS;
  readonly maxSteps: number;
  readonly #rows: Int16Array;
  readonly #offsets: Int32Array;
  readonly #labels: Uint8Array;
  readonly #scale: number;

  /** @throws UserError if the examples are none, or one of them has no rows */
  constructor({ name, examples, preprocessing }: StrokeSequencesData) {
    const { count, rows, offsets, labels } = examples;
    if (count < 1) throw new UserError(`data set ${quote(name)}: there are no strokes in it`);
    let longest = 0;
    for (let i = 0; i < count; i++) {
      const length = offsets[i + 1] - offsets[i];
      if (length < 1) throw new UserError(`data set ${quote(name)}: sequence ${i} has no rows`);
      if (length > longest) longest = length;
    }
    this.count = count;
    this.maxSteps = longest;
    this.#rows = rows;
    this.#offsets = offsets;
    this.#labels = labels;
    this.#scale = Math.fround(preprocessing.scale);
  }

  lengthOf(i: number): number {
    return this.#offsets[i + 1] - this.#offsets[i];
  }

  labelOf(i: number): number {
    return this.#labels[i];
  }

  read(i: number, target: Float32Array, rowStarts: Int32Array, column: number): void {
    const rows = this.#rows;
    const scale = this.#scale;
    const steps = this.#offsets[i + 1] - this.#offsets[i];
    let from = this.#offsets[i] * STROKE_COLUMNS;
    for (let t = 0; t < steps; t++, from += STROKE_COLUMNS) {
      const to = (rowStarts[t] + column) * STROKE_COLUMNS;
      target[to] = rows[from] * scale;
      target[to + 1] = rows[from + 1] * scale;
      target[to + 2] = rows[from + 2];
      target[to + 3] = rows[from + 3];
    }
  }
}

/**
 * The preprocessing stored in a checkpoint of a model for strokes.
 * @param value of `Checkpoint.preprocessing`, keys in camelCase
 * @param name how messages name the file
 * @throws UserError naming what is missing or impossible
 */
export function readStrokePreprocessing(value: Record<string, unknown>, name: string): StrokePreprocessing {
  const refuse = (key: keyof StrokePreprocessing, expected: string): never => {
    const found = value[key] === undefined ? 'none' : quote(String(value[key]));
    throw new UserError(`${name}: preprocessing: ${snakeCase(key)} must be ${expected}, found ${found}`);
  };
  const { kind, width, height, order, scale } = value;
  const isSide = (side: unknown): side is number =>
    typeof side === 'number' && Number.isInteger(side) && side >= 1 && side <= 32767;
  if (kind !== 'strokes') return refuse('kind', '"strokes"');
  if (!isSide(width)) return refuse('width', 'a whole number from 1 to 32767');
  if (!isSide(height)) return refuse('height', 'a whole number from 1 to 32767');
  if (order !== 'tour' && order !== 'pen') return refuse('order', '"tour" or "pen"');
  if (!(typeof scale === 'number' && Number.isFinite(scale) && Math.fround(scale) > 0)) {
    return refuse('scale', 'a finite number above 0');
  }
  return { kind, width, height, order, scale };
}
