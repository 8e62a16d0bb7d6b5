/** Loads a data set of either kind by what the user calls it. Node.js only. */
import { statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { isDrawingFile, namesStrokes } from './dataset-name.js';
import { type ImageDataset, loadImages } from './images/image-datasets.js';
import type { ImageExamples } from './images/image-examples.js';
import type { AnyPreprocessing, SequencesData } from './sources.js';
import { findStrokeFolder, type OnProgress } from './strokes/stroke-archive.js';
import { loadStrokes } from './strokes/stroke-datasets.js';
import type { StrokeDataset, StrokeExamples } from './strokes/stroke-examples.js';
import type { StrokeOrder } from './strokes/stroke-sequences.js';

export type Dataset = ({ kind: 'images' } & ImageDataset) | ({ kind: 'strokes' } & StrokeDataset);

export interface LoadOptions {
  /** Of images. */
  channelsImg: number;
  /** Of the points of strokes. */
  order: StrokeOrder;
  /** Reading or making strokes for the first time takes seconds. */
  onProgress?: OnProgress;
  onNotice?: (line: string) => void;
}

/**
 * @param spec `mnist`; `strokes`, those of MNIST; `strokes:FOLDER`, those of the images in its IDX files; an archive
 *   (.tar.gz) or folder in the layout of the published strokes; a file or folder of drawings; any other folder: IDX
 *   files of images
 * @throws UserError as loadImages and loadStrokes
 */
export async function loadDataset(spec: string, options: LoadOptions): Promise<Dataset> {
  if (namesStrokes(spec) || (await holdsStrokes(spec))) {
    return { kind: 'strokes', ...(await loadStrokes(spec, options)) };
  }
  return { kind: 'images', ...(await loadImages(spec, options)) };
}

/** What a folder holds that is not said to be strokes: images go before drawings. A folder of neither is left to loadImages. */
async function holdsStrokes(spec: string): Promise<boolean> {
  if (!statSync(spec, { throwIfNoEntry: false })?.isDirectory()) return false;
  const names = await readdir(spec);
  if (names.some((name) => /idx[134]-ubyte/i.test(name))) return false;
  return names.some(isDrawingFile) || (await findStrokeFolder(spec)) !== undefined;
}

/** A part of a data set as sequences. */
export function sequencesOf(
  { kind, name }: { kind: Dataset['kind']; name: string },
  examples: ImageExamples | StrokeExamples,
  preprocessing: AnyPreprocessing,
): SequencesData {
  return { kind, name, examples, preprocessing } as SequencesData;
}
