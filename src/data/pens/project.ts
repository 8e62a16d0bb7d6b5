/**
 * A project of one's own symbols: classes, a few drawings of each, and the network that was taught from them. Its file is
 * JSON; docs/teach.md describes it.
 *
 *   { "format": "scanstroke-project", "version": 1, "name": …,
 *     "classes":  [{ "id", "name", "colour" } …],
 *     "drawings": [{ "id", "class": id of a class, "drawing": [[[x …], [y …]] …], "made": date } …],
 *     "network":  null | { "checkpoint": base64, "taught": date, "summary": {…} } }
 */
import type { Drawing } from '../../ink/drawing.js';

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
 * Reads a project file.
 *
 * @param content bytes or text of the file
 * @param fileName names the file in messages
 * @throws UserError for a file that is no project, is too large, or contradicts itself
 */
export function readProject(_content: Uint8Array | string, _fileName: string): TeachProject {
  throw new Error('not yet');
}

/**
 * Writes a project file.
 *
 * @returns its text
 * @throws UserError for a project that could not be read again
 */
export function writeProject(_project: TeachProject): string {
  throw new Error('not yet');
}

/**
 * The drawings as lines of JSON in Quick, Draw!'s simplified form, `{ "word", "drawing", "key_id", … }`, which
 * `scanstroke train --data drawings.ndjson` and other tools read.
 */
export function drawingsToNdjson(_project: TeachProject): string {
  throw new Error('not yet');
}

/**
 * A project of the drawings in lines of JSON, as Quick, Draw! and `drawingsToNdjson` have them. Every word is a class.
 *
 * @param name of the project
 * @param fileName names the text in messages
 * @throws UserError naming the line that is wrong
 */
export function projectFromNdjson(_text: string, _name: string, _fileName: string): TeachProject {
  throw new Error('not yet');
}

/** A drawing of a project as strokes, for `{ kind: 'drawing', ...drawingOf(it) }` of a recognizer. */
export function drawingOf({ drawing }: Pick<TeachDrawing, 'drawing'>): Drawing {
  return { strokes: drawing.map(([xs, ys]) => ({ xs, ys })) };
}

/** Strokes in the form of a project's drawings. */
export function columnsOf({ strokes }: Drawing): number[][][] {
  return strokes.map(({ xs, ys }) => [Array.from(xs), Array.from(ys)]);
}
