/** A reading as JSON, of the command line and of the server alike. */
import type { Box, InkPart, LeftOut, SymbolReading } from './read-symbols.js';

/** A symbol of a reading. */
export interface SymbolJson {
  class: string;
  probability: number;
  /** The probability is below 0.7. */
  unsure: boolean;
  /** The next classes, at most four, likeliest first. */
  alternatives: { index: number; class: string; probability: number }[];
  box: Box;
  /** From 0 at the top. */
  line: number;
  /** Of a drawing: points `from` to `to` - 1 of stroke `index`. */
  strokes?: InkPart[];
  /** Of a picture: columns `from` to `to` - 1 of connected component `index`. */
  components?: InkPart[];
  /** In the order of the model's classes. */
  probabilities: number[];
}

/** What was read in an input. */
export interface ReadingJson {
  /** `''` if there is nothing to recognise. */
  text: string;
  symbols: SymbolJson[];
  /** Ink that belongs to no symbol. */
  left_out: { reason: LeftOut['reason']; box: Box; strokes?: InkPart[]; components?: InkPart[] }[];
}

/** The JSON of a reading. */
export function readingJson({ text, symbols, leftOut, of }: SymbolReading): ReadingJson {
  return {
    text,
    symbols: symbols.map(
      ({ answer, probability, unsure, alternatives, box, line, parts, probabilities }): SymbolJson => ({
        class: answer,
        probability,
        unsure,
        alternatives,
        box,
        line,
        [of]: parts,
        probabilities: [...probabilities],
      }),
    ),
    left_out: leftOut.map(({ reason, box, parts }) => ({ reason, box, [of]: parts })),
  };
}
