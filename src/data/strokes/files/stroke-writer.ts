/**
 * Writes a data set of strokes in the layout of the published archive, as a folder or as a `.tar.gz`. The same data give
 * the same bytes. Node.js only.
 */

import { readdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { finished } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { Header } from 'tar';
import { explainFileError } from '../../../formats/file-errors.js';
import {
  checkFileTarget,
  prepareFolder,
  removeEmptyFolders,
  writeFileAtomically,
} from '../../../formats/files.js';
import { UserError } from '../../../user-error.js';
import { CLASS_NAMES_FILE } from '../../class-names.js';
import { movesOf, type StrokeDataset } from '../stroke-examples.js';
import type { OnProgress } from './stroke-archive.js';
import { labelFileName, sequenceFileName } from './stroke-files.js';
import { formatStrokes } from './stroke-text.js';

const BLOCK = 512;
/** Files written between two turns of the event loop. */
const BATCH = 250;

/**
 * Writes `path`, which should end in .tar.gz; nothing is written on failure.
 * @throws UserError if it cannot be written
 */
export async function writeStrokeArchive(
  dataset: StrokeDataset,
  path: string,
  onProgress?: OnProgress,
): Promise<void> {
  const gzip = createGzip();
  const compressed: Uint8Array[] = [];
  gzip.on('data', (chunk: Uint8Array) => compressed.push(chunk));
  await eachFile(dataset, path, onProgress, async (name, text) => {
    const content = Buffer.from(text);
    const entry = Buffer.alloc(BLOCK + Math.ceil(content.length / BLOCK) * BLOCK);
    new Header({
      path: `sequences/${name}`,
      type: 'File',
      size: content.length,
      mtime: new Date(0),
      mode: 0o644,
      uid: 0,
      gid: 0,
    }).encode(entry, 0);
    content.copy(entry, BLOCK);
    if (!gzip.write(entry)) await new Promise((resolve) => gzip.once('drain', resolve));
  });
  gzip.end(Buffer.alloc(2 * BLOCK));
  await finished(gzip);
  await writeFileAtomically(path, Buffer.concat(compressed));
}

/**
 * Writes the files into a new or empty folder; removes them on failure.
 * @throws UserError if the folder is not empty or cannot be written
 */
export async function writeStrokeFolder(
  dataset: StrokeDataset,
  folder: string,
  onProgress?: OnProgress,
): Promise<void> {
  const made = await prepareStrokeTarget(folder);
  const written: string[] = [];
  try {
    await eachFile(dataset, folder, onProgress, (name, text) => {
      written.push(name);
      return writeFile(join(folder, name), text);
    });
  } catch (error) {
    for (const name of written) await rm(join(folder, name), { force: true }).catch(() => {});
    await removeEmptyFolders(made);
    throw explainFileError('write', `the strokes to ${folder}`, error);
  }
}

/**
 * Checks before the work that strokes can be written to this path; creates the folder.
 * @returns the folders that were made, for removeEmptyFolders if the work fails
 * @throws UserError if they cannot
 */
export async function prepareStrokeTarget(path: string): Promise<string[]> {
  if (isArchiveName(path)) {
    await checkFileTarget(path);
    return [];
  }
  const made = await prepareFolder(path);
  const names = made.length > 0 ? [] : await readdir(path);
  if (names.length === 0) return made;
  throw new UserError(
    `cannot write the strokes to ${path}: it holds ${names.length} files already; name a new or empty folder, ` +
      'or a file that ends in .tar.gz',
  );
}

export function isArchiveName(path: string): boolean {
  return /\.(tar\.gz|tgz)$/i.test(path);
}

/** All files of the data set, labels first. */
async function eachFile(
  dataset: StrokeDataset,
  target: string,
  onProgress: OnProgress | undefined,
  write: (name: string, text: string) => Promise<void>,
): Promise<void> {
  const what = `writing ${basename(target)}`;
  const { train, test, classes } = dataset;
  const total = train.count + test.count;
  let done = 0;
  // Labels are numbers; a file of names is needed only if a name is not its number.
  if (classes.some((name, index) => name !== String(index))) {
    await write(CLASS_NAMES_FILE, `${classes.join('\n')}\n`);
  }
  for (const [part, examples] of [['train', train] as const, ['test', test] as const]) {
    await write(labelFileName(part), `${examples.labels.join('\n')}\n`);
    for (let number = 0; number < examples.count; number++) {
      await write(sequenceFileName(part, number), formatStrokes(movesOf(examples, number)));
      if (++done % BATCH === 0) {
        onProgress?.({ what, done, total });
        await setImmediate();
      }
    }
  }
  onProgress?.({ what, done: total, total });
}
