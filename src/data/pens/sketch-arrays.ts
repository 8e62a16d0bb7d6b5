/**
 * sketch-rnn's files of Quick, Draw! (Ha & Eck 2017), `.npz`: the arrays `train`, `valid` and `test`, each an array of
 * sketches, each a sketch [n, 3] of int16, `dx dy lifted`: a move to a point, and 1 if the pen is lifted there. The arrays
 * are pickled; nothing of them is executed (formats/pickle/). A file is a class. Node.js only.
 */
import { type NumberRows, pickledArrays } from '../../formats/pickle/numpy-arrays.js';
import { UserError } from '../../user-error.js';
import { npzFile } from '../own/tables/array-files.js';
import type { ArrayBytes } from '../own/tables/npy-array.js';
import { objectsStart } from '../own/tables/npy-header.js';
import { MAX_POINTS } from './drawing-json.js';
import type { NamedDrawing, Naming, ReadDrawing, ReadDrawings } from './read-drawing.js';

const PARTS = { train: 'train', valid: 'validation', test: 'test' } as const;
/** Of an array, unpacked, which memory holds: half a million sketches. */
const MAX_SKETCH_BYTES = 2 ** 28;
const PORTION = 1000;

/**
 * The sketches of a file, part by part.
 * @throws UserError if the file has no such arrays, or they are damaged or too large
 */
export async function* sketchDrawings(
  path: string,
  named: Naming,
  signal?: AbortSignal,
): AsyncGenerator<ReadDrawings> {
  const arrays = await npzFile(path);
  let bytes = 0;
  for (const [name, part] of Object.entries(PARTS)) {
    const found = arrays.find((each) => each.name === name);
    if (!found) {
      throw new UserError(
        `${path}: expected the arrays train, valid and test of sketch-rnn's files, found ${arrays.map((each) => each.name).join(', ') || 'none'}`,
      );
    }
    const { where } = found.bytes;
    const content = await wholeArray(found.bytes, signal);
    const sketches = pickledArrays(content, where, objectsStart(content, where));
    bytes += content.length;
    for (let first = 0; first < sketches.length; first += PORTION) {
      signal?.throwIfAborted();
      const portion = sketches.slice(first, first + PORTION);
      yield { drawings: portion.map((rows) => drawingOf(rows, where, named, part)), bytes };
    }
  }
}

function drawingOf(
  rows: () => NumberRows,
  where: string,
  named: Naming,
  part: NamedDrawing['part'],
): ReadDrawing {
  try {
    return { ...named({ drawing: { strokes: strokesOf(rows(), where) }, label: null }, where), part };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { problem: error.message };
  }
}

function strokesOf({ rows, columns, values }: NumberRows, where: string): { xs: number[]; ys: number[] }[] {
  if (columns !== 3)
    throw new UserError(`${where}: a sketch of ${columns} columns; expected dx, dy and lifted`);
  if (rows > MAX_POINTS)
    throw new UserError(`${where}: a sketch of ${rows} points; at most ${MAX_POINTS} are accepted`);
  const strokes: { xs: number[]; ys: number[] }[] = [];
  let [x, y, isDown] = [0, 0, false];
  for (let at = 0; at < values.length; at += 3) {
    x += values[at];
    y += values[at + 1];
    if (!isDown) strokes.push({ xs: [], ys: [] });
    strokes[strokes.length - 1].xs.push(x);
    strokes[strokes.length - 1].ys.push(y);
    isDown = values[at + 2] !== 1;
  }
  return strokes;
}

async function wholeArray({ where, size, chunks }: ArrayBytes, signal?: AbortSignal): Promise<Uint8Array> {
  if (size > MAX_SKETCH_BYTES) {
    throw new UserError(`${where}: ${size} bytes of sketches; at most ${MAX_SKETCH_BYTES} are accepted`);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for await (const chunk of chunks(signal)) {
    whole.set(chunk.subarray(0, size - at), at);
    at += chunk.length;
  }
  return whole.subarray(0, Math.min(at, size));
}
