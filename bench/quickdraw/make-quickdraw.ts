/**
 * Writes made drawings in the form of Quick, Draw!'s files, one a class.
 *
 *   npm run quickdraw:make -- --out FOLDER                                   10,000 drawings of 345 classes
 *   npm run quickdraw:make -- --out FOLDER --drawings 1000000 --format bin   also as .bin
 */
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { CLASSES, className, madeDrawing, ndjsonLine, recordOf } from './made-drawings.js';

export type Format = 'ndjson' | 'bin';

export interface Making {
  out: string;
  drawings: number;
  classes: number;
  seed: number;
  format: Format;
}

/** Drawings are shared out evenly among the classes. */
export async function makeQuickdraw({ out, drawings, classes, seed, format }: Making): Promise<void> {
  mkdirSync(out, { recursive: true });
  for (let k = 0; k < classes; k++) {
    const count = Math.floor(((k + 1) * drawings) / classes) - Math.floor((k * drawings) / classes);
    const file = createWriteStream(join(out, `${className(k)}.${format}`));
    for (let index = 0; index < count; index++) {
      const drawing = madeDrawing(seed, k, index);
      const bytes = format === 'bin' ? recordOf(drawing, index) : ndjsonLine(drawing, k, index);
      if (!file.write(bytes)) await new Promise<void>((resolve) => file.once('drain', resolve));
    }
    file.end();
    await finished(file);
  }
}

function wholeFrom(text: string, least: number, flag: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  console.error(`quickdraw:make: --${flag} must be a whole number from ${least}, found ${text}`);
  process.exit(2);
}

if (process.argv[1]?.endsWith('make-quickdraw.js')) {
  const { values } = parseArgs({
    options: {
      out: { type: 'string' },
      drawings: { type: 'string', default: '10000' },
      classes: { type: 'string', default: String(CLASSES) },
      seed: { type: 'string', default: '0' },
      format: { type: 'string', default: 'ndjson' },
    },
  });
  const { out, format } = values;
  if (out === undefined || (format !== 'ndjson' && format !== 'bin')) {
    console.error('quickdraw:make: expected --out FOLDER, and --format ndjson or bin');
    process.exit(2);
  }
  const drawings = wholeFrom(values.drawings, 1, 'drawings');
  const classes = wholeFrom(values.classes, 2, 'classes');
  await makeQuickdraw({ out, drawings, classes, seed: wholeFrom(values.seed, 0, 'seed'), format });
}
