/** Opens files of moves (stored-moves.ts) in this thread. Imported for this effect. Node.js only. */
import { closeSync, read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { explainFileError } from '../../../formats/file-errors.js';
import { openRegularFileSync } from '../../../formats/read-files.js';
import { UserError } from '../../../user-error.js';
import { type MovesFile, readStoredMovesBy } from './stored-moves.js';
import { StoredReader } from './stored-reader.js';

/** Files that stay open in a thread: the parts of a data set or two. */
const MAX_OPEN = 8;
/** Bytes that are read ahead at once. */
const CHUNK_BYTES = 2 ** 20;
const readLater = promisify(read);

/** By path, the one that was used last at the end. */
const open = new Map<string, CachedFile>();

class CachedFile implements MovesFile {
  readonly #path: string;
  /** Opened with the first reading, and again after `close`. */
  #descriptor: number | null = null;
  readonly #unused = new Uint8Array(CHUNK_BYTES);

  constructor(path: string) {
    this.#path = path;
  }

  read(target: Uint8Array, at: number): void {
    try {
      let done = 0;
      while (done < target.length) {
        const bytes = readSync(this.#opened(), target, done, target.length - done, at + done);
        if (bytes === 0) throw endedEarly(this.#path);
        done += bytes;
      }
    } catch (error) {
      throw explainFileError('read', `the cache ${this.#path}`, error);
    }
  }

  async readAhead(at: number, end: number): Promise<void> {
    for (let from = at; from < end; from += CHUNK_BYTES) {
      await readLater(this.#opened(), this.#unused, 0, Math.min(CHUNK_BYTES, end - from), from);
    }
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }

  #opened(): number {
    this.#descriptor ??= openRegularFileSync(
      this.#path,
      `the cache ${this.#path}`,
      Number.POSITIVE_INFINITY,
    ).descriptor;
    return this.#descriptor;
  }
}

function endedEarly(path: string): UserError {
  return new UserError(
    `cannot read the cache ${path}: it has become shorter; remove its folder, and begin again`,
  );
}

function openFile(path: string): MovesFile {
  const known = open.get(path);
  if (known) open.delete(path);
  const file = known ?? new CachedFile(path);
  open.set(path, file);
  for (const [name, oldest] of open) {
    if (open.size <= MAX_OPEN) break;
    oldest.close();
    open.delete(name);
  }
  return file;
}

readStoredMovesBy({
  open: openFile,
  reader: (stored, offsets) => new StoredReader(openFile(stored.path), stored, offsets),
});
