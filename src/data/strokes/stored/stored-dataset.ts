/**
 * Data sets of drawings that stay on the disk, in the cache: found by what they were made from, or else converted. Memory
 * holds six bytes a drawing, where it begins and its class. Node.js only.
 *
 * A data set is a folder with train.safetensors and test.safetensors: `rows` [N, 2] bytes (stored-moves.ts), `offsets`
 * [count + 1], `labels` [count], and `validation`, the training drawings that are for validation. The folder appears as a
 * whole. Its name is a hash of names, sizes and times of the files, of the counts, and of the versions of the algorithms;
 * reading the content of all files would take as long as converting them.
 */
import { createHash } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../../../cache-folder.js';
import { explainFileError, lookAt } from '../../../formats/file-errors.js';
import { makeFolder, makeFolderAtomically } from '../../../formats/files.js';
import { parseJson } from '../../../formats/json.js';
import type { Tensor } from '../../../formats/safetensors/safetensors.js';
import { readSafetensorsFile } from '../../../formats/safetensors/safetensors-reader.js';
import { list, nullable, readAs, record, text, whole } from '../../../formats/shape.js';
import { POINTS_SIDE, POINTS_VERSION } from '../../../ink/simplify.js';
import { sharedBytes } from '../../../shared-memory.js';
import { UserError } from '../../../user-error.js';
import { MAX_CLASSES } from '../../class-names.js';
import type { DrawingFile } from '../../pens/drawing-files.js';
import type { PerClass } from '../../per-class.js';
import { cacheKey } from '../files/stroke-cache.js';
import type { StrokeDataset, StrokeExamples } from '../stroke-examples.js';
import { type ConversionOptions, type ConvertedSummary, convertDrawings } from './conversion.js';
import { PART_TENSORS } from './part-writer.js';
import './stored-file.js';
import { ROW_BYTES } from './stored-moves.js';

/** Changes with the layout of the files and the division of drawings, and with their classes. */
const STORED_VERSION = 3;
const PARTS = ['train', 'test'] as const;
const aboutShape = record<ConvertedSummary>({
  classes: list(text, MAX_CLASSES),
  problemCount: whole(0),
  problems: list(text, 100),
  shortage: nullable(text),
});

export interface StoredOptions extends ConversionOptions {
  onNotice?: (line: string) => void;
}

export type StoredDataset = StrokeDataset & { validation?: Int32Array };

/**
 * @param name of the data set, for messages
 * @throws UserError as convertDrawings, and if the cache cannot be written
 */
export async function loadStoredDrawings(
  files: readonly DrawingFile[],
  name: string,
  options: StoredOptions,
): Promise<StoredDataset> {
  const key = await keyOf(files, options.perClass);
  const folder = join(cacheFolder(), `drawings-${key}`);
  if (lookAt(folder) === 'folder') {
    const found = await openStored(folder, key, name, options);
    if (found) return found;
    await rm(folder, { recursive: true, force: true }); // damaged
  }
  await makeFolder(cacheFolder());
  await makeFolderAtomically(folder, (temporary) =>
    convertDrawings(files, name, temporary, options, (summary) => ({ key, about: JSON.stringify(summary) })),
  );
  const made = await openStored(folder, key, name, options);
  if (!made)
    throw new UserError(
      `${name}: the converted drawings ${folder} cannot be read; remove the folder, and begin again`,
    );
  return made;
}

async function keyOf(files: readonly DrawingFile[], perClass: PerClass | null): Promise<string> {
  const parts: (string | number)[] = [];
  for (const { path, name } of files) {
    try {
      const { size, mtimeMs, ctimeMs, ino, dev } = await stat(path);
      parts.push(name, size, mtimeMs, ctimeMs, ino, dev);
    } catch (error) {
      throw explainFileError('read', `the drawings ${path}`, error);
    }
  }
  const counts = perClass ? [perClass.train, perClass.validation, perClass.test] : [];
  return cacheKey('stored drawings', STORED_VERSION, POINTS_VERSION, ...counts, ...parts);
}

/** Undefined if it is damaged. */
async function openStored(
  folder: string,
  key: string,
  name: string,
  { onNotice }: StoredOptions,
): Promise<StoredDataset | undefined> {
  try {
    const [train, test] = [await openPart(folder, 'train', key), await openPart(folder, 'test', key)];
    const { classes, problemCount, problems, shortage } = train.about;
    if (shortage !== null) onNotice?.(`${name}: ${shortage}`);
    if (problemCount > 0) {
      onNotice?.(
        `${name}: ${problemCount} lines or records are no drawings and are left out; the first: ${problems[0] ?? ''}`,
      );
    }
    return {
      name,
      width: POINTS_SIDE,
      height: POINTS_SIDE,
      train: train.examples,
      test: test.examples,
      classes,
      ...(train.validation.length > 0 && { validation: train.validation }),
    };
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

async function openPart(folder: string, part: (typeof PARTS)[number], key: string) {
  const path = join(folder, `${part}.safetensors`);
  const options = { what: 'the cache', maxBytes: Number.POSITIVE_INFINITY };
  return readSafetensorsFile(path, options, async ({ header, tensor }) => {
    const { entries, metadata, dataStart } = header;
    const entry = (name: string) => entries.find((each) => each.name === name);
    const [rows, ...others] = PART_TENSORS.map(entry);
    if (metadata.key !== key || !rows || entries.length !== PART_TENSORS.length) throw damaged(path);
    const about = readAs(aboutShape, parseJson(metadata.about ?? '', path), path);
    const hash = createHash('sha256');
    const tensors: Tensor['data'][] = [];
    for (const each of others) {
      if (!each) throw damaged(path);
      const { data } = await tensor(each);
      hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      tensors.push(data);
    }
    const [offsets, labels, validation] = tensors;
    if (
      metadata.checksum !== hash.digest('hex') ||
      !(
        offsets instanceof Uint32Array &&
        labels instanceof Uint16Array &&
        validation instanceof Uint32Array
      ) ||
      offsets.length !== labels.length + 1 ||
      offsets[offsets.length - 1] * ROW_BYTES !== rows.end - rows.start
    ) {
      throw damaged(path);
    }
    const examples: StrokeExamples = {
      count: labels.length,
      moves: { path, start: dataStart + rows.start },
      offsets: shared(offsets, (bytes) => new Uint32Array(bytes)),
      labels: shared(labels, (bytes) => new Uint16Array(bytes)),
    };
    return { about, examples, validation: Int32Array.from(validation) };
  });
}

function shared<T extends Uint32Array | Uint16Array>(
  values: T,
  over: (bytes: ArrayBuffer | SharedArrayBuffer) => T,
): T {
  const copy = over(sharedBytes(values.byteLength));
  copy.set(values);
  return copy;
}

function damaged(path: string): UserError {
  return new UserError(`the cache ${path} is damaged`);
}
