/**
 * What a person has decided about the symbols of a drawing. Refers to strokes by themselves, not by number: a finished
 * stroke never changes, so a correction stays valid while strokes are added, and rests while its strokes are undone.
 */
import type { InkPart, SymbolCorrection } from '#src/recognize/symbols/read-symbols.js';
import type { InkStroke } from '../draw/ink.js';

/** Points `from` to `to` - 1 of a stroke. */
export interface StrokePart {
  stroke: InkStroke;
  from: number;
  to: number;
}

/** These parts are one symbol. */
export interface Correction {
  parts: readonly StrokePart[];
  /** Its class; null: no symbol. Without it the network says which class. */
  answer?: string | null;
}

/** The parts of a reading of these strokes. */
export function partsOf(parts: readonly InkPart[], strokes: readonly InkStroke[]): StrokePart[] {
  return parts.map(({ index, from, to }) => ({ stroke: strokes[index], from, to }));
}

export function isSame(a: readonly StrokePart[], b: readonly StrokePart[]): boolean {
  return (
    a.length === b.length &&
    a.every((part) =>
      b.some(({ stroke, from, to }) => stroke === part.stroke && from === part.from && to === part.to),
    )
  );
}

function overlap(a: readonly StrokePart[], b: readonly StrokePart[]): boolean {
  return a.some((part) =>
    b.some(({ stroke, from, to }) => stroke === part.stroke && from < part.to && part.from < to),
  );
}

/** The corrections with newer ones, which replace those of the same ink. */
export function corrected(all: readonly Correction[], ...newer: readonly Correction[]): Correction[] {
  return [...all.filter(({ parts }) => !newer.some((each) => overlap(each.parts, parts))), ...newer];
}

/** The corrections without those of these parts. */
export function uncorrected(all: readonly Correction[], parts: readonly StrokePart[]): Correction[] {
  return all.filter((each) => !overlap(each.parts, parts));
}

/**
 * The corrections for a request.
 * @param strokes the drawing; corrections of other strokes are left out
 * @param classes those of the network; answers that it does not know are left out, the groups stay
 */
export function asked(
  all: readonly Correction[],
  strokes: readonly InkStroke[],
  classes: readonly string[],
): SymbolCorrection[] {
  const indices = new Map(strokes.map((stroke, index) => [stroke, index]));
  return all
    .filter(({ parts }) => parts.every(({ stroke, to }) => indices.has(stroke) && to <= stroke.xs.length))
    .map(({ parts, answer }) => ({
      parts: parts.map(({ stroke, from, to }) => ({ index: indices.get(stroke) as number, from, to })),
      ...((answer === null || (answer !== undefined && classes.includes(answer))) && { answer }),
    }));
}

/** What is left of strokes and corrections when parts are erased. */
export function erased(
  strokes: readonly InkStroke[],
  all: readonly Correction[],
  parts: readonly StrokePart[],
): { strokes: InkStroke[]; corrections: Correction[] } {
  const pieces = new Map<InkStroke, { piece: InkStroke; from: number }[]>();
  for (const stroke of strokes) {
    const gone = parts.filter((part) => part.stroke === stroke).sort((a, b) => a.from - b.from);
    if (gone.length === 0) continue;
    const left: { piece: InkStroke; from: number }[] = [];
    let from = 0;
    for (const end of [...gone, { from: stroke.xs.length, to: stroke.xs.length }]) {
      if (end.from > from) left.push({ piece: cut(stroke, from, end.from), from });
      from = Math.max(from, end.to);
    }
    pieces.set(stroke, left);
  }
  /** A part of a stroke that was cut is a part of the piece in which it lies. */
  const moved = (part: StrokePart): StrokePart | null => {
    const left = pieces.get(part.stroke);
    if (!left) return part;
    const found = left.find(({ piece, from }) => from <= part.from && part.to <= from + piece.xs.length);
    return found ? { stroke: found.piece, from: part.from - found.from, to: part.to - found.from } : null;
  };
  const corrections = uncorrected(all, parts).flatMap((each) => {
    const kept = each.parts.map(moved).filter((part) => part !== null);
    return kept.length === each.parts.length ? [{ ...each, parts: kept }] : [];
  });
  return {
    strokes: strokes.flatMap((stroke) => pieces.get(stroke)?.map(({ piece }) => piece) ?? [stroke]),
    corrections,
  };
}

function cut({ tool, xs, ys, pressures, times }: InkStroke, from: number, to: number): InkStroke {
  return {
    tool,
    xs: xs.slice(from, to),
    ys: ys.slice(from, to),
    pressures: pressures.slice(from, to),
    times: times.slice(from, to),
  };
}
