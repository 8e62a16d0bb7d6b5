/**
 * How a drawing becomes a sequence: the size of its picture, the order of its points, its scale. Stored with the model,
 * so that recognition does the same.
 */
import { checked, flag, oneOf, optional, type Reader, readAs, record, whole } from '../../formats/shape.js';
import { STROKE_COLUMNS } from '../../ink/image-to-strokes.js';
import { UserError } from '../../user-error.js';

/** From a drawing to a sequence [T, I]: I is 4, with positions 2 more, with context 25 more. Stored with the model. */
export interface StrokePreprocessing {
  kind: 'strokes';
  /** Width in pixels of the picture that contains the strokes. */
  width: number;
  /** Height in pixels of the picture that contains the strokes. */
  height: number;
  /**
   * Order of a drawing's points: `tour`, a tour over the thinned picture, whichever way it was drawn; `pen`, as the pen
   * drew them; `points`, as the pen drew them, with as few points as keep the form (ink/simplify.ts).
   */
  order: StrokeOrder;
  /** dx and dy are multiplied by this. */
  scale: number;
  /** Slant is removed from every drawing first (data/deslant.ts). Left out for no. */
  deslant?: boolean;
  /** Where each move ends follows as x and y (stroke-positions.ts), two more values of a step. Left out for no. */
  position?: boolean;
  /** A map of the ink around that place follows (stroke-context.ts), 25 more values of a step. Left out for no. */
  context?: boolean;
  /** Strokes are brought into one order and direction first, however they were drawn (sort-strokes.ts). Left out for no. */
  sorted?: boolean;
  /**
   * In degrees. Recognition thins a picture or drawing also as rotated by this angle to the left and to the right, and
   * takes the mean of the logits (rotated-views.ts). Only with the order `tour`. Left out for 0: one view.
   */
  viewRotation?: number;
  /**
   * Whether the training strokes are of pictures made as MNIST's: recognition then brings every picture into that form.
   * False: a picture of the network's size is read as it is. Left out for yes.
   */
  fitted?: boolean;
}
/** Orders of a drawing's points: by a tour of the thinned picture, as the pen drew them, or that with few points. */
export const STROKE_ORDERS = ['tour', 'pen', 'points'] as const;
/** Order of a drawing's points: by a tour of the thinned picture, as the pen drew them, or that with few points. */
export type StrokeOrder = (typeof STROKE_ORDERS)[number];

/** Values of the map around a place. */
export const CONTEXT_CELLS = 25;

/** Values of a step: dx, dy, end of stroke, end of drawing, with positions x and y, and with context the map. */
export function strokeInputSize({ position, context }: StrokePreprocessing): number {
  return STROKE_COLUMNS + (position ? 2 : 0) + (context ? CONTEXT_CELLS : 0);
}

/** @throws UserError for maps of the few points of a simplified drawing */
export function checkContext(where: string, order: StrokeOrder, context: boolean): void {
  if (!context || order !== 'points') return;
  throw new UserError(
    `${where}: a map of the ink around the pen needs every point of a line, but the order points leaves out most; use the order tour or pen, or leave the context out`,
    { settings: ['strokeContext', 'strokeOrder'] },
  );
}

/** Strokes of MNIST's size, toured, not scaled. */
export const DEFAULT_STROKE_PREPROCESSING: Readonly<StrokePreprocessing> = {
  kind: 'strokes',
  width: 28,
  height: 28,
  order: 'tour',
  scale: 1,
};

/** In degrees. */
export const MAX_VIEW_ROTATION = 45;

/** Moves are 16-bit integers, and so are the sides of their picture. */
const side = whole(1, 32_767);
const preprocessing: Reader<Required<StrokePreprocessing>> = record({
  kind: oneOf(['strokes']),
  width: side,
  height: side,
  order: oneOf(STROKE_ORDERS),
  scale: checked('a number above 0 that keeps moves finite in float32', (value): value is number => {
    return (
      typeof value === 'number' && Math.fround(value) > 0 && Number.isFinite(Math.fround(32_768 * value))
    );
  }),
  deslant: optional(flag, false),
  position: optional(flag, false),
  context: optional(flag, false),
  sorted: optional(flag, false),
  viewRotation: optional(
    checked(`a number from 0 to ${MAX_VIEW_ROTATION}`, (value): value is number => {
      return typeof value === 'number' && value >= 0 && value <= MAX_VIEW_ROTATION;
    }),
    0,
  ),
  fitted: optional(flag, true),
});

/**
 * The preprocessing stored in a checkpoint of a model for strokes.
 * @param value of `Checkpoint.preprocessing`, keys in camelCase
 * @param name of the file, for messages
 * @throws UserError naming what is missing or impossible
 */
export function readStrokePreprocessing(value: Record<string, unknown>, name: string): StrokePreprocessing {
  const { deslant, position, context, sorted, viewRotation, fitted, ...rest } = readAs(
    preprocessing,
    value,
    `${name}: preprocessing`,
  );
  checkContext(`${name}: preprocessing`, rest.order, context);
  if (viewRotation !== 0 && rest.order !== 'tour') {
    throw new UserError(
      `${name}: preprocessing: "view_rotation" rotates pictures that are thinned, but the order of the strokes is ${rest.order}; expected tour, or no "view_rotation"`,
      { settings: ['strokeOrder', 'viewRotation'] },
    );
  }
  return {
    ...rest,
    ...(deslant && { deslant }),
    ...(position && { position }),
    ...(context && { context }),
    ...(sorted && { sorted }),
    ...(viewRotation !== 0 && { viewRotation }),
    ...(!fitted && { fitted }),
  };
}
