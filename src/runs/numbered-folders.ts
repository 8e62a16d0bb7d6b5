/** Folders of runs that belong together: `seed-0`, `seed-1` …, `trial-001`, `trial-002` … */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The folders in a folder whose names are meant, in the order of the numbers at their ends. */
export function numberedFolders(folder: string, isMeant: (name: string) => boolean): string[] {
  const numberOf = (name: string) => Number(name.slice(name.lastIndexOf('-') + 1));
  return readdirSync(folder)
    .filter(isMeant)
    .sort((a, b) => numberOf(a) - numberOf(b))
    .map((name) => join(folder, name));
}
