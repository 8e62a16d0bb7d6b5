/** Loads the data set that a value of `--data` names. Node.js only. */
import { readdir } from 'node:fs/promises';
import { explainFileError, lookAt, PATH_WORDS } from '../formats/file-errors.js';
import { UserError } from '../user-error.js';
import type { ChangesToAdd } from './changed/with-changed.js';
import { checkClassNames } from './class-names.js';
import { builtInFor, isDrawingFile, kindNamed } from './dataset-name.js';
import type { DigitsToAdd } from './digits/with-digits.js';
import { loadImages } from './images/image-datasets.js';
import type { ImageDataset } from './images/image-examples.js';
import type { Dataset, DatasetOf, KindLoadOptions, KindName } from './input-kind.js';
import type { NegativesToAdd } from './negatives/with-negatives.js';
import { isLabelTable } from './own/picture-labels.js';
import type { OnProgress } from './strokes/files/stroke-archive.js';

export interface LoadOptions extends KindLoadOptions {
  /** Called while examples are read or made, which takes seconds, with several sets minutes. */
  onProgress?: OnProgress;
  onNotice?: (line: string) => void;
  /** Adds the class `none`; default null: no such class. */
  negatives?: NegativesToAdd | null;
  /** Adds drawn digits to the training examples; default null: none. */
  drawn?: DigitsToAdd | null;
  /** Adds changed copies of the training examples; default null: none. */
  changed?: ChangesToAdd | null;
  /** Sets of the examples that are added, which epochs read in turn; default 1. */
  madeSets?: number;
  /** Ends the loading: the promise rejects with its reason. */
  signal?: AbortSignal;
}

/** The loader of each kind. Strokes need more modules, which images leave out. */
const LOADERS: { readonly [K in KindName]: (spec: string, options: LoadOptions) => Promise<DatasetOf<K>> } = {
  images: async (spec, options) => ({ kind: 'images', ...(await loadPictures(spec, options)) }),
  strokes: async (spec, options) => {
    const { loadStrokes } = await import('./strokes/stroke-datasets.js');
    return { kind: 'strokes', ...(await loadStrokes(spec, options)) };
  },
};

/**
 * @param spec `mnist`; `strokes` of MNIST; `strokes:FOLDER`, the strokes of the images in IDX files; an archive
 *   (.tar.gz) or folder in the layout of the published strokes; a file or folder of drawings; a folder, .zip or
 *   table of people's own pictures; any other folder: IDX files of images
 * @throws UserError as loadImages, collectPictures, loadStrokes, withNegatives, drawnDigits and withChanged, and for class names that no
 *   checkpoint may have
 */
export async function loadDataset(spec: string, options: LoadOptions): Promise<Dataset> {
  const kind = options.order === 'points' ? 'strokes' : (kindNamed(spec) ?? (await kindIn(spec)));
  const dataset = await LOADERS[kind](spec, options);
  checkClassNames(dataset.classes, dataset.name);
  return withAdditions(spec, dataset, options);
}

/** MNIST, IDX files, or people's own pictures. */
async function loadPictures(spec: string, options: LoadOptions): Promise<ImageDataset> {
  const { channelsImg: channels, pictureSize: size = null, pictureForm: form = 'padded', ...rest } = options;
  if (spec !== 'mnist') {
    const { loadOwn } = await import('./own/open-own.js');
    const own = await loadOwn(spec, { channels, size, form, ...rest });
    if (own !== null) return own;
  }
  if (typeof size === 'number') {
    throw new UserError(
      `the data ${spec} have pictures of one size already; a size can be set for your own pictures only: leave it out`,
      { settings: ['imageSize'] },
    );
  }
  return loadImages(spec, options);
}

/** The data set with what is to be added to its training examples. */
async function withAdditions(spec: string, own: Dataset, options: LoadOptions): Promise<Dataset> {
  const { madeSets = 1 } = options;
  const first = await withSet(spec, own, options, 0);
  if (first === own) {
    if (madeSets === 1) return own;
    throw new UserError(
      `made sets: ${madeSets} sets of made samples, but none are made; ` +
        'add a share of negatives, drawn digits or changed copies, or leave the sets out',
      { settings: ['madeSets', 'noneShare', 'drawnShare', 'changedShare'] },
    );
  }
  let dataset: Dataset = { ...first, own: own.train.count };
  for (let set = 1; set < madeSets; set++) {
    const { withNextSet } = await import('./made-sets.js');
    dataset = withNextSet(dataset, await withSet(spec, own, options, set));
  }
  return dataset;
}

/** The data set with the made examples of one set. */
async function withSet(spec: string, own: Dataset, options: LoadOptions, set: number): Promise<Dataset> {
  const [negatives, drawn, changed] = [options.negatives, options.drawn, options.changed].map(
    (added) => added && { ...added, seed: seedOfSet(added.seed, set) },
  );
  let dataset = own;
  if (negatives) {
    const { withNegatives } = await import('./negatives/with-negatives.js');
    dataset = await withNegatives(dataset, negatives, options);
  }
  if (drawn) {
    const { drawnDigits } = await import('./digits/with-digits.js');
    const { withExamples } = await import('./drawn/made-examples.js');
    dataset = withExamples(dataset, await drawnDigits(own, drawn, options));
  }
  if (changed) {
    const { withChanged } = await import('./changed/with-changed.js');
    // Drawings of the order points are refused.
    const hasPictures = own.kind === 'strokes' && options.order !== 'points';
    const pictures = hasPictures ? await picturesOfStrokes(spec, options) : null;
    dataset = await withChanged(dataset, changed, { ...options, pictures });
  }
  return dataset;
}

/** That of the run, or one that no run has, and no other set: those of runs are below 2³², which is that of the test. */
function seedOfSet(seed: number, set: number): number {
  return set === 0 ? seed : (set + 1) * 2 ** 32 + seed;
}

async function picturesOfStrokes(spec: string, options: LoadOptions) {
  const { loadStrokePictures } = await import('./strokes/stroke-datasets.js');
  return (await loadStrokePictures(spec, options))?.train ?? null;
}

/** The kind of the files in a folder. IDX files take precedence; a folder without known files counts as images. */
async function kindIn(spec: string): Promise<KindName> {
  const kind = lookAt(spec);
  if (kind === 'file' || kind === 'other') {
    throw new UserError(
      `cannot read the data ${spec}: expected mnist, strokes, a folder of IDX files, a folder or .zip of your own pictures, a table of pictures (.csv, .tsv, .npz, .npy, .parquet), an archive of strokes (.tar.gz, .tgz, .tar) or ` +
        `drawings (.ndjson, .jsonl, .json, .tra, .tes, .unipen); it ${PATH_WORDS[kind]}${kind === 'file' ? ' with another ending' : ''}`,
      { settings: ['data'] },
    );
  }
  const meant = kind === 'nothing' ? builtInFor(spec) : undefined;
  if (meant) throw new UserError(`cannot read the data ${spec}: it does not exist; did you mean ${meant}?`);
  if (kind !== 'folder') return 'images';
  const names = await readdir(spec).catch((error: unknown) => {
    throw explainFileError('read', `the data ${spec}`, error);
  });
  if (names.some((name) => /idx[134]-ubyte/i.test(name))) return 'images';
  const { findStrokeFolder } = await import('./strokes/files/stroke-archive.js');
  const holdsStrokes =
    names.some((name) => isDrawingFile(name) && !isLabelTable(name)) ||
    (await findStrokeFolder(spec)) !== undefined;
  return holdsStrokes ? 'strokes' : 'images';
}
