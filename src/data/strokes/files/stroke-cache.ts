/**
 * Cache of strokes that took seconds to read or make, one file a data set. A file's name is a hash of what it was made
 * from, so no file is out of date. Files are replaced as a whole, so two processes can write one at once. A damaged file
 * is ignored. Node.js only.
 *
 * It is a safetensors file: `train_rows` [N, 4], `train_offsets` [count + 1], `train_labels` [count], the same for
 * `test`, and the picture's size, the classes, notices and a checksum in the metadata.
 */

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { cacheFolder } from '../../../cache-folder.js';
import { makeFolder, writeFileAtomically } from '../../../formats/files.js';
import { parseJson } from '../../../formats/json.js';
import {
  type Tensor,
  type TensorToWrite,
  writeSafetensors,
} from '../../../formats/safetensors/safetensors.js';
import { readSafetensorsFile } from '../../../formats/safetensors/safetensors-reader.js';
import { list, optional, readAs, record, text, whole } from '../../../formats/shape.js';
import { STROKE_COLUMNS } from '../../../ink/image-to-strokes.js';
import { UserError } from '../../../user-error.js';
import {
  emptyStrokes,
  inMemory,
  MAX_CLASSES,
  type StrokeDataset,
  type StrokeExamples,
} from '../stroke-examples.js';

/** The `about` of the metadata. */
const aboutShape = record({
  width: whole(1),
  height: whole(1),
  classes: list(text, MAX_CLASSES),
  notices: optional(list(text, MAX_CLASSES), []),
});
/** Changes with the layout of the file. */
const CACHE_VERSION = 2;
const MAX_BYTES = 8 * 2 ** 30;
const PARTS = ['train', 'test'] as const;
const FIELDS = ['rows', 'offsets', 'labels'] as const;
type Field = `${(typeof PARTS)[number]}_${(typeof FIELDS)[number]}`;
const ALL_FIELDS = PARTS.flatMap((part) => FIELDS.map((field): Field => `${part}_${field}`));

/** The cache key: a hash of everything that the strokes depend on. */
export function cacheKey(...parts: (string | number | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of [CACHE_VERSION, ...parts]) {
    if (part instanceof Uint8Array) hash.update(`bytes ${part.length}\n`).update(part);
    else hash.update(`${JSON.stringify(part)}\n`);
  }
  return hash.digest('hex').slice(0, 32);
}

/** The cache file of a key. @throws UserError if there is no folder for the cache */
export function cachePath(key: string): string {
  return join(cacheFolder(), `strokes-${key}.safetensors`);
}

/** The strokes under a key; undefined if there are none, or the file is damaged. */
export async function readCache(key: string, name: string): Promise<StrokeDataset | undefined> {
  try {
    const path = cachePath(key);
    const options = { what: 'the cache', maxBytes: MAX_BYTES };
    return await readSafetensorsFile(path, options, async ({ header, tensor }) => {
      const { entries, metadata } = header;
      if (metadata.key !== key || entries.length !== ALL_FIELDS.length) return undefined;
      const about = readAs(aboutShape, parseJson(metadata.about ?? '', path), path);
      const tensors = new Map<string, Tensor>();
      for (const entry of entries) tensors.set(entry.name, await tensor(entry));
      if (metadata.checksum !== checksum(metadata.about, tensors)) return undefined;
      const [train, test] = PARTS.map((part) => examplesOf(part, tensors, about.classes.length, name));
      return { name, ...about, train, test };
    });
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Stores strokes. @throws UserError if the cache folder cannot be written */
export async function writeCache(key: string, dataset: StrokeDataset): Promise<void> {
  const tensors = new Map<string, TensorToWrite>();
  for (const part of PARTS) {
    const { moves, offsets, labels, count } = inMemory(dataset[part], 'the cache');
    tensors.set(`${part}_rows`, { shape: [moves.length / STROKE_COLUMNS, STROKE_COLUMNS], data: moves });
    tensors.set(`${part}_offsets`, { shape: [count + 1], data: offsets });
    tensors.set(`${part}_labels`, { shape: [count], data: labels });
  }
  const { width, height, classes, notices = [] } = dataset;
  const about = JSON.stringify({ width, height, classes, notices });
  const bytes = writeSafetensors(tensors, { key, about, checksum: checksum(about, tensors) });
  await makeFolder(cacheFolder());
  await writeFileAtomically(cachePath(key), bytes);
}

function checksum(about: string, tensors: ReadonlyMap<string, Pick<TensorToWrite, 'data'>>): string {
  const hash = createHash('sha256').update(String(about));
  for (const name of ALL_FIELDS) {
    const data = tensors.get(name)?.data;
    if (data === undefined) return 'incomplete';
    hash.update(`\n${name} ${data.byteLength}\n`);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}

/** Copied to shared memory. @throws UserError if the tensors are not of the types and sizes that writeCache gives */
function examplesOf(
  part: (typeof PARTS)[number],
  tensors: ReadonlyMap<string, Tensor>,
  classes: number,
  name: string,
): StrokeExamples {
  const [moves, offsets, labels] = FIELDS.map((field) => tensors.get(`${part}_${field}`)?.data);
  if (
    !(moves instanceof Int16Array && offsets instanceof Int32Array && labels instanceof Uint8Array) ||
    moves.length % STROKE_COLUMNS !== 0 ||
    offsets.length !== labels.length + 1 ||
    offsets[0] !== 0 ||
    offsets.some((offset, i) => i > 0 && offset < offsets[i - 1]) ||
    offsets[offsets.length - 1] !== moves.length / STROKE_COLUMNS ||
    labels.some((label) => label >= classes)
  ) {
    throw new UserError(`the cache of ${name}: its ${part} tensors do not fit together`);
  }
  const examples = emptyStrokes(labels.length, moves.length / STROKE_COLUMNS, name);
  examples.moves.set(moves);
  examples.offsets.set(offsets);
  examples.labels.set(labels);
  return examples;
}
