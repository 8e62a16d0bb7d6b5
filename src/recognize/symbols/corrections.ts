/** Corrections of a reading: groups of ink whose grouping, and perhaps class, a person has decided. */
import { shown } from '../../formats/shape.js';
import { UserError } from '../../user-error.js';
import { isNone } from '../guess-name.js';
import {
  type InkPart,
  joinedParts,
  type Piece,
  type SegmentedInk,
  type SymbolCorrection,
  typicalHeight,
} from './segmented-ink.js';

/** What is left to group. */
export interface CorrectedPieces {
  /** Pieces, in the order of drawing; those of corrections have `correction`, and are a whole symbol each. */
  pieces: Piece[];
  /** Typical height of a symbol. */
  height: number;
  /** Ink that is no symbol, by the corrections. */
  leftOut: InkPart[][];
}

/**
 * Makes each corrected group a piece that grouping takes as it is, and takes its parts from the other pieces.
 * @throws UserError for what is no list of corrections, for parts that the ink does not have or that two corrections
 *   claim, and for unknown classes
 */
export function correctedPieces(
  ink: SegmentedInk,
  given: readonly SymbolCorrection[],
  classes: readonly string[],
): CorrectedPieces {
  if (!Array.isArray(given)) {
    throw new UserError(
      `read symbols: corrections must be a list of { parts, answer }, found ${shown(given)}`,
    );
  }
  if (given.length === 0) return { pieces: ink.pieces, height: ink.height, leftOut: [] };
  const corrections = given.map((correction, n) => checked(ink, correction, n, classes));
  const claimed = corrections.flatMap(({ parts }) => parts);
  claimed.sort((a, b) => a.index - b.index || a.from - b.from);
  claimed.forEach((part, n) => {
    const next = claimed[n + 1];
    if (next?.index !== part.index || next.from >= part.to) return;
    throw new UserError(
      `read symbols: two corrections claim the same part of ${nameOf(ink)} ${part.index}; a part belongs to one symbol`,
    );
  });
  const rest = ink.pieces.map(({ parts }) => parts.flatMap((part) => without(part, claimed)));
  const kept = [...rest.keys()].filter((n) => rest[n].length > 0);
  const free = kept.map((n): Piece => {
    const touching = ink.pieces[n].touching.map((other) => kept.indexOf(other));
    return { parts: rest[n], box: ink.boxOf(rest[n]), touching: touching.filter((other) => other >= 0) };
  });
  const symbols = corrections.filter(({ answer }) => answer !== null);
  const fixed = symbols.map((correction): Piece => {
    const parts = joinedParts(correction.parts);
    return { parts, box: ink.boxOf(parts), touching: [], correction };
  });
  const { pieces, height } = inOrder([...free, ...fixed]);
  return {
    pieces,
    height,
    leftOut: corrections.filter(({ answer }) => answer === null).map(({ parts }) => joinedParts(parts)),
  };
}

/** The correction, with parts as the ink has them. */
function checked(
  ink: SegmentedInk,
  correction: SymbolCorrection,
  n: number,
  classes: readonly string[],
): SymbolCorrection {
  const { parts: given, answer } = Object(correction) as Partial<SymbolCorrection>;
  if (!Array.isArray(given) || !given.every(isPart)) {
    throw new UserError(
      `read symbols: correction ${n} must be { parts: [{ index, from, to }, …] }, found ${shown(correction)}`,
    );
  }
  const parts: InkPart[] = [];
  for (const part of given) {
    const own = ink.partAt(part);
    if (own === null) {
      throw foreign(n, `${part.from} to ${part.to} of ${nameOf(ink)} ${part.index}`);
    }
    parts.push(own);
  }
  if (parts.length === 0) throw foreign(n, 'no part');
  if (typeof answer !== 'string' || (classes.includes(answer) && !isNone(answer))) {
    return { ...correction, parts };
  }
  throw new UserError(
    `read symbols: correction ${n} has the class ${JSON.stringify(answer)}; give one of ` +
      `${classes.filter((name) => !isNone(name)).join(', ')}, or null for no symbol`,
  );
}

function isPart(value: unknown): value is InkPart {
  const { index, from, to } = Object(value) as Partial<InkPart>;
  return [index, from, to].every((each) => typeof each === 'number');
}

function foreign(n: number, found: string): UserError {
  return new UserError(
    `read symbols: correction ${n} names ${found}, which the input does not have; give parts of a reading of this input`,
  );
}

function nameOf({ of }: SegmentedInk): string {
  return of === 'strokes' ? 'stroke' : 'component';
}

/** What the claimed parts leave of a part. @param claimed sorted */
function without(part: InkPart, claimed: readonly InkPart[]): InkPart[] {
  const left: InkPart[] = [];
  let { from } = part;
  for (const { index, from: first, to } of claimed) {
    if (index !== part.index || to <= from || first >= part.to) continue;
    if (first > from) left.push({ ...part, from, to: first });
    from = to;
  }
  if (from < part.to) left.push({ ...part, from });
  return left;
}

/** Grouping also looks for neighbours in the order of drawing. */
function inOrder(pieces: readonly Piece[]): Pick<CorrectedPieces, 'pieces' | 'height'> {
  const first = ({ parts }: Piece) => parts.reduce((a, b) => (isBefore(b, a) ? b : a));
  const order = [...pieces.keys()].sort((a, b) => (isBefore(first(pieces[a]), first(pieces[b])) ? -1 : 1));
  return {
    pieces: order.map((n) => ({
      ...pieces[n],
      touching: pieces[n].touching.map((other) => order.indexOf(other)),
    })),
    height: typicalHeight(pieces.map(({ box }) => box)),
  };
}

function isBefore(a: InkPart, b: InkPart): boolean {
  return a.index < b.index || (a.index === b.index && a.from < b.from);
}
