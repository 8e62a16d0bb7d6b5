/** Worker thread that reads files of drawings in turns, some drawings at a time. See conversion.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { STROKE_COLUMNS } from '../../../ink/image-to-strokes.js';
import { pointMoves } from '../../../ink/simplify.js';
import { postableError, UserError } from '../../../user-error.js';
import { type DrawingFile, drawingsOf } from '../../pens/drawing-files.js';
import type { ReadDrawing, ReadDrawings } from '../../pens/read-drawing.js';
import {
  type ConversionReply,
  type ConversionRequest,
  type ConversionStart,
  type ConvertedDrawings,
  MEANT_FOR,
  NAMED_PROBLEMS,
} from './conversion-protocol.js';
import { encodeMoves } from './moves-codec.js';
import { ROW_BYTES } from './stored-moves.js';
import { isPacked, unpackedDrawings } from './unpacked-sketches.js';

const port = parentPort;
if (!port) throw new Error('conversion-worker.js runs in a worker thread, started by conversion.ts');
const { files, scratch } = workerData as ConversionStart;

/** A drawing as rows; or why it is none. */
type Item = { label: string; meantFor: number; rows: Uint8Array } | { problem: string };

/** A file that is being read. Drawings become rows when they are read, which take a tenth of the memory. */
class OpenFile {
  readonly #path: string;
  readonly #drawings: AsyncGenerator<ReadDrawings>;
  #waiting: Item[] = [];
  #next = 0;
  bytes = 0;
  isEnded = false;

  constructor(file: DrawingFile, number: number) {
    this.#path = file.path;
    this.#drawings = isPacked(file) ? unpackedDrawings(file, scratch, String(number)) : drawingsOf(file);
  }

  async take(most: number): Promise<Item[]> {
    const taken: Item[] = [];
    while (taken.length < most) {
      if (this.#next < this.#waiting.length) {
        taken.push(this.#waiting[this.#next++]);
        continue;
      }
      const { value, done } = await this.#drawings.next();
      if (done) {
        this.isEnded = true;
        break;
      }
      this.bytes = value.bytes;
      this.#waiting = value.drawings.map((each) => itemOf(each, this.#path));
      this.#next = 0;
    }
    return taken;
  }
}

function itemOf(read: ReadDrawing, path: string): Item {
  if ('problem' in read) return read;
  const { drawing, label, part = 'any' } = read;
  try {
    const moves = pointMoves(drawing);
    if (moves.length <= STROKE_COLUMNS)
      return { problem: `${path}: a drawing of ${label}: nothing is drawn` };
    const rows = new Uint8Array((moves.length / STROKE_COLUMNS) * ROW_BYTES);
    encodeMoves(moves, rows, 0);
    return { label, meantFor: MEANT_FOR.indexOf(part), rows };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { problem: `${path}: a drawing of ${label}: ${error.message}` };
  }
}

const open = new Map<number, OpenFile>();

async function convert({ file, most }: ConversionRequest): Promise<ConvertedDrawings> {
  const reading = open.get(file) ?? new OpenFile(files[file], file);
  open.set(file, reading);
  const taken = await reading.take(most);
  if (reading.isEnded) open.delete(file);
  const problems = taken.flatMap((each) => ('problem' in each ? [each.problem] : []));
  const drawings = taken.filter((each) => 'rows' in each);
  const words = [...new Set(drawings.map(({ label }) => label))];
  const numbers = new Map(words.map((word, n) => [word, n]));
  const rows = new Uint8Array(drawings.reduce((sum, each) => sum + each.rows.length, 0));
  let at = 0;
  for (const each of drawings) {
    rows.set(each.rows, at);
    at += each.rows.length;
  }
  return {
    file,
    words,
    wordOf: Uint16Array.from(drawings, ({ label }) => numbers.get(label) as number),
    meantFor: Uint8Array.from(drawings, ({ meantFor }) => meantFor),
    lengths: Uint16Array.from(drawings, (each) => each.rows.length / ROW_BYTES),
    rows,
    problemCount: problems.length,
    problems: problems.slice(0, NAMED_PROBLEMS),
    bytes: reading.bytes,
    isEnded: reading.isEnded,
  };
}

/** One after the other: a request may come while another is carried out. */
let before: Promise<void> = Promise.resolve();
port.on('message', (request: ConversionRequest) => {
  before = before
    .then(() => convert(request))
    .then(
      (converted) =>
        port.postMessage(converted satisfies ConversionReply, [converted.rows.buffer as ArrayBuffer]),
      (error: unknown) => port.postMessage({ error: postableError(error) } satisfies ConversionReply),
    );
});
