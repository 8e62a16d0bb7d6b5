/**
 * Reads inputs from JSON, from programs and from files:
 *
 * - `{ "pixels": …, "width": 28, "height": 28, "channels": 1 }`, pixels as a list of numbers from 0 (paper) to 255
 *   (ink), or as these bytes in base64;
 * - `{ "strokes": [[dx, dy, eos, eod] …] }`, moves as in docs/strokes.md;
 * - `{ "drawing": … }`, or the drawing itself: what data/pens/drawing-json.ts reads.
 */
import { parseDrawing } from '../data/pens/drawing-json.js';
import { isPlainObject } from '../formats/json.js';
import { quote } from '../formats/quotation.js';
import { STROKE_COLUMNS } from '../ink/image-to-strokes.js';
import { UserError } from '../user-error.js';
import type { RecognizerInput } from './prepare-input.js';

/**
 * @param value from JSON.parse
 * @param where names the value in messages
 * @throws UserError saying what was expected and what was found
 */
export function parseInput(value: unknown, where: string): RecognizerInput {
  if (!isPlainObject(value)) throw wrong(where, 'an object with pixels, strokes or a drawing', value);
  const { pixels, strokes, drawing } = value;
  const given = Object.entries({ pixels, strokes, drawing }).filter(([, part]) => part !== undefined);
  if (given.length !== 1) {
    const found = given.length === 0 ? 'none of them' : given.map(([key]) => key).join(' and ');
    throw new UserError(`${where}: expected one of pixels, strokes or drawing, found ${found}`);
  }
  if (pixels !== undefined) return picture(value, where);
  if (Array.isArray(strokes) && areMoves(strokes))
    return { kind: 'strokes', moves: strokeMoves(strokes, where) };
  const nested = isPlainObject(drawing);
  const parsed = parseDrawing(nested ? drawing : value, nested ? `${where}: drawing` : where);
  return { kind: 'drawing', strokes: parsed.drawing.strokes };
}

function picture(value: Record<string, unknown>, where: string): RecognizerInput {
  const { width, height, channels = 1 } = value;
  for (const [name, side] of Object.entries({ width, height, channels })) {
    if (!(typeof side === 'number' && Number.isInteger(side) && side >= 1 && side <= 65_535)) {
      throw wrong(`${where}: ${name}`, 'a whole number from 1 to 65535', side);
    }
  }
  const [w, h, c] = [width, height, channels] as number[];
  return { kind: 'picture', width: w, height: h, channels: c, pixels: pixelBytes(value.pixels, where) };
}

function pixelBytes(pixels: unknown, where: string): Uint8Array {
  if (typeof pixels === 'string') {
    try {
      return Uint8Array.from(atob(pixels), (letter) => letter.charCodeAt(0));
    } catch {
      throw wrong(`${where}: pixels`, 'base64', pixels);
    }
  }
  if (!Array.isArray(pixels)) throw wrong(`${where}: pixels`, 'a list of numbers, or base64', pixels);
  const at = pixels.findIndex((each: unknown) => !isByte(each));
  if (at >= 0) throw wrong(`${where}: pixel ${at}`, 'a whole number from 0 to 255', pixels[at]);
  return Uint8Array.from(pixels as number[]);
}

function isByte(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255;
}

/** Tells moves, which are lists of numbers, from the strokes of a drawing, which are lists of points. */
function areMoves(strokes: unknown[]): boolean {
  const first: unknown = strokes[0];
  return Array.isArray(first) && first.length > 0 && first.every((each) => typeof each === 'number');
}

function strokeMoves(strokes: unknown[], where: string): Int16Array {
  const moves = new Int16Array(strokes.length * STROKE_COLUMNS);
  strokes.forEach((move, n) => {
    const fits =
      Array.isArray(move) &&
      move.length === STROKE_COLUMNS &&
      move.every((each) => Number.isInteger(each) && Math.abs(each) <= 32767) &&
      move.slice(2).every((each) => each === 0 || each === 1);
    if (!fits) {
      throw wrong(
        `${where}: move ${n} of strokes`,
        '[dx, dy, eos, eod], whole numbers, the last two 0 or 1',
        move,
      );
    }
    moves.set(move as number[], n * STROKE_COLUMNS);
  });
  const end = (strokes as number[][]).findIndex((move) => move[3] === 1);
  if (end !== strokes.length - 1) {
    throw new UserError(
      `${where}: expected the end of the drawing (eod 1) in the last move of strokes, ${strokes.length - 1}, found ` +
        `${end < 0 ? 'none' : `it in move ${end}`}`,
    );
  }
  return moves;
}

function wrong(where: string, expected: string, found: unknown): UserError {
  const shown = found === undefined ? 'nothing' : quote(JSON.stringify(found) ?? typeof found, 60);
  return new UserError(`${where}: expected ${expected}, found ${shown}`);
}
