/**
 * Finds and loads a data set of pen strokes: the published stroke archive, its folder, or strokes made from images (by
 * default MNIST) or from drawings by a pen. Results are cached. Node.js only.
 */

import { type Stats, statSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { explainFileError, lookAt } from '../../formats/file-errors.js';
import { checkReadable } from '../../formats/read-files.js';
import { DRAWING_VERSION } from '../../ink/drawing.js';
import { INK_VERSION } from '../../ink/image-to-strokes.js';
import { UserError } from '../../user-error.js';
import { isDrawingFile, isDrawingOrSketchFile, isOwnFile, withoutPrefix } from '../dataset-name.js';
import { loadImages } from '../images/image-datasets.js';
import type { ImageDataset } from '../images/image-examples.js';
import { holdsPictures, loadOwn } from '../own/open-own.js';
import { isLabelTable } from '../own/picture-labels.js';
import { DRAWING_SPLIT_VERSION, loadDrawingImages, loadPenStrokes } from '../pens/drawing-dataset.js';
import { findDrawingFiles, hashDrawings, severalFiles } from '../pens/drawing-files.js';
import type { PerClass } from '../per-class.js';
import {
  dataName,
  findStrokeFolder,
  hashArchive,
  type OnProgress,
  readStrokeArchive,
  readStrokeFolder,
  type StrokeFolder,
} from './files/stroke-archive.js';
import { cacheKey, readCache, writeCache } from './files/stroke-cache.js';
import { strokesFromImages } from './files/stroke-conversion.js';
import type { StrokeDataset } from './stroke-examples.js';
import type { StrokeOrder } from './stroke-preprocessing.js';

export interface LoadStrokesOptions {
  /**
   * For drawings: `tour` (the default), a tour of the picture, whichever way it was drawn; `pen`, as the pen drew it;
   * `points`, that with few points, and the moves stay on the disk. Other data have no pen order.
   */
  order?: StrokeOrder;
  /** For the order `points`: drawings of each class for training, validation and test. Default null: all. */
  perClass?: PerClass | null;
  /** For strokes made from images: breaks ties between tours of equal length. Default 0. */
  seed?: number;
  /** For strokes made from images. Default: one a core. */
  threads?: number;
  onProgress?: OnProgress;
  /** Ends the loading: the promise rejects with its reason. */
  signal?: AbortSignal;
  /** Called with one line about what is no error: drawings that were left out, a cache that cannot be written. */
  onNotice?: (line: string) => void;
  /** Throw when strokes that were made cannot be cached. Default: a notice says so. */
  mustCache?: boolean;
  /** Whether the training weights its classes: then no notice advises to. */
  isWeighted?: boolean;
}

/**
 * Loads pen strokes.
 * @param spec `strokes` or `mnist` for strokes made from MNIST; an archive like `sequences.tar.gz`; a folder with the
 *   archive's files (in it or in `sequences/`), with IDX files of images, or with files of drawings
 *   (pens/drawing-files.ts), or one of these. A prefix `strokes:` has no effect.
 * @returns labels are 0, 1, 2 … in the order of the labels that the training files have
 * @throws UserError if there is no such data, or it is damaged, incomplete or ambiguous, naming file and line
 */
export async function loadStrokes(
  spec: string,
  options: LoadStrokesOptions = {},
): Promise<StrokeDataset & { validation?: Int32Array }> {
  if (options.order === 'points') return loadPoints(spec, options);
  const place = await findStrokes(spec);
  const { path, name } = place;
  const { onProgress, signal } = options;
  if (options.perClass) {
    throw new UserError(
      'drawings per class: this divides drawings with the stroke order points only; leave it out, or choose that order',
      { settings: ['perClass', 'strokeOrder'] },
    );
  }
  if (options.order === 'pen' && place.kind !== 'drawings') {
    throw new UserError(
      `the strokes of ${spec} have no pen order, because they are not drawings by a pen; use the order tour`,
    );
  }
  switch (place.kind) {
    case 'drawings':
      return loadFromDrawings(path, name, options);
    case 'images':
    case 'own':
      return loadFromImages(place, options);
    case 'archive':
      return throughCache(cacheKey('archive', await hashArchive(path, signal)), name, options, () =>
        readStrokeArchive(path, onProgress, signal),
      );
    case 'folder':
      return throughCache(await folderKey(place.folder), name, options, () =>
        readStrokeFolder(place.folder, name, onProgress, signal),
      );
  }
}

/** A source of strokes. */
export type StrokePlace = {
  /** The file or folder, or `mnist`. */
  path: string;
  /** For messages and reports. */
  name: string;
} & ({ kind: 'images' | 'own' | 'archive' | 'drawings' } | { kind: 'folder'; folder: StrokeFolder });

/**
 * Finds out what a path holds.
 * @param spec as for loadStrokes
 * @throws UserError if it holds nothing that strokes could be made from
 */
export async function findStrokes(spec: string): Promise<StrokePlace> {
  if (spec === 'strokes' || spec === 'mnist') return { kind: 'images', path: 'mnist', name: 'MNIST' };
  const path = withoutPrefix(spec);
  const name = dataName(path);
  const several = severalFiles(path);
  if (several) return { kind: 'drawings', path, name: `${several.length} files of drawings` };
  if (!(await isFolder(path))) {
    if (isOwnFile(path)) return { kind: 'own', path, name: name.replace(/\.zip$/i, '') };
    return { kind: isDrawingFile(path) ? 'drawings' : 'archive', path, name };
  }
  const folder = await findStrokeFolder(path);
  if (folder !== undefined) return { kind: 'folder', path, name, folder };
  const names = await readdir(path).catch((error: unknown) => {
    throw explainFileError('read', `the data folder ${path}`, error);
  });
  if (names.some((each) => /idx[134]-ubyte/i.test(each))) return { kind: 'images', path, name };
  if (names.some((each) => isDrawingFile(each) && !isLabelTable(each)))
    return { kind: 'drawings', path, name };
  if (await holdsPictures(path)) return { kind: 'own', path, name };
  throw new UserError(
    `the data folder ${path} holds no strokes: expected the files of the stroke archive (trainimg-0-inputdata.txt …, ` +
      'trainlabels.txt, and the same for test) in it or in sequences/, IDX files of images to make strokes from, ' +
      'drawings (.ndjson, .json, .tra and .tes), or pictures of your own in a folder for each class',
  );
}

/**
 * The pictures from which the strokes of a data set were made, in the same order. Drawings are loaded as their pictures.
 * @param spec as for loadStrokes
 * @returns null for an archive or its folder, which have no pictures
 * @throws UserError as loadStrokes
 */
export async function loadStrokePictures(
  spec: string,
  { onProgress, signal }: Pick<LoadStrokesOptions, 'onProgress' | 'signal'> = {},
): Promise<ImageDataset | null> {
  return picturesOf(await findStrokes(spec), { onProgress, signal });
}

/** The pictures at a place, in MNIST's form where they come in other sizes; null for an archive or its folder. */
export async function picturesOf(
  { kind, path, name }: StrokePlace,
  {
    onProgress,
    onNotice,
    signal,
    isWeighted,
  }: Pick<LoadStrokesOptions, 'onProgress' | 'onNotice' | 'signal' | 'isWeighted'>,
): Promise<ImageDataset | null> {
  if (kind === 'images') return loadImages(path, { channelsImg: 1, signal });
  if (kind === 'drawings') return loadDrawingImages(path, name, onProgress, signal);
  if (kind !== 'own') return null;
  return loadOwn(path, {
    channels: 1,
    size: null,
    form: 'thinned',
    onProgress,
    onNotice,
    signal,
    isWeighted,
  });
}

async function loadFromImages(place: StrokePlace, options: LoadStrokesOptions): Promise<StrokeDataset> {
  const images = await picturesOf(place, options);
  if (images === null) throw new Error(`strokes: ${place.path} holds no pictures`);
  const { seed = 0 } = options;
  const name = `${images.name} strokes`;
  return throughCache(imagesKey(images, seed), name, options, () => strokesFromDataset(images, options));
}

/** The data of the preset quickdraw. */
const QUICKDRAW_FOLDER = 'quickdraw';

/** Drawings as points, which stay on the disk. */
async function loadPoints(spec: string, options: LoadStrokesOptions): Promise<StrokeDataset> {
  const path = withoutPrefix(spec);
  const isBuiltIn = spec === 'strokes' || spec === 'mnist';
  if (path === QUICKDRAW_FOLDER && lookAt(path) === 'nothing') {
    throw new UserError(
      `cannot read the data ${path}: there is no such folder; load files of Quick, Draw! into it, as docs/quickdraw.md says, ` +
        'or name yours',
      { settings: ['data'] },
    );
  }
  const files = isBuiltIn ? [] : await findDrawingFiles(path, isDrawingOrSketchFile);
  if (files.length === 0) {
    throw new UserError(
      `the strokes of ${spec} are no drawings by a pen, and the order points needs such: files of drawings (.ndjson, .bin, ` +
        '.npz of sketch-rnn, .json), or a folder of them. Name them, or choose another preset or stroke order',
      { settings: ['data', 'strokeOrder', 'preset'] },
    );
  }
  const several = severalFiles(path, isDrawingOrSketchFile);
  const name = several ? `${several.length} files of drawings` : dataName(path);
  const { loadStoredDrawings } = await import('./stored/stored-dataset.js');
  return loadStoredDrawings(files, name, { ...options, perClass: options.perClass ?? null });
}

async function loadFromDrawings(
  path: string,
  name: string,
  options: LoadStrokesOptions,
): Promise<StrokeDataset> {
  const { order = 'tour', seed = 0, onProgress, signal } = options;
  const contents: string[] = [];
  for (const file of await findDrawingFiles(path)) contents.push(file.name, await hashDrawings(file, signal));
  const versions = [DRAWING_SPLIT_VERSION, DRAWING_VERSION, ...(order === 'pen' ? [] : [INK_VERSION, seed])];
  return throughCache(cacheKey('drawings', order, ...versions, ...contents), name, options, async () => {
    if (order === 'pen') return loadPenStrokes(path, name, onProgress, signal);
    const made = await strokesFromDataset(await loadDrawingImages(path, name, onProgress, signal), options);
    return { ...made, name };
  });
}

/** Makes the strokes of both parts of a data set. @throws UserError if the images are not grey */
async function strokesFromDataset(
  images: ImageDataset,
  { seed = 0, threads, onProgress, signal }: LoadStrokesOptions,
): Promise<StrokeDataset> {
  const what = `strokes from ${images.name}`;
  const total = images.train.count + images.test.count;
  const convert = (part: 'train' | 'test', before: number) =>
    strokesFromImages(images[part], images.name, {
      seed,
      threads,
      signal,
      onProgress: (done) => onProgress?.({ what, done: before + done, total }),
    });
  const train = await convert('train', 0);
  const test = await convert('test', images.train.count);
  const { width, height } = images.train;
  const { classes, notices } = images;
  return { name: `${images.name} strokes`, width, height, train, test, classes, notices };
}

/** The cached strokes, or else makes and caches them. What they have to say is said in both cases. */
export async function throughCache(
  key: string,
  name: string,
  { onNotice, mustCache = false }: Pick<LoadStrokesOptions, 'onNotice' | 'mustCache'>,
  make: () => Promise<StrokeDataset>,
): Promise<StrokeDataset> {
  const cached = await readCache(key, name);
  const made = cached ?? (await make());
  for (const line of made.notices ?? []) onNotice?.(line);
  if (cached !== undefined) return cached;
  try {
    await writeCache(key, made);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const line = `the strokes are not cached: ${error.message}`;
    if (mustCache) throw new UserError(line);
    onNotice?.(line);
  }
  return made;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    const found = await stat(path);
    if (!found.isDirectory()) checkReadable(found, `the strokes ${path}`);
    return found.isDirectory();
  } catch (error) {
    throw explainFileError('read', `the strokes ${path}`, error);
  }
}

/**
 * Key of a folder: name, size, ctime, inode and device of every file. Reading all 70,000 files would take as long as having no cache.
 * Unlike mtime, ctime cannot be set by a program that extracts an archive.
 */
async function folderKey({ path, names }: StrokeFolder): Promise<string> {
  const list: string[] = [];
  for (const name of names.sort()) {
    // join() would take as long as statSync().
    const { size, ctimeMs, ino, dev } = statOfFile(`${path}/${name}`);
    list.push(`${name} ${size} ${ctimeMs} ${ino} ${dev}`);
    if (list.length % 10_000 === 0) await setImmediate();
  }
  return cacheKey('folder', Buffer.from(list.join('\n')));
}

/** @throws UserError if there is no such file, or it is a folder, a pipe, a device or a socket */
function statOfFile(path: string): Stats {
  try {
    const found = statSync(path);
    checkReadable(found, path);
    return found;
  } catch (error) {
    throw explainFileError('read', path, error);
  }
}

/** Key of images: their content, the version of the algorithm and the seed. */
function imagesKey({ train, test, classes }: ImageDataset, seed: number): string {
  const parts = [train, test].flatMap(({ width, height, channels, pixels, labels }) => [
    `${width} × ${height} × ${channels}`,
    pixels,
    labels,
  ]);
  return cacheKey('images', INK_VERSION, seed, JSON.stringify(classes), ...parts);
}
