/**
 * Reads and writes the text files of the stroke archive: sequences of moves `dx dy eos eod`, one a line, and labels, one
 * a line. The reader takes bytes and not text, for speed: there are 70,000 files. Errors name the line.
 */

import { quote } from '../../../formats/quotation.js';
import { STROKE_COLUMNS } from '../../../ink/image-to-strokes.js';
import { UserError } from '../../../user-error.js';

const [TAB, NEWLINE, RETURN, SPACE, MINUS, ZERO] = [0x09, 0x0a, 0x0d, 0x20, 0x2d, 0x30];
const MAX_VALUE = 32767;

const ROW = 'four whole numbers, dx dy eos eod';

/**
 * Parses a sequence.
 * @param text the whole file
 * @param name of the file, for messages
 * @returns [N, 4] N at least 1; the last move, and only that, has eod = 1
 * @throws UserError naming the line
 */
export function parseStrokes(text: Uint8Array, name: string): Int16Array {
  const { numbers, lines } = parseNumbers(text, name, STROKE_COLUMNS, -MAX_VALUE, ROW);
  for (let move = 0; move < lines.length; move++) {
    const [eos, eod] = [numbers[move * STROKE_COLUMNS + 2], numbers[move * STROKE_COLUMNS + 3]];
    const at = `${name}:${lines[move]}`;
    if (!(eos === 0 || eos === 1) || !(eod === 0 || eod === 1)) {
      throw new UserError(`${at}: eos and eod must be 0 or 1, found ${eos} ${eod}`);
    }
    if (move + 1 < lines.length && eod === 1) {
      throw new UserError(`${at}: eod is 1 before the last move: is this more than one sequence?`);
    }
    if (move + 1 === lines.length && eod !== 1) {
      throw new UserError(`${at}: the last move must end the drawing (0 0 1 1); is the file cut short?`);
    }
  }
  return Int16Array.from(numbers);
}

/**
 * Parses labels.
 * @returns whole numbers from 0, at least one
 * @throws UserError naming the line
 */
export function parseLabels(text: Uint8Array, name: string): number[] {
  return parseNumbers(text, name, 1, 0, 'a label, a whole number from 0').numbers;
}

/**
 * Parses lines of `columns` whole numbers with white space between them. Empty lines are counted and skipped.
 */
function parseNumbers(
  text: Uint8Array,
  name: string,
  columns: number,
  least: number,
  expected: string,
): { numbers: number[]; lines: number[] } {
  const numbers: number[] = [];
  const lines: number[] = [];
  let line = 1;
  let onLine = 0;
  let at = 0;
  let lineStart = 0;
  const refuse = (): never => {
    let end = lineStart;
    while (end < text.length && text[end] !== NEWLINE && text[end] !== RETURN) end++;
    const found = quote(
      new TextDecoder().decode(text.subarray(lineStart, Math.min(end, lineStart + 200))),
      60,
    );
    throw new UserError(`${name}:${line}: expected ${expected}, found ${found}`);
  };
  while (at <= text.length) {
    const byte = at < text.length ? text[at] : NEWLINE;
    if (byte === SPACE || byte === TAB || byte === RETURN) {
      at++;
    } else if (byte === NEWLINE) {
      if (onLine !== 0 && onLine !== columns) refuse();
      if (onLine === columns) lines.push(line);
      onLine = 0;
      line++;
      at++;
      lineStart = at;
    } else {
      const negative = byte === MINUS;
      if (negative) at++;
      const first = at;
      let value = 0;
      while (at < text.length && text[at] >= ZERO && text[at] <= ZERO + 9 && value <= MAX_VALUE) {
        value = value * 10 + text[at++] - ZERO;
      }
      const next = at < text.length ? text[at] : NEWLINE;
      const ended = next === SPACE || next === TAB || next === RETURN || next === NEWLINE;
      if (negative) value = -value;
      if (at === first || !ended || value > MAX_VALUE || value < least || ++onLine > columns) refuse();
      numbers.push(value === 0 ? 0 : value);
    }
  }
  if (lines.length === 0) throw new UserError(`${name} is empty; expected ${expected}, a line each`);
  return { numbers, lines };
}

/** The text of moves in the archive's format. */
export function formatStrokes(moves: Int16Array): string {
  let text = '';
  for (let at = 0; at < moves.length; at += STROKE_COLUMNS) {
    text += `${moves[at]} ${moves[at + 1]} ${moves[at + 2]} ${moves[at + 3]}\n`;
  }
  return text;
}
