/** `scanstroke data` in a folder with a small data set of images. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { idxBytes, labelBytes } from '../../data/images/idx-bytes.js';
import { runHere } from './fake-run.js';

/** The folder, where the process then works, and the command; the data set is in `lines`, the cache in `cache`. */
export function dataCommand() {
  const folder = mkdtempSync(join(tmpdir(), 'scanstroke-data-'));
  after(() => rmSync(folder, { recursive: true }));
  process.chdir(folder);
  process.env.SCANSTROKE_CACHE = join(folder, 'cache');

  /** Two classes of images, 8 × 8: a vertical and a horizontal line. */
  before(() => {
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
  });

  return { folder, run: (...args: string[]) => runHere(['data', ...args]) };
}
