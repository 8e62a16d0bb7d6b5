/** Loads a data set of either kind by what the user calls it. Node.js only. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { namesStrokes, STROKES_PREFIX } from './dataset-name.js';
import { type ImageDataset, loadImages } from './datasets.js';
import type { ImageExamples } from './images.js';
import type { AnyPreprocessing, SequencesData } from './sources.js';
import type { OnProgress } from './stroke-archive.js';
import { loadStrokes } from './stroke-datasets.js';
import type { StrokeOrder } from './stroke-sequences.js';
import type { StrokeDataset, StrokeExamples } from './strokes.js';

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
 *   (.tar.gz) or folder in the layout of the published strokes; any other folder: IDX files of images
 * @throws UserError as loadImages and loadStrokes
 */
export async function loadDataset(spec: string, options: LoadOptions): Promise<Dataset> {
  if (namesStrokes(spec) || holdsStrokes(spec)) {
    const source = spec.startsWith(STROKES_PREFIX) ? spec.slice(STROKES_PREFIX.length) : spec;
    return { kind: 'strokes', ...(await loadStrokes(source, options)) };
  }
  return { kind: 'images', ...(await loadImages(spec, options)) };
}

/** A folder like the published one, or with `sequences/` in it. */
function holdsStrokes(spec: string): boolean {
  if (!statSync(spec, { throwIfNoEntry: false })?.isDirectory()) return false;
  return [spec, join(spec, 'sequences')].some(
    (folder) =>
      existsSync(folder) &&
      readdirSync(folder).some((name) => /^train(labels|img-\d+-inputdata)\.txt$/.test(name)),
  );
}

/** A part of a data set as sequences. */
export function sequencesOf(
  { kind, name }: { kind: Dataset['kind']; name: string },
  examples: ImageExamples | StrokeExamples,
  preprocessing: AnyPreprocessing,
): SequencesData {
  return { kind, name, examples, preprocessing } as SequencesData;
}
