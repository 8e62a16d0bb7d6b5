/** What the main thread of a conversion and its worker threads say to each other. */
import type { PostedError } from '../../../user-error.js';
import type { DrawingFile } from '../../pens/drawing-files.js';

/** To a new thread. */
export interface ConversionStart {
  files: readonly DrawingFile[];
  /** For unpacked sketches. */
  scratch: string;
}

/** Asks for the next drawings of a file. */
export interface ConversionRequest {
  file: number;
  most: number;
}

/** The part for which a drawing is meant; `any` where its file does not say. */
export const MEANT_FOR = ['any', 'train', 'validation', 'test'] as const;

/** The next drawings of a file. */
export interface ConvertedDrawings {
  file: number;
  /** The classes of these drawings. */
  words: string[];
  /** [n] index into `words`. */
  wordOf: Uint16Array;
  /** [n] index into MEANT_FOR. */
  meantFor: Uint8Array;
  /** [n] rows of each drawing. */
  lengths: Uint16Array;
  /** [sum of lengths, 2] */
  rows: Uint8Array;
  /** Lines and records that are no drawings; the first of them say why. */
  problemCount: number;
  problems: string[];
  /** Read so far from the file. */
  bytes: number;
  /** The file has no more drawings. */
  isEnded: boolean;
}

/** From a worker: converted drawings, or the error that ended it. */
export type ConversionReply = ConvertedDrawings | { error: PostedError };

/** Problems of one reply that are named. */
export const NAMED_PROBLEMS = 20;
