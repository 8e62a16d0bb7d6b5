/**
 * Reads several symbols in one picture or drawing, such as a number. The ink is cut into pieces; candidates of up to
 * four pieces are recognised in one call; the best grouping is the text. A reading can be corrected: two neighbours
 * merged, one symbol split.
 */

import type { Box } from '../../data/inputs/ink.js';
import { checkForm, drawingOf, isDigitSized } from '../../data/inputs/input.js';
import { kindOf } from '../../data/kinds.js';
import { UserError } from '../../user-error.js';
import { isNone } from '../guess-name.js';
import type { PreparedInput, RecognizerInput } from '../prepare-input.js';
import {
  type Guess,
  type Recognition,
  type Recognizer,
  type RecognizerInfo,
  SURE_FROM,
} from '../recognizer.js';
import { correctedPieces } from './corrections.js';
import { drawingInk } from './drawing-pieces.js';
import { bestGroups, type CandidateAnswer, candidatesOf, keyOf, ordersOf } from './grouping.js';
import { pictureInk } from './picture-pieces.js';
import { textLines } from './reading-text.js';
import { type InkPart, joinedParts, type SegmentedInk, type SymbolCorrection } from './segmented-ink.js';
import { linesOf } from './text-lines.js';

export type { Box } from '../../data/inputs/ink.js';
export type { InkPart, SymbolCorrection } from './segmented-ink.js';

/** A symbol that was read. */
export interface ReadSymbol {
  /** Name of the likeliest class, or of that in a correction; never `none`. */
  answer: string;
  /** Its probability, 0 to 1. */
  probability: number;
  /** The probability is below 0.7, and no correction says which class. */
  unsure: boolean;
  /** A correction says which strokes or components, and perhaps which class. */
  corrected: boolean;
  /** [K] probabilities of all classes, `none` included. */
  probabilities: Float32Array;
  /** The next classes, at most four, likeliest first, without `none`: for a correction by a tap. */
  alternatives: Guess[];
  /** Around the symbol, in pixels of the picture or the unit of the drawing. */
  box: Box;
  /** The line in which the symbol is, from 0 at the top. */
  line: number;
  /** The symbol's strokes or components. */
  parts: InkPart[];
}

/** Ink that belongs to no symbol. */
export interface LeftOut {
  /** `none`: it looks like none of the classes; `dot`: it has no shape; `corrected`: a correction says so. */
  reason: 'none' | 'dot' | 'corrected';
  /** Around the ink. */
  box: Box;
  /** Its strokes or components. */
  parts: InkPart[];
}

/** The symbols in a picture or drawing. Plain data: it can be sent to a worker and back. */
export interface SymbolReading {
  /** The answers; lines are separated by newlines, names of classes that are longer than a character by spaces. */
  text: string;
  /** Line by line, from left to right. */
  symbols: ReadSymbol[];
  /** Ink that belongs to no symbol. */
  leftOut: LeftOut[];
  /** What `parts` are: strokes of a drawing, or connected components of a picture's ink. */
  of: 'strokes' | 'components';
}

/** What recognises single symbols: a recognizer, or what answers as one does. */
export interface SymbolRecognizer extends Pick<Recognizer, 'prepare' | 'recognizePrepared'> {
  /** Its name in messages, its classes, and how inputs are prepared. */
  readonly info: Pick<RecognizerInfo, 'name' | 'classes' | 'preprocessing'>;
}

/** A correction: merge symbol n with symbol n + 1, or split symbol n. */
export type Regrouping = { merge: number } | { split: number };

/** Options of `readSymbols`. */
export interface ReadSymbolsOptions {
  /** Groups of ink that are decided: they are taken as they are, and the rest is grouped around them. */
  corrections?: readonly SymbolCorrection[];
}

/** Alternatives of a symbol. */
const ALTERNATIVES = 4;
/** Stands for the logarithm of zero. */
const LEAST_LOG = -16;

/**
 * Reads the symbols in a picture or drawing.
 *
 * @param recognizer a network for single symbols of MNIST's picture size, images or strokes; better with the class `none`
 * @param input a picture, a drawing or moves: one line or several, each with symbols side by side
 * @param options corrections of an earlier reading of this input, or of this drawing before strokes were added
 * @returns the text, `''` without ink; and the symbols with their boxes
 * @throws UserError if the input is malformed or has more than 200 pieces, the network reads pictures of another size, or
 *   a correction names ink or a class that there is not
 *
 * @example
 * import { openBackend, openRecognizer, readSymbols, shippedModel } from 'scanstroke';
 *
 * const backend = await openBackend();
 * const recognizer = openRecognizer(await shippedModel('digits'), backend, { name: 'digits' });
 * const one = { xs: [10, 10], ys: [0, 40] };
 * const seven = { xs: [30, 55, 40], ys: [0, 0, 40] };
 * const { text, symbols } = await readSymbols(recognizer, { kind: 'drawing', strokes: [one, seven] });
 * console.log(text, symbols.map(({ probability }) => probability)); // 17 and two probabilities
 * recognizer.close();
 */
export async function readSymbols(
  recognizer: SymbolRecognizer,
  input: RecognizerInput,
  { corrections = [] }: ReadSymbolsOptions = {},
): Promise<SymbolReading> {
  const ink = segmented(recognizer, input);
  if (ink === null) return { text: '', symbols: [], leftOut: [], of: formOf(input) };
  const { pieces, height, leftOut: excluded } = correctedPieces(ink, corrections, recognizer.info.classes);
  const lines = linesOf(pieces, height).map((line) => ordersOf(line, pieces, ink.of === 'strokes'));
  const candidates = lines.flatMap((orders) => candidatesOf(orders, pieces, height));
  const partsOf = (group: readonly number[]) => group.flatMap((n) => pieces[n].parts);
  const recognitions = await recognizeParts(recognizer, ink, candidates.map(partsOf));
  const known = new Map(candidates.map((group, n) => [keyOf(group), recognitions[n]]));
  const answers = new Map(
    [...known].map(([key, answer]) => [key, answer && answerOf(answer, recognizer.info.classes)]),
  );
  const symbols: ReadSymbol[] = [];
  const leftOut = excluded.map((parts): LeftOut => ({ reason: 'corrected', box: ink.boxOf(parts), parts }));
  lines.forEach((orders, line) => {
    const found = bestGroups(orders, pieces, height, answers);
    const inLine: ReadSymbol[] = [];
    for (const group of found) {
      const parts = partsOf(group.pieces);
      const recognition = known.get(keyOf(group.pieces)) ?? null;
      const { correction } = pieces[group.pieces[0]];
      if (group.isSymbol) inLine.push(symbolOf(recognizer, ink, { parts, line, correction }, recognition));
      else leftOut.push({ reason: recognition ? 'none' : 'dot', box: ink.boxOf(parts), parts });
    }
    symbols.push(...inLine.sort(byPlace));
  });
  return { text: textLines(symbols, recognizer.info.classes).join('\n'), symbols, leftOut, of: ink.of };
}

/**
 * Corrects a reading: merges two neighbouring symbols into one, or splits one in two where the halves read best.
 *
 * @param recognizer the network of the reading
 * @param input the input of the reading
 * @param reading what readSymbols, or an earlier correction, returned
 * @param change `{ merge: n }` for symbols n and n + 1 of a line, or `{ split: n }`
 * @returns a new reading; all other symbols stay as they are
 * @throws UserError if there is no such symbol, the two are in different lines, or the symbol cannot be split
 *
 * @example
 * import { openBackend, openRecognizer, readSymbols, regroupSymbols, shippedModel } from 'scanstroke';
 *
 * const backend = await openBackend();
 * const recognizer = openRecognizer(await shippedModel('digits'), backend, { name: 'digits' });
 * const strokes = [10, 30].map((x) => ({ xs: [x, x], ys: [0, 40] }));
 * const reading = await readSymbols(recognizer, { kind: 'drawing', strokes });
 * const merged = await regroupSymbols(recognizer, { kind: 'drawing', strokes }, reading, { merge: 0 });
 * console.log(reading.symbols.length, merged.symbols.length); // 2 1
 * recognizer.close();
 */
export async function regroupSymbols(
  recognizer: SymbolRecognizer,
  input: RecognizerInput,
  reading: SymbolReading,
  change: Regrouping,
): Promise<SymbolReading> {
  const ink = segmented(recognizer, input);
  const isOfInput =
    ink?.of === reading.of &&
    reading.symbols.every(({ parts }) => parts.every((part) => ink.partAt(part) !== null));
  if (ink === null || !isOfInput) {
    throw new UserError('regroup: the reading is of another input; give the input that was read');
  }
  const [first, count] = 'merge' in change ? [change.merge, 2] : [change.split, 1];
  const old = reading.symbols.slice(first, first + count);
  if (!Number.isInteger(first) || first < 0 || old.length < count) {
    throw new UserError(
      `regroup: expected a symbol from 0 to ${reading.symbols.length - count}, found ${first}; the reading has ${reading.symbols.length} symbols`,
    );
  }
  if (old.some(({ line }) => line !== old[0].line)) {
    throw new UserError(
      `regroup: symbols ${first} and ${first + 1} are in different lines; merge symbols of one line`,
    );
  }
  const { line } = old[0];
  const ways = count === 2 ? [[joinedParts(old.flatMap(({ parts }) => parts))]] : splitsOf(ink, old[0].parts);
  const recognitions = await recognizeParts(recognizer, ink, ways.flat());
  let [best, bestScore, n]: [ReadSymbol[] | null, number, number] = [null, -Infinity, 0];
  for (const way of ways) {
    const answers = way.map(() => recognitions[n++]);
    if (answers.some((answer) => answer === null)) continue;
    const score = answers.reduce((sum, each) => sum + answerOf(each!, recognizer.info.classes).symbol, 0);
    if (score <= bestScore) continue;
    bestScore = score;
    best = way.map((parts, k) =>
      symbolOf(recognizer, ink, { parts, line, correction: { parts } }, answers[k]),
    );
  }
  if (best === null) {
    throw new UserError(
      count === 2
        ? `regroup: symbols ${first} and ${first + 1} have no shape together; leave them as they are`
        : `regroup: symbol ${first} is too small to be split; draw it again as two`,
    );
  }
  const symbols = reading.symbols.toSpliced(first, count, ...best.sort(byPlace));
  return { ...reading, symbols, text: textLines(symbols, recognizer.info.classes).join('\n') };
}

function formOf({ kind }: RecognizerInput): SymbolReading['of'] {
  return kind === 'picture' ? 'components' : 'strokes';
}

/** @throws UserError if the network reads pictures of another size than MNIST's, or the input is malformed */
function segmented({ info }: SymbolRecognizer, input: RecognizerInput): SegmentedInk | null {
  const size = kindOf(info.preprocessing).pictureSizeOf(info.preprocessing);
  if (!isDigitSized(size)) {
    throw new UserError(
      `read symbols: expected a network that reads grey pictures of 28 × 28 pixels, or strokes; ${info.name} reads ` +
        `${size.width} × ${size.height} with ${size.channels} channel${size.channels === 1 ? '' : 's'}; give the symbols one by one`,
    );
  }
  checkForm(input);
  if (input.kind === 'picture') return pictureInk(input);
  return drawingInk(input.kind === 'strokes' ? drawingOf(input.moves) : input);
}

/** The answers to several parts of the ink, in one call; null for parts without a figure. */
async function recognizeParts(
  recognizer: SymbolRecognizer,
  ink: SegmentedInk,
  groups: readonly InkPart[][],
): Promise<(Recognition | null)[]> {
  const prepared = groups.map((parts): PreparedInput | null => recognizer.prepare(ink.inputOf(parts)));
  // Inputs of similar length share a batch.
  const order = [...prepared.keys()].filter((n) => prepared[n] !== null);
  order.sort((a, b) => prepared[a]!.steps - prepared[b]!.steps);
  const answers = await recognizer.recognizePrepared(order.map((n) => prepared[n]!));
  const result: (Recognition | null)[] = groups.map(() => null);
  order.forEach((n, k) => {
    result[n] = answers[k];
  });
  return result;
}

/** Indices of the classes that are symbols, likeliest first. */
function ranked(probabilities: Float32Array, classes: readonly string[]): number[] {
  return [...probabilities.keys()]
    .filter((k) => !isNone(classes[k]))
    .sort((a, b) => probabilities[b] - probabilities[a] || a - b);
}

function answerOf({ probabilities }: Recognition, classes: readonly string[]): CandidateAnswer {
  const best = probabilities[ranked(probabilities, classes)[0]];
  const none = classes.findIndex(isNone);
  // Without a class for it, what no class is sure about may be none of them.
  const other = none < 0 ? (1 - best) / 2 : probabilities[none];
  return { symbol: Math.max(LEAST_LOG, Math.log(best)), none: Math.max(LEAST_LOG, Math.log(other)) };
}

/** @param recognition null: a correction calls ink without a figure a symbol; no class is likelier than another */
function symbolOf(
  { info: { classes } }: SymbolRecognizer,
  ink: SegmentedInk,
  { parts, line, correction }: Pick<ReadSymbol, 'parts' | 'line'> & { correction?: SymbolCorrection },
  recognition: Recognition | null,
): ReadSymbol {
  const probabilities =
    recognition?.probabilities ?? new Float32Array(classes.length).fill(1 / classes.length);
  const guesses = ranked(probabilities, classes).map(
    (index): Guess => ({ index, class: classes[index], probability: probabilities[index] }),
  );
  const given = correction?.answer ?? null;
  const best = guesses.find((guess) => guess.class === given) ?? guesses[0];
  return {
    answer: best.class,
    probability: best.probability,
    unsure: given === null && best.probability < SURE_FROM,
    corrected: correction !== undefined,
    probabilities,
    alternatives: guesses.filter((guess) => guess !== best).slice(0, ALTERNATIVES),
    box: ink.boxOf(parts),
    line,
    parts,
  };
}

function byPlace(a: ReadSymbol, b: ReadSymbol): number {
  return a.box.left + a.box.right - b.box.left - b.box.right;
}

/** Ways to split a symbol in two: between its parts, from left to right, and through its only part. */
function splitsOf(ink: SegmentedInk, parts: readonly InkPart[]): InkPart[][][] {
  const whole = joinedParts(parts);
  const middle = (part: InkPart) => {
    const { left, right } = ink.boxOf([part]);
    return left + right;
  };
  whole.sort((a, b) => middle(a) - middle(b));
  if (whole.length > 1) return whole.slice(1).map((_, n) => [whole.slice(0, n + 1), whole.slice(n + 1)]);
  return ink.cutsOf(whole[0]).map(([left, right]) => [[left], [right]]);
}
