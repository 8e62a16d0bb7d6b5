/** A project of one's own symbols in memory; project.ts reads and writes its file. */
import type { Drawing } from '../../ink/drawing.js';

/** Labels are bytes, and one class may be `none`. */
export const MAX_PROJECT_CLASSES = 255;
export const MAX_PROJECT_DRAWINGS = 20_000;
/** Characters of an id. */
export const MAX_PROJECT_ID = 200;

/** A symbol to recognise. */
export interface TeachClass {
  /** Names the class in the project. Stays when the class gets another name. */
  id: string;
  /** What people read; unique in the project. */
  name: string;
  /** `#rrggbb` */
  colour: string;
}

/** An example of a class. */
export interface TeachDrawing {
  /** Unique in the project. */
  id: string;
  /** The `id` of its class. */
  class: string;
  /** Quick, Draw!'s form: for each stroke, [[x …], [y …]], x to the right and y downwards, in any unit. */
  drawing: number[][][];
  /** When it was drawn, as an ISO date. */
  made?: string;
}

/** Two classes that a network confused on drawings that it was not taught. */
export interface Confusion {
  /** Name of the class that was drawn. */
  drawn: string;
  /** Name of the class that was answered; `none` where the drawing was refused. */
  answered: string;
  /** The `id`s of the drawings. */
  drawings: string[];
}

/** What is known about a taught network. Every share has its count. */
export interface TeachSummary {
  /** Names of the taught classes. */
  classes: string[];
  /** Number of drawings that the network was taught with, those held out included where it saw them at the end. */
  drawings: number;
  /** Passes over the drawings. */
  epochs: number;
  seconds: number;
  /** Answers to drawings that were held out of the training when they were answered. */
  heldOut: { correct: number; count: number };
  confusions: Confusion[];
  /**
   * `none`: of `symbols` held-out drawings, `falseAlarms` were refused, though they belong to a class; of `others` fresh
   * scribbles, pieces and letters, `refused` were refused. Null if the network has no class `none`.
   */
  none: { falseAlarms: number; symbols: number; refused: number; others: number } | null;
}

/** A network taught from the drawings of a project. */
export interface TaughtNetwork {
  /** Content of a safetensors checkpoint, as `openRecognizer` takes it. */
  checkpoint: Uint8Array;
  /** When it was taught, as an ISO date. */
  taught: string;
  summary: TeachSummary;
}

/** Classes, drawings of them, and the network taught from these. */
export interface TeachProject {
  name: string;
  classes: TeachClass[];
  drawings: TeachDrawing[];
  network: TaughtNetwork | null;
}

/**
 * A drawing of a project as strokes.
 *
 * @example
 * import { drawingOf, starterProject } from 'scanstroke';
 *
 * const [first] = starterProject('shapes').drawings;
 * const input = { kind: 'drawing', ...drawingOf(first) }; // an input of a recognizer
 */
export function drawingOf({ drawing }: Pick<TeachDrawing, 'drawing'>): Drawing {
  return { strokes: drawing.map(([xs, ys]) => ({ xs, ys })) };
}

/**
 * Strokes in the form of a project's drawings.
 *
 * @example
 * import { columnsOf } from 'scanstroke';
 *
 * console.log(columnsOf({ strokes: [{ xs: [1, 2], ys: [3, 4] }] })); // [ [ [ 1, 2 ], [ 3, 4 ] ] ]
 */
export function columnsOf({ strokes }: Drawing): number[][][] {
  return strokes.map(({ xs, ys }) => [Array.from(xs), Array.from(ys)]);
}
