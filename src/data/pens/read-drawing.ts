/** What readers of files with drawings give. */
import type { LabelledDrawing } from './drawing-json.js';

/** A drawing of a file, or why a line or a record of the file is none: `cats.ndjson:17: …`. */
export type ReadDrawing = NamedDrawing | { problem: string };

/** A drawing with its class: the file's own label, or else the file's name without its ending. */
export type NamedDrawing = LabelledDrawing & {
  label: string;
  /** `FILE:LINE`, `FILE: drawing N`, `FILE: byte N`. */
  where: string;
  /** The part for which the file means it, where it says so. */
  part?: 'train' | 'validation' | 'test';
};

/** Consecutive drawings of a file. */
export interface ReadDrawings {
  drawings: ReadDrawing[];
  /** Read so far from the file. */
  bytes: number;
  /** The classes that the file names, also those without drawings. Left out where it names none. */
  classes?: string[];
}

/** Names a drawing by its own label or by its file. @param where its place, for messages */
export type Naming = (drawing: LabelledDrawing, where: string) => NamedDrawing;
