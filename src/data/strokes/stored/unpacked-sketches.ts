/**
 * Sketches of sketch-rnn's files, unpacked into files that can be read in turns: a pickle has to be in memory as a whole,
 * and hundreds of them would not fit. They are simplified, in Quick, Draw!'s binary form.
 */
import { appendFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { movesToStrokes } from '../../../ink/render-strokes.js';
import { pointMoves } from '../../../ink/simplify.js';
import { UserError } from '../../../user-error.js';
import { binaryRecord } from '../../pens/binary-drawings.js';
import { type DrawingFile, drawingsOf } from '../../pens/drawing-files.js';
import type { ReadDrawing, ReadDrawings } from '../../pens/read-drawing.js';

const PARTS = ['train', 'validation', 'test'] as const;

/** Whether the drawings of a file have to be unpacked. */
export function isPacked({ name }: DrawingFile): boolean {
  return /\.npz$/i.test(name);
}

/**
 * The drawings of a file, unpacked into a folder first.
 * @param prefix of the unpacked files' names
 * @throws UserError as drawingsOf
 */
export async function* unpackedDrawings(
  file: DrawingFile,
  folder: string,
  prefix: string,
): AsyncGenerator<ReadDrawings> {
  const pathOf = (part: string) => join(folder, `${prefix}-${part}.bin`);
  const problems: ReadDrawing[] = [];
  let label = '';
  for await (const { drawings } of drawingsOf(file)) {
    const records: Record<(typeof PARTS)[number], Uint8Array[]> = { train: [], validation: [], test: [] };
    for (const each of drawings) {
      if ('problem' in each) {
        problems.push(each);
        continue;
      }
      label = each.label;
      records[each.part ?? 'train'].push(recordOf(each, problems));
    }
    for (const part of PARTS) await appendFile(pathOf(part), Buffer.concat(records[part]));
  }
  yield { drawings: problems, bytes: 0 };
  let done = 0;
  for (const part of PARTS) {
    const path = pathOf(part);
    const bytes = await stat(path).then(
      ({ size }) => size,
      () => 0,
    );
    if (bytes === 0) continue;
    const unpacked = { path, name: `${label}.bin`, bytes, isTest: false };
    for await (const { drawings, bytes: read } of drawingsOf(unpacked)) {
      const share = (done + read / bytes) / PARTS.length;
      yield {
        drawings: drawings.map((each) => ('problem' in each ? each : { ...each, part })),
        bytes: share * file.bytes,
      };
    }
    done++;
  }
}

/** Empty, with a problem, if the drawing cannot be simplified. */
function recordOf(
  { drawing }: Exclude<ReadDrawing, { problem: string }>,
  problems: ReadDrawing[],
): Uint8Array {
  try {
    return binaryRecord(movesToStrokes(pointMoves(drawing)));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    problems.push({ problem: error.message });
    return new Uint8Array(0);
  }
}
