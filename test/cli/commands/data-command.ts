/** `scanstroke data` in a folder with a small data set of images. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { idxBytes, labelBytes } from '../../data/images/idx-bytes.js';
import { temporaryFolder } from '../../train/small-mnist.js';
import { runHere } from './fake-run.js';

/** The folder, and the command, which works in it; the data set is in `lines`, the cache in `cache`. */
export function dataCommand() {
  const folder = temporaryFolder();
  process.env.SCANSTROKE_CACHE = join(folder, 'cache');

  // Two classes of images, 8 × 8: a vertical and a horizontal line.
  mkdirSync(join(folder, 'lines'));
  const upright = Array.from({ length: 64 }, (_, i) => (i % 8 === 3 && i > 8 && i < 56 ? 255 : 0));
  const level = Array.from({ length: 64 }, (_, i) =>
    Math.floor(i / 8) === 3 && i % 8 > 0 && i % 8 < 7 ? 255 : 0,
  );
  for (const part of ['train', 't10k']) {
    const images = idxBytes(8, [4, 8, 8], [upright, level, upright, level].flat());
    writeFileSync(join(folder, `lines/${part}-images-idx3-ubyte`), images);
    writeFileSync(join(folder, `lines/${part}-labels-idx1-ubyte`), labelBytes([1, 0, 1, 0]));
  }

  const run = async (...args: string[]) => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      return await runHere(['data', ...args]);
    } finally {
      process.chdir(before);
    }
  };
  return { folder, run };
}
