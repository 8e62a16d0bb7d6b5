/**
 * How a drawing becomes a sequence: the size of its picture, the order of its points, its scale. Stored with the model,
 * so that recognition does the same.
 */
import { snakeCase } from '../../formats/key-case.js';
import { quote } from '../../formats/quotation.js';
import { STROKE_COLUMNS } from '../../ink/image-to-strokes.js';
import { UserError } from '../../user-error.js';

/** From a drawing to a sequence [T, 4]. Stored with the model. */
export interface StrokePreprocessing {
  kind: 'strokes';
  /** Width in pixels of the picture that contains the strokes. */
  width: number;
  /** Height in pixels of the picture that contains the strokes. */
  height: number;
  /**
   * Order of a drawing's points: `tour`, a tour over the thinned picture, whichever way it was drawn; `pen`, as the pen
   * drew them.
   */
  order: StrokeOrder;
  /** dx and dy are multiplied by this. */
  scale: number;
}
/** Order of a drawing's points: by a tour of the thinned picture, or as the pen drew them. */
export type StrokeOrder = 'tour' | 'pen';

/** Values of a step: dx, dy, end of stroke, end of drawing. */
export const STROKE_INPUT_SIZE = STROKE_COLUMNS;

/** Strokes of MNIST's size, toured, not scaled. */
export const DEFAULT_STROKE_PREPROCESSING: Readonly<StrokePreprocessing> = {
  kind: 'strokes',
  width: 28,
  height: 28,
  order: 'tour',
  scale: 1,
};

/**
 * The preprocessing stored in a checkpoint of a model for strokes.
 * @param value of `Checkpoint.preprocessing`, keys in camelCase
 * @param name of the file, for messages
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
