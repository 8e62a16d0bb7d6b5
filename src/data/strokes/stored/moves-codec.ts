/**
 * Moves as rows of two bytes.
 *
 * A row is a move `dx dy` modulo 256: all points lie within 256 × 256 pixels, so the sums are exact. The row `0 0` lifts
 * the pen, unless it is the first after a lifted pen: consecutive points of a stroke differ. The last row of a drawing
 * ends it. Any bytes are moves of some drawing, so a damaged file gives wrong drawings, never an error.
 */
import { STROKE_COLUMNS } from '../../../ink/image-to-strokes.js';
import { UserError } from '../../../user-error.js';
import { ROW_BYTES } from './stored-moves.js';

/**
 * Writes moves as rows.
 * @param moves [N, 4] of points from 1 to 256; consecutive points of a stroke differ
 * @param target gets 2 N bytes from `at` on
 */
export function encodeMoves(moves: Int16Array, target: Uint8Array, at: number): void {
  let to = at;
  for (let from = 0; from < moves.length; from += STROKE_COLUMNS) {
    // The first point is written as its distance from 1.
    const origin = from === 0 ? 1 : 0;
    const isPoint = moves[from + 2] === 0;
    target[to++] = isPoint ? moves[from] - origin : 0;
    target[to++] = isPoint ? moves[from + 1] - origin : 0;
  }
}

/** Reads N rows as moves [N, 4]. */
export function decodeMoves(rows: Uint8Array, length: number, moves: Int16Array): void {
  let [x, y, isDown, origin] = [0, 0, false, 1];
  const end = (length - 1) * STROKE_COLUMNS;
  for (let from = 0, to = 0; to < end; from += ROW_BYTES, to += STROKE_COLUMNS) {
    const [dx, dy] = [rows[from], rows[from + 1]];
    const isLift = isDown && dx === 0 && dy === 0;
    const [nextX, nextY] = [(x + dx) & 255, (y + dy) & 255];
    moves[to] = nextX - x + origin;
    moves[to + 1] = nextY - y + origin;
    moves[to + 2] = isLift ? 1 : 0;
    moves[to + 3] = 0;
    [x, y, isDown, origin] = [nextX, nextY, !isLift, 0];
  }
  moves.set(END, end);
}

const END = [0, 0, 1, 1];

/** @throws UserError if drawings have more rows than offsets can count */
export function checkRowCount(rows: number, name: string): void {
  if (rows > MAX_STORED_ROWS) {
    throw new UserError(
      `${name}: more than ${MAX_STORED_ROWS} moves; about 80 million drawings are accepted: take fewer drawings a class`,
      { settings: ['perClass'] },
    );
  }
}

/** Offsets are 32-bit integers. */
export const MAX_STORED_ROWS = 4_294_967_295;
