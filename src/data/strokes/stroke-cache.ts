/**
 * Strokes that took seconds to read or to make, kept in one file for the next time. A file's name says what it was
 * made of, so nothing is ever out of date; it is replaced as a whole, so two processes can write it at once; a file
 * that is damaged is not believed. Node.js only.
 *
 * It is a safetensors file: `train_rows` [N, 4], `train_offsets` [count + 1], `train_labels` [count], the same for
 * `test`, and the picture's size, the classes and a checksum in the metadata.
 */

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { cacheFolder } from '../../cache-folder.js';
import { makeFolder, readFileBounded, writeFileAtomically } from '../../formats/files.js';
import {
  readSafetensors,
  type Tensor,
  type TensorToWrite,
  writeSafetensors,
} from '../../formats/safetensors.js';
import { STROKE_COLUMNS } from '../../ink/image-to-strokes.js';
import { UserError } from '../../user-error.js';
import { emptyStrokes, type StrokeDataset, type StrokeExamples } from './stroke-examples.js';

/** Changes with the layout of the file. */
const CACHE_VERSION = 2;
const MAX_BYTES = 8 * 2 ** 30;
const PARTS = ['train', 'test'] as const;
const FIELDS = ['rows', 'offsets', 'labels'] as const;
type Field = `${(typeof PARTS)[number]}_${(typeof FIELDS)[number]}`;
const ALL_FIELDS = PARTS.flatMap((part) => FIELDS.map((field): Field => `${part}_${field}`));

/** A key for strokes from everything that they depend on. */
export function cacheKey(...parts: (string | number | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of [CACHE_VERSION, ...parts]) {
    if (part instanceof Uint8Array) hash.update(`bytes ${part.length}\n`).update(part);
    else hash.update(`${JSON.stringify(part)}\n`);
  }
  return hash.digest('hex').slice(0, 32);
}

/** The cache file of a key. */
export function cachePath(key: string): string {
  return join(cacheFolder(), `strokes-${key}.safetensors`);
}

/** Strokes kept under this key, or undefined if there are none, or the file is damaged. */
export async function readCache(key: string, name: string): Promise<StrokeDataset | undefined> {
  const path = cachePath(key);
  try {
    const { tensors, metadata } = readSafetensors(await readFileBounded(path, 'the cache', MAX_BYTES), path);
    if (metadata.key !== key || metadata.checksum !== checksum(metadata.about, tensors)) return undefined;
    const [train, test] = PARTS.map((part) => examplesOf(part, tensors, name));
    const { width, height, classes } = JSON.parse(metadata.about) as Pick<
      StrokeDataset,
      'width' | 'height' | 'classes'
    >;
    return { name, width, height, train, test, classes };
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Keeps strokes. @throws UserError if the cache folder cannot be written */
export async function writeCache(key: string, dataset: StrokeDataset): Promise<void> {
  const tensors = new Map<string, TensorToWrite>();
  for (const part of PARTS) {
    const { rows, offsets, labels, count } = dataset[part];
    tensors.set(`${part}_rows`, { shape: [rows.length / STROKE_COLUMNS, STROKE_COLUMNS], data: rows });
    tensors.set(`${part}_offsets`, { shape: [count + 1], data: offsets });
    tensors.set(`${part}_labels`, { shape: [count], data: labels });
  }
  const { width, height, classes } = dataset;
  const about = JSON.stringify({ width, height, classes });
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

/** Copied to shared memory. */
function examplesOf(
  part: (typeof PARTS)[number],
  tensors: ReadonlyMap<string, Tensor>,
  name: string,
): StrokeExamples {
  const [rows, offsets, labels] = FIELDS.map((field) => tensors.get(`${part}_${field}`)?.data as Int16Array);
  const examples = emptyStrokes(labels.length, rows.length / STROKE_COLUMNS, name);
  examples.rows.set(rows);
  examples.offsets.set(offsets);
  examples.labels.set(labels);
  return examples;
}
