/** Keeps the tiles of each GPU in a file of the cache folder. Node.js only. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../../cache-folder.js';
import type { TileStore } from './tuning.js';

/** Files are looked for anew each time. Without a cache folder, or if it cannot be written, nothing is kept. */
export const TILE_FILES: TileStore = {
  async read(device) {
    try {
      return await readFile(pathOf(device), 'utf8');
    } catch {
      return null;
    }
  },
  async write(device, text) {
    try {
      const path = pathOf(device);
      await mkdir(cacheFolder(), { recursive: true });
      // Renamed into place: another process reads a whole file.
      const fresh = `${path}.${process.pid}`;
      await writeFile(fresh, text);
      await rename(fresh, path);
    } catch {
      // The next process measures again.
    }
  },
};

function pathOf(device: string): string {
  const name = createHash('sha256').update(device).digest('hex').slice(0, 16);
  return join(cacheFolder(), `gpu-tiles-${name}.json`);
}
