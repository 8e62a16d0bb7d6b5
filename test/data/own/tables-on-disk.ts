/** Files of tables for tests: arrays as NumPy writes them, in a folder that is removed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OwnPicture, OwnSource } from '#src/data/own/own-picture.js';
import { openTable } from '#src/data/own/tables/open-table.js';

export interface Collected {
  total: number | null;
  pictures: OwnPicture[];
  leftOut: string[];
}

/** Reads a source to its end. */
export async function readAll(source: OwnSource): Promise<Collected> {
  const pictures: OwnPicture[] = [];
  const leftOut: string[] = [];
  const leave = (where: string, reason: string) => leftOut.push(`${where}: ${reason}`);
  for await (const picture of source.pictures(undefined, leave)) pictures.push(picture);
  return { total: source.total, pictures, leftOut };
}

/** Opens files in a new folder, or one of them, and reads them; messages have `DIR` for the folder. */
export async function tableOf(files: Record<string, string | Uint8Array>, name = ''): Promise<Collected> {
  const folder = mkdtempSync(join(tmpdir(), 'scanstroke-tables-'));
  try {
    for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content);
    const source = await openTable(join(folder, name), async () => {
      throw new Error('no pictures to decode');
    });
    if (source === null) throw new Error('no table');
    return await readAll(source);
  } catch (error) {
    if (error instanceof Error) error.message = error.message.replaceAll(folder, 'DIR');
    throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The bytes of a .npy file. @param data the elements' bytes */
export function npy(descr: string, shape: number[], data: Uint8Array, fortranOrder = false): Uint8Array {
  const sizes = `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;
  const order = fortranOrder ? 'True' : 'False';
  const text = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${sizes}, }`;
  const header = text.padEnd(Math.ceil((10 + text.length + 1) / 64) * 64 - 11);
  const preamble = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, 0, 0]);
  preamble.writeUInt16LE(header.length + 1, 8);
  return Buffer.concat([preamble, Buffer.from(`${header}\n`), data]);
}
