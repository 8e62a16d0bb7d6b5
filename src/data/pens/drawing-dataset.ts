/**
 * A data set of drawings by a pen. Every drawing becomes a picture like MNIST's, from which strokes are made as from any
 * image; or, in pen order, strokes directly. Node.js only.
 */

import { quote } from '../../formats/quotation.js';
import { DRAWING_SIZE, type Drawing, drawingToImage, drawingToStrokes } from '../../ink/drawing.js';
import { UserError } from '../../user-error.js';
import { byNumberThenName } from '../class-names.js';
import type { ImageDataset, ImageExamples } from '../images/image-examples.js';
import type { OnProgress } from '../strokes/files/stroke-archive.js';
import { concatenateStrokes, MAX_CLASSES, type StrokeDataset } from '../strokes/stroke-examples.js';
import { byTurns, FEWEST_TO_TEST } from '../test-share.js';
import { findDrawingFiles, readDrawings } from './drawing-files.js';
import { DrawingFindings } from './drawing-findings.js';
import type { NamedDrawing } from './read-drawing.js';

/** Most drawings in a data set: 400 MB as pictures. */
const MAX_DRAWINGS = 500_000;
/** Increased whenever the same drawings are divided in another way, or get other classes: it is part of the cache's keys. */
export const DRAWING_SPLIT_VERSION = 4;

/** The drawings of a data set, converted to T. */
interface Parts<T> {
  name: string;
  classes: string[];
  train: { label: number; value: T }[];
  test: { label: number; value: T }[];
  /** What was left out, a line each. */
  notices: string[];
}

/**
 * The drawings of a file or folder as pictures of 28 × 28.
 * @throws UserError naming the file and line that is wrong, or what the data set lacks
 */
export async function loadDrawingImages(
  path: string,
  name: string,
  onProgress?: OnProgress,
  signal?: AbortSignal,
): Promise<ImageDataset> {
  const { classes, notices, ...parts } = await collect(path, name, drawingToImage, onProgress, signal);
  const images = (part: 'train' | 'test'): ImageExamples => {
    const { width, height } = DRAWING_SIZE;
    const count = parts[part].length;
    const pixels = new Uint8Array(new SharedArrayBuffer(count * width * height));
    const labels = new Uint8Array(new SharedArrayBuffer(count));
    parts[part].forEach(({ label, value }, i) => {
      pixels.set(value, i * width * height);
      labels[i] = label;
    });
    return { count, channels: 1, width, height, pixels, labels };
  };
  return { name, train: images('train'), test: images('test'), classes, notices };
}

/**
 * The drawings of a file or folder as strokes in pen order.
 * @throws UserError as loadDrawingImages
 */
export async function loadPenStrokes(
  path: string,
  name: string,
  onProgress?: OnProgress,
  signal?: AbortSignal,
): Promise<StrokeDataset> {
  const inPenOrder = (drawing: Drawing) => drawingToStrokes(drawing, { order: 'pen' });
  const { classes, train, test, notices } = await collect(path, name, inPenOrder, onProgress, signal);
  const [trainStrokes, testStrokes] = [train, test].map((part) =>
    concatenateStrokes(
      part.map(({ value }) => value),
      part.map(({ label }) => label),
      name,
    ),
  );
  return { name, ...DRAWING_SIZE, train: trainStrokes, test: testStrokes, classes, notices };
}

async function collect<T>(
  path: string,
  name: string,
  become: (drawing: Drawing) => T,
  onProgress: OnProgress | undefined,
  signal: AbortSignal | undefined,
): Promise<Parts<T>> {
  const files = await findDrawingFiles(path);
  const findings = new DrawingFindings();
  const all: { label: string; value: T; isTest: boolean }[] = [];
  const what = `reading ${name}`;
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let before = 0;
  for (const file of files) {
    const take = ({ drawing, label, where }: NamedDrawing) => {
      if (!findings.holds(drawing, where)) return;
      if (all.length >= MAX_DRAWINGS) {
        throw new UserError(
          `${file.path}: more than ${MAX_DRAWINGS} drawings in ${path}; train with the preset quickdraw, which leaves them on the ` +
            'disk, or take fewer files',
          { settings: ['preset', 'strokeOrder'] },
        );
      }
      all.push({ label, value: become(drawing), isTest: file.isTest });
    };
    const listed = await readDrawings(
      file,
      take,
      (bytes) => onProgress?.({ what, done: before + bytes, total }),
      signal,
    );
    if (!file.isTest) findings.list(listed);
    before += file.bytes;
  }
  onProgress?.({ what, done: total, total });
  const classes = [...new Set(all.map(({ label }) => label))].sort(byNumberThenName);
  if (classes.length > MAX_CLASSES) {
    throw new UserError(
      `the drawings ${path} are of ${classes.length} classes; at most ${MAX_CLASSES} are accepted`,
    );
  }
  const classOf = new Map(classes.map((label, index) => [label, index]));
  const divided = files.some(({ isTest }) => isTest);
  const counts = new Int32Array(classes.length);
  for (const { label } of all) counts[classOf.get(label) as number]++;
  const isForTest = byTurns(counts);
  const notices = findings.lines(name, classes);
  const kept: Parts<T> = { name, classes, train: [], test: [], notices };
  for (const { label: text, value, isTest } of all) {
    const label = classOf.get(text) as number;
    const forTest = divided ? isTest : isForTest(label);
    kept[forTest ? 'test' : 'train'].push({ label, value });
  }
  checkParts(path, kept);
  return kept;
}

function checkParts<T>(path: string, { classes, train, test }: Parts<T>): void {
  if (train.length === 0 || test.length === 0) {
    throw new UserError(
      `the drawings ${path}: ${train.length} to train and ${test.length} to test; each part needs at least one. ` +
        `Give at least ${FEWEST_TO_TEST} drawings of each class, better 5 to 10; or files for the test, named like test-cats.ndjson or ` +
        'pendigits-orig.tes',
    );
  }
  const known = new Set(train.map(({ label }) => label));
  const unknown = test.find(({ label }) => !known.has(label));
  if (unknown !== undefined) {
    throw new UserError(
      `the drawings ${path}: the class ${quote(classes[unknown.label])} is in the test alone`,
    );
  }
}
