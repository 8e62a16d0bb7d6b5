/**
 * Quick, Draw!'s simplified drawings in its binary form, `.bin`. A drawing is, without gaps and little-endian: its key
 * (uint64), a country (2 letters), whether the game recognised it (int8, 0 or 1), a time (uint32), the number of strokes
 * (uint16), and of each stroke the number of points (uint16), all x (uint8 each), all y (uint8 each).
 * https://github.com/googlecreativelab/quickdraw-dataset#binary-files-bin
 */
import type { Stroke } from '../../ink/drawing.js';
import { UserError } from '../../user-error.js';
import type { LabelledDrawing } from './drawing-json.js';
import { MAX_POINTS, MAX_STROKES } from './drawing-json.js';
import type { Naming, ReadDrawing, ReadDrawings } from './read-drawing.js';

const HEADER_BYTES = 17;
const COUNTRY_AT = 8;
const RECOGNISED_AT = 10;
const TIME_AT = 11;
const STROKES_AT = 15;
const COUNT_BYTES = 2;

/**
 * The drawings in the bytes of a file. Its class is the file's name: the records have none.
 * @throws UserError with the byte, if a record cannot be one: then no later one can be found
 */
export async function* binaryDrawings(
  chunks: AsyncIterable<Uint8Array>,
  path: string,
  named: Naming,
): AsyncGenerator<ReadDrawings> {
  let rest = new Uint8Array(0);
  let bytes = 0;
  for await (const chunk of chunks) {
    const joined = new Uint8Array(rest.length + chunk.length);
    joined.set(rest);
    joined.set(chunk, rest.length);
    const before = bytes - rest.length;
    bytes += chunk.length;
    const drawings: ReadDrawing[] = [];
    let at = 0;
    for (
      let end = recordEnd(joined, at, before, path);
      end !== null;
      end = recordEnd(joined, at, before, path)
    ) {
      drawings.push(named({ drawing: drawingAt(joined, at), label: null }, `${path}: byte ${before + at}`));
      at = end;
    }
    rest = joined.slice(at);
    yield { drawings, bytes };
  }
  if (rest.length > 0) {
    const problem = `${path}: byte ${bytes - rest.length}: the last drawing is cut short; load the file again`;
    yield { drawings: [{ problem }], bytes };
  }
}

/** Where the record at `at` ends; null if its bytes are not all there. @param before position of the bytes in the file */
function recordEnd(bytes: Uint8Array, at: number, before: number, path: string): number | null {
  const fail = (problem: string): never => {
    throw new UserError(
      `${path}: byte ${before + at}: expected a drawing in Quick, Draw!'s binary form, found ${problem}; ` +
        'the file is damaged, or another kind of file',
    );
  };
  if (bytes.length - at < HEADER_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const recognised = bytes[at + RECOGNISED_AT];
  if (recognised > 1) fail(`${recognised} where 0 or 1 says whether it was recognised`);
  const strokes = view.getUint16(at + STROKES_AT, true);
  if (strokes > MAX_STROKES) fail(`${strokes} strokes; at most ${MAX_STROKES} are accepted`);
  let end = at + HEADER_BYTES;
  let points = 0;
  for (let n = 0; n < strokes; n++) {
    if (bytes.length - end < COUNT_BYTES) return null;
    const count = view.getUint16(end, true);
    points += count;
    if (points > MAX_POINTS) fail(`more than ${MAX_POINTS} points`);
    end += COUNT_BYTES + 2 * count;
  }
  return end <= bytes.length ? end : null;
}

function drawingAt(bytes: Uint8Array, at: number): LabelledDrawing['drawing'] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let from = at + HEADER_BYTES;
  const strokes = Array.from({ length: view.getUint16(at + STROKES_AT, true) }, () => {
    const count = view.getUint16(from, true);
    const xs = bytes.slice(from + COUNT_BYTES, from + COUNT_BYTES + count);
    const ys = bytes.slice(from + COUNT_BYTES + count, from + COUNT_BYTES + 2 * count);
    from += COUNT_BYTES + 2 * count;
    return { xs, ys };
  });
  return { strokes };
}

/** What a record says besides its strokes. */
export interface BinaryAbout {
  key: number;
  country: string;
  seconds: number;
}

const UNKNOWN: BinaryAbout = { key: 0, country: 'XX', seconds: 0 };

/** The record of a drawing. @param strokes whole coordinates from 0 to 255 */
export function binaryRecord(strokes: readonly Stroke[], { key, country, seconds } = UNKNOWN): Uint8Array {
  const bytes = new Uint8Array(
    HEADER_BYTES + strokes.reduce((sum, { xs }) => sum + COUNT_BYTES + 2 * xs.length, 0),
  );
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(key), true);
  bytes.set(new TextEncoder().encode(country.slice(0, 2)), COUNTRY_AT);
  bytes[RECOGNISED_AT] = 1;
  view.setUint32(TIME_AT, seconds, true);
  view.setUint16(STROKES_AT, strokes.length, true);
  let at = HEADER_BYTES;
  for (const { xs, ys } of strokes) {
    view.setUint16(at, xs.length, true);
    bytes.set(xs, at + COUNT_BYTES);
    bytes.set(ys, at + COUNT_BYTES + xs.length);
    at += COUNT_BYTES + 2 * xs.length;
  }
  return bytes;
}
